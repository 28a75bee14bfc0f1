// SPDX-License-Identifier: Apache-2.0
//
// The gate: two goroutines hand a ball over while a thread outside holds the scheduler's
// lock. On stage 04 there is one queue, which that lock guards, and the ball stays where it
// is (gateTests_before.swift); here the queue is the P's own. And four goroutines show the
// queue: it is a line on stage 04, and here the last one made goes first.

import CLinux
import Testing

@testable import Stage

extension RuntimeTests {
  @Suite("gate: no lock between two goroutines")
  struct GateTests {
    @Test func `here the ball goes to and fro without the lock`() async {
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
            let before = hops.value
            while hops.value < before + 10_000 { procyield(10) }
            exit_(0)
          }
          select {}
        }
      }
    }

    @Test func `here four goroutines run in the order 4 1 2 3`() throws {
      try inRun(procs: 1) { t in
        let order = Shared<[Int]>([])
        let group = WaitGroup()
        for i in 1...4 { group.go { order.value.append(i) } }
        group.wait()
        t.equal(order.value, [4, 1, 2, 3])
      }
    }
  }
}
