// SPDX-License-Identifier: Apache-2.0
//
// The gate on the stage before.

import CLinux
import Testing

@testable import Stage06

extension RuntimeTests.GateTests {
  @Test func `on stage 06 a thread comes for every P`() async {
    let result = await #expect(
      processExitsWith: .exitCode(0), observing: [\.standardOutputContent]
    ) {
      exitTestDeadline()
      try run(procs: 64) {
        for _ in 0..<1000 {
          let group = WaitGroup()
          group.go {}
          group.wait()
        }
        say(" \(schedulerCounters().threads)")
      }
      exit_(0)
    }
    let words = stdoutText(result).split(separator: " ")
    let threads = words.last.flatMap { Int($0) } ?? 0
    #expect(threads >= 32, "\(threads) threads")
  }
}
