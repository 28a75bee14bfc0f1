// SPDX-License-Identifier: Apache-2.0
//
// The gate: a hundred goroutines made on one P while the other is busy. Then the other is
// idle, and the first never gives way. On stage 05 nobody takes what is on another's queue,
// and none of them runs (gateTests_before.swift); here the idle P takes them all.

import CLinux
import Testing

@testable import Stage

extension RuntimeTests {
  @Suite("gate: a burst is shared")
  struct GateTests {
    @Test func `here an idle P runs them all`() async {
      await #expect(processExitsWith: .exitCode(0)) {
        exitTestDeadline()
        try run(procs: 2) {
          let busy = Counter()
          let ran = Counter()
          go {
            busy.value = 1
            busy.spin(until: 2)
          }
          busy.spin(until: 1)
          for _ in 0..<100 { go { ran.add() } }
          busy.value = 2
          ran.spin(until: 100)
          exit_(0)
        }
      }
    }
  }
}
