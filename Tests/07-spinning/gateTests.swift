// SPDX-License-Identifier: Apache-2.0
//
// The gate: one goroutine at a time is made, and waited for. So two threads have something
// to do at most, and 64 may run. On stage 06 each `go` wakes a thread as long as a P is
// idle, whether or not those woken before have looked for work yet
// (gateTests_before.swift); here one thread looks at a time.

import CLinux
import Testing

@testable import Stage

extension RuntimeTests {
  @Suite("gate: no herd is woken")
  struct GateTests {
    @Test func `here few threads come for one goroutine at a time`() async {
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
      #expect((1...16).contains(threads), "\(threads) threads")
    }
  }
}
