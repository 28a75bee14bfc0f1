// SPDX-License-Identifier: Apache-2.0
//
// The gate on the stage before.

import CLinux
import Testing

@testable import Stage07

extension RuntimeTests.GateTests {
  @Test func `on stage 07 each short call gives its P away`() async {
    let result = await #expect(
      processExitsWith: .exitCode(0), observing: [\.standardOutputContent]
    ) {
      exitTestDeadline()
      try run(procs: 1) {
        let stop = Counter()
        let group = WaitGroup()
        group.go { while stop.value == 0 { gosched() } }
        let before = schedulerCounters().handoffs
        for _ in 0..<1000 { blocking {} }
        let handoffs = schedulerCounters().handoffs - before
        stop.value = 1
        group.wait()
        say(" \(handoffs)")
      }
      exit_(0)
    }
    let words = stdoutText(result).split(separator: " ")
    let handoffs = words.last.flatMap { Int($0) } ?? 0
    #expect(handoffs >= 1000, "\(handoffs) hand-offs in 1000 calls")
  }
}
