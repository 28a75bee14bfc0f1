// SPDX-License-Identifier: Apache-2.0
//
// The run queues, on Ps that belong to no scheduler.
//                                         Go: src/runtime/export_test.go, proc_test.go

import Synchronization
import Testing

@testable import Stage

/// A P that nobody schedules.
func bareP() -> PPtr { Ptr(allocating: P(id: 0)) }

/// n Gs, numbered by their goid.
func bareGs(_ n: Int) -> [GPtr] {
  (0..<n).map { i in
    let gp: GPtr = Ptr(allocating: G())
    gp[].goid = UInt64(i)
    return gp
  }
}

/// Everything that runqget gives.
func drained(_ pp: PPtr) -> [Int] {
  var ids: [Int] = []
  while let gp = runqget(pp).gp { ids.append(Int(gp[].goid)) }
  return ids
}

extension RuntimeTests {
  @Suite("run queues")
  struct RunqTests {
    // Go: TestSchedLocalQueue
    @Test func `the ring is first in, first out, at every length`() {
      let pp = bareP()
      let gs = bareGs(Int(runqSize))
      for n in 0...gs.count {
        #expect(runqget(pp).gp == nil)
        for i in 0..<n { runqput(pp, gs[i], next: false) }
        #expect(drained(pp) == Array(0..<n))
        #expect(runqempty(pp))
      }
    }

    @Test func `runnext goes first and inherits the time slice`() {
      let pp = bareP()
      let gs = bareGs(3)
      runqput(pp, gs[0], next: false)
      runqput(pp, gs[1], next: false)
      runqput(pp, gs[2], next: true)
      let first = runqget(pp)
      #expect(first.gp?[].goid == 2)
      #expect(first.inheritTime)
      let second = runqget(pp)
      #expect(second.gp?[].goid == 0)
      #expect(!second.inheritTime)
    }

    @Test func `a new runnext kicks the old one to the tail`() {
      let pp = bareP()
      let gs = bareGs(4)
      runqput(pp, gs[0], next: false)
      runqput(pp, gs[1], next: true)
      runqput(pp, gs[2], next: true)
      runqput(pp, gs[3], next: false)
      #expect(drained(pp) == [2, 0, 1, 3])
    }

    @Test func `a full ring gives half, and the newcomer, to the global queue`() throws {
      try inRun(procs: 1) { t in
        // With one P, nobody looks at the global queue until this one leaves the
        // runtime.
        let me = enterRuntime("test")
        defer { exitRuntime(me) }
        let pp = bareP()
        let gs = bareGs(Int(runqSize) + 1)
        let before = sched[].runq.size
        for gp in gs { runqput(pp, gp, next: false) }
        t.equal(drained(pp), Array(128..<256))
        var moved: [Int] = []
        var others = GQueue()
        Stage.lock(sched[].lock)
        while let gp = globrunqget() {
          if gs.contains(gp) {
            moved.append(Int(gp[].goid))
          } else {
            others.pushBack(gp)
          }
        }
        globrunqputbatch(others)
        Stage.unlock(sched[].lock)
        t.equal(moved, Array(0..<128) + [256])
        t.equal(sched[].runq.size, before)
      }
    }

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

    @Test func `a GQueue is a queue`() {
      let gs = bareGs(3)
      var q = GQueue()
      #expect(q.pop() == nil)
      q.pushBack(gs[0])
      q.pushBack(gs[1])
      #expect(q.pop() == gs[0])
      q.pushBack(gs[2])
      #expect(q.size == 2)
      #expect(q.pop() == gs[1])
      #expect(q.pop() == gs[2])
      #expect(q.pop() == nil)
      #expect(q.size == 0)
      #expect(q.tail == nil)
    }
  }
}
