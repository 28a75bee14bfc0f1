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
  while let gp = taken(runqget(pp)) { ids.append(Int(gp[].goid)) }
  return ids
}

/// What runqget took, whether or not it says more than that.
func taken(_ gp: GPtr?) -> GPtr? { gp }
func taken(_ found: (gp: GPtr?, inheritTime: Bool)) -> GPtr? { found.gp }

extension RuntimeTests {
  @Suite("run queues")
  struct RunqTests {
    // Go: TestSchedLocalQueue
    @Test func `the ring is first in, first out, at every length`() {
      let pp = bareP()
      let gs = bareGs(Int(runqSize))
      for n in 0...gs.count {
        #expect(taken(runqget(pp)) == nil)
        for i in 0..<n { runqput(pp, gs[i], next: false) }
        #expect(drained(pp) == Array(0..<n))
        #expect(runqempty(pp))
      }
    }

    @Test func `runnext goes first`() {
      let pp = bareP()
      let gs = bareGs(3)
      runqput(pp, gs[0], next: false)
      runqput(pp, gs[1], next: false)
      runqput(pp, gs[2], next: true)
      #expect(taken(runqget(pp)) == gs[2])
      #expect(taken(runqget(pp)) == gs[0])
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
        var others: [GPtr] = []
        Stage.lock(sched[].lock)
        while let gp = globrunqget() {
          if gs.contains(gp) {
            moved.append(Int(gp[].goid))
          } else {
            others.append(gp)
          }
        }
        for gp in others { globrunqput(gp) }
        Stage.unlock(sched[].lock)
        t.equal(moved, Array(0..<128) + [256])
        t.equal(sched[].runq.size, before)
      }
    }
  }
}
