// SPDX-License-Identifier: Apache-2.0
//
// The gate: a thousand system calls, each over at once, while another goroutine waits for
// the only P. On stage 07 each of them gives the P away and wakes a thread
// (gateTests_before.swift); here the P stays where it is. A call that lasts gives it away
// on both.

import CLinux
import Testing

@testable import Stage

extension RuntimeTests {
  @Suite("gate: short system calls are cheap")
  struct GateTests {
    @Test func `here a short call keeps its P`() throws {
      try inRun(procs: 1) { t in
        let stop = Counter()
        let group = WaitGroup()
        group.go { while stop.value == 0 { gosched() } }
        let before = schedulerCounters().handoffs
        for _ in 0..<1000 { blocking {} }
        let handoffs = schedulerCounters().handoffs - before
        t.check(handoffs < 100, "\(handoffs) hand-offs in 1000 calls")
        stop.value = 1
        group.wait()
      }
    }

    @Test func `and a call that lasts gives it away`() throws {
      try inRun(procs: 1) { t in
        let flag = Counter()
        go { flag.value = 1 }
        let before = schedulerCounters().handoffs
        blocking { flag.spin(until: 1) }
        t.check(schedulerCounters().handoffs > before)
      }
    }
  }
}
