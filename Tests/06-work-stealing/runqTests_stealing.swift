// SPDX-License-Identifier: Apache-2.0
//
// Run queues, and thieves.                Go: src/runtime/export_test.go, proc_test.go

import Testing

@testable import Stage

extension RuntimeTests.RunqTests {
  @Test func `indices wrap around`() {
    let pp = bareP()
    let start = UInt32.max - 100
    pp[].runqhead.store(start, ordering: .relaxed)
    pp[].runqtail.store(start, ordering: .relaxed)
    let gs = bareGs(200)
    for _ in 0..<3 {
      for gp in gs { runqput(pp, gp, next: false) }
      #expect(!runqempty(pp))
      #expect(drained(pp) == Array(0..<200))
      #expect(runqempty(pp))
    }
  }

  // Go: TestSchedLocalQueueEmpty
  @Test func `a queue is never empty by accident while a G moves within it`() throws {
    try inRun(procs: 4) { t in
      let pp = bareP()
      let gs = bareGs(2)
      let rounds = scaled(2000)
      let there = Counter()
      let begun = Counter()
      let seen = Counter()
      let group = WaitGroup()
      group.go {
        there.add()
        there.await(2)
        for i in 1...rounds {
          begun.spin(until: i)
          t.check(!runqempty(pp), "empty in round \(i)")
          seen.value = i
        }
      }
      // Who is left of the two is on the global queue, and taken by another P.
      there.add()
      there.await(2)
      for i in 1...rounds {
        runqput(pp, gs[0], next: i & 1 == 0)
        begun.value = i
        runqput(pp, gs[1], next: i & 2 == 0)
        _ = runqget(pp)
        seen.spin(until: i)
        _ = runqget(pp)
        t.check(runqempty(pp))
      }
      group.wait()
    }
  }

  // Go: TestSchedLocalQueueSteal
  @Test func `a thief takes half, rounded either way, and each G exactly once`() {
    let p1 = bareP()
    let p2 = bareP()
    let gs = bareGs(Int(runqSize))
    for n in 0..<gs.count {
      for i in 0..<n { runqput(p1, gs[i], next: false) }
      var ids: [Int] = []
      if let gp = runqsteal(p2, p1, stealRunNext: true) { ids.append(Int(gp[].goid)) }
      ids += drained(p2)
      let stolen = ids.count
      ids += drained(p1)
      #expect(ids.sorted() == Array(0..<n))
      #expect(stolen == n / 2 || stolen == n / 2 + 1)
    }
  }

  @Test func `a thief takes the oldest`() {
    let p1 = bareP()
    let p2 = bareP()
    let gs = bareGs(10)
    for gp in gs { runqput(p1, gp, next: false) }
    let gp = runqsteal(p2, p1, stealRunNext: false)
    #expect(gp?[].goid == 4)
    #expect(drained(p2) == [0, 1, 2, 3])
    #expect(drained(p1) == [5, 6, 7, 8, 9])
  }

  @Test func `runqgrab takes half, rounded up`() {
    let p1 = bareP()
    let gs = bareGs(Int(runqSize))
    for n in 0...gs.count {
      let batch = bareP()
      for i in 0..<n { runqput(p1, gs[i], next: false) }
      let grabbed = Int(runqgrab(p1, batch, 0, stealRunNext: false))
      #expect(grabbed == n - n / 2)
      for i in 0..<grabbed {
        #expect(batch[].runq[i].load(ordering: .relaxed)?[].goid == UInt64(i))
      }
      #expect(drained(p1).count == n / 2)
    }
  }

  @Test func `runnext is stolen only when asked for, and only when it is all there is`() {
    let p1 = bareP()
    let p2 = bareP()
    let gs = bareGs(2)
    runqput(p1, gs[0], next: true)
    #expect(runqsteal(p2, p1, stealRunNext: false) == nil)
    runqput(p1, gs[1], next: false)
    #expect(runqsteal(p2, p1, stealRunNext: true)?[].goid == 1)
    #expect(runqsteal(p2, p1, stealRunNext: true)?[].goid == 0)
    #expect(runqsteal(p2, p1, stealRunNext: true) == nil)
    #expect(runqempty(p1))
    #expect(runqempty(p2))
  }

  @Test func `indices wrap around for a thief, too`() {
    let pp = bareP()
    let thief = bareP()
    let start = UInt32.max - 100
    for p in [pp, thief] {
      p[].runqhead.store(start, ordering: .relaxed)
      p[].runqtail.store(start, ordering: .relaxed)
    }
    let gs = bareGs(200)
    for _ in 0..<3 {
      for gp in gs { runqput(pp, gp, next: false) }
      #expect(!runqempty(pp))
      let last = runqsteal(thief, pp, stealRunNext: true)
      #expect(drained(thief) + [Int(last![].goid)] == Array(0..<100))
      #expect(drained(pp) == Array(100..<200))
      #expect(runqempty(pp))
    }
  }

  // Photon's and bthread's work stealing tests: one owner, many thieves.
  @Test func `owner and thieves together get each G exactly once`() throws {
    try inRun(procs: 4) { t in
      let n = 200
      let rounds = scaled(200)
      let victim = bareP()
      let gs = bareGs(n)
      let seen = (0..<n).map { _ in Counter() }
      let left = Counter()
      let stop = Counter()
      let finished = WaitGroup()
      for _ in 0..<3 {
        finished.go {
          let mine = bareP()
          while stop.value == 0 {
            guard let gp = runqsteal(mine, victim, stealRunNext: true) else { continue }
            seen[Int(gp[].goid)].add()
            left.add(-1)
            for id in drained(mine) {
              seen[id].add()
              left.add(-1)
            }
          }
        }
      }
      for round in 1...rounds {
        left.value = n
        for (i, gp) in gs.enumerated() {
          runqput(victim, gp, next: i % 3 == 0)
          if i % 5 == 0, let gp = taken(runqget(victim)) {
            seen[Int(gp[].goid)].add()
            left.add(-1)
          }
        }
        for id in drained(victim) {
          seen[id].add()
          left.add(-1)
        }
        left.await(0)
        for counter in seen where counter.value != round {
          t.check(false, "a G was taken \(counter.value) times in \(round) rounds")
          stop.value = 1
          return
        }
      }
      stop.value = 1
      finished.wait()
    }
  }

  // Go: TestStealOrder
  @Test func `the order of stealing visits every P once, whatever the start`() {
    for count in 1...UInt32(70) {
      for seed: UInt32 in [0, 1, 2, 3, 5, 8, 61, 1000, 12345, 0x8000_0000, .max] {
        var seen = Set<UInt32>()
        var order = StealOrder(count, seed)
        while !order.done {
          #expect(order.position < count)
          seen.insert(order.position)
          order.next()
        }
        #expect(seen.count == Int(count))
      }
    }
  }
}
