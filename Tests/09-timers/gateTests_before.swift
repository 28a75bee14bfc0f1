// SPDX-License-Identifier: Apache-2.0
//
// The gate on the stage before.

import CLinux
import Testing

@testable import Stage08

extension RuntimeTests.GateTests {
  @Test func `on stage 08 they end the process`() async {
    let result = await #expect(
      processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
    ) {
      exitTestDeadline()
      try run(procs: 2) {
        sched[].maxmcount = 100
        let group = WaitGroup()
        for _ in 0..<100_000 {
          group.go { blocking { sleepInKernel(milliseconds: 200) } }
        }
        group.wait()
      }
      exit_(0)
    }
    let text = stderrText(result)
    #expect(text.contains("runtime: program exceeds 100-thread limit"), "\(text)")
    #expect(text.contains("fatal error: thread exhaustion"))
  }
}
