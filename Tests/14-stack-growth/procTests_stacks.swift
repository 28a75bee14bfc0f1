// SPDX-License-Identifier: Apache-2.0
//
// Who makes goroutines faster than they end.         Go: src/runtime/proc_test.go

import Testing

@testable import Stage

extension RuntimeTests.ProcTests {
  // See isAhead. With one P nothing else runs, unless the spawner yields.
  @Test func `who spawns lets others go first when they end, and only then`() throws {
    try inRun(procs: 1) { t in
      func free() -> Int32 {
        var n = getg()[].m.unsafelyUnwrapped[].p.unsafelyUnwrapped[].gFree.size
        for c in 0..<windowClasses.count { n += sched[].gFree[c].size }
        return n
      }
      var preempted = true
      while preempted {
        let ran = Counter()
        let group = WaitGroup()
        let before = schedulerCounters().preemptions
        // Nothing to be used again, and more that waits than fits a ring. That may
        // take longer than a time slice, so it is done outside any, and then a new
        // one begins.
        let mp = acquirem()
        while free() > 0 || sched[].runqsize.load(ordering: .relaxed) < 128 {
          group.go { ran.add() }
        }
        let pp = mp[].p.unsafelyUnwrapped
        pp[].schedtick.add(1, ordering: .relaxed)
        getg()[].stackguard0.store(getg()[].softlo, ordering: .relaxed)
        releasem(mp)
        sched[].gfbatchesSeen.store(
          sched[].gfbatches.load(ordering: .relaxed), ordering: .relaxed)
        group.go { ran.add() }
        let news = ran.value
        sched[].gfbatches.add(1, ordering: .relaxed)
        group.go { ran.add() }
        preempted = schedulerCounters().preemptions != before
        if !preempted {
          t.equal(news, 0, "had run when no goroutine had ended")
          t.check(ran.value > 256, "\(ran.value) had run when one had")
        }
        group.wait()
      }
    }
  }
}
