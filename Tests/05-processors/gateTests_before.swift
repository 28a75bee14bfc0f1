// SPDX-License-Identifier: Apache-2.0
//
// The gate on the stage before.

import CLinux
import Testing

@testable import Stage04

extension RuntimeTests.GateTests {
  @Test func `on stage 04 the ball stays where it is`() async {
    await #expect(processExitsWith: .exitCode(0)) {
      exitTestDeadline()
      try run(procs: 1) {
        let there = Channel<Void>()
        let back = Channel<Void>()
        let hops = Counter()
        go {
          while true {
            there.send(())
            _ = back.receive()
          }
        }
        go {
          while true {
            _ = there.receive()
            hops.add()
            back.send(())
          }
        }
        while hops.value < 1 { gosched() }
        detachForeignThread {
          lock(sched[].lock)
          // The thread that hands the ball over sleeps until it gets the lock.
          while sched[].lock.nwait.load(ordering: .relaxed) == 0 { procyield(10) }
          let before = hops.value
          for _ in 0..<1_000_000 { procyield(10) }
          exit_(hops.value == before ? 0 : 1)
        }
        select {}
      }
    }
  }

  @Test func `on stage 04 four goroutines run in the order 1 2 3 4`() async {
    await #expect(processExitsWith: .exitCode(0)) {
      exitTestDeadline()
      try run(procs: 1) {
        let order = Shared<[Int]>([])
        let group = WaitGroup()
        for i in 1...4 { group.go { order.value.append(i) } }
        group.wait()
        exit_(order.value == [1, 2, 3, 4] ? 0 : 1)
      }
    }
  }
}
