// SPDX-License-Identifier: Apache-2.0
//
// The gate: two goroutines that compute, neither of which goes on before both have come. On
// stage 02 the first keeps the only thread, and gives up (gateTests_before.swift); here
// each has a thread, and a processor, to itself.
//                                  Go: src/runtime/proc_test.go, TestGoroutineParallelism

import CLinux
import Testing

@testable import Stage

extension RuntimeTests {
  @Suite("gate: two that compute, at the same time")
  struct GateTests {
    @Test func `here two goroutines run at the same time`() throws {
      try inRun(procs: 2) { t in
        let arrived = Counter()
        let threads = (0..<2).map { _ in Counter() }
        let group = WaitGroup()
        for i in 0..<2 {
          group.go {
            // However long that takes: the machine may have other things to do.
            arrived.add()
            arrived.spin(until: 2)
            threads[i].value = Int(gettid_())
          }
        }
        group.wait()
        t.check(threads[0].value != threads[1].value, "both on one thread")
      }
    }
  }
}
