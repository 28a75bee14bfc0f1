// SPDX-License-Identifier: Apache-2.0
//
// The order in which a P runs its goroutines.        Go: src/runtime/proc_test.go

import Testing

@testable import Stage

extension RuntimeTests.ProcTests {
  // The articles' program: the last one made runs next, the others in order. A time
  // slice that ends among them makes another order, which is right, too; not five times.
  @Test func `with one P, four goroutines run in the order 4 1 2 3`() throws {
    try inRun(procs: 1) { t in
      var seen: [Int] = []
      for _ in 0..<5 where seen != [4, 1, 2, 3] {
        let order = Channel<Int>(capacity: 4)
        let group = WaitGroup()
        for i in 1...4 { group.go { order.send(i) } }
        group.wait()
        order.close()
        seen = Array(order)
      }
      t.equal(seen, [4, 1, 2, 3])
    }
  }

  // Go: the global queue is looked at every 61st time.
  @Test func `goroutines in a P's own queue do not starve the global one`() throws {
    try inRun(procs: 1) { t in
      let stop = Counter()
      let hops = Counter()
      func perpetuumMobile() {
        if stop.value != 0 { return }
        hops.add()
        go { perpetuumMobile() }
        // Runs next, so that the other one is in the ring.
        go {}
      }
      go { perpetuumMobile() }
      go { perpetuumMobile() }
      for _ in 0..<5 { gosched() }
      stop.value = 1
      t.check(hops.value > 60, "\(hops.value) hops in five turns")
    }
  }
}
