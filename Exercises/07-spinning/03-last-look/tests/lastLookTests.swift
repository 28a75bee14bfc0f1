// SPDX-License-Identifier: Apache-2.0
//
// Exercise 07.03: what checkRunqsNoP finds, with all other threads asleep.

import CLinux
import Testing

@testable import Stage

/// Waits until no thread but this one is awake, and gives its P; `found` is asked with a
/// goroutine in the P's ring that nobody has been woken for.
private func withWorkBesideSleepers(_ found: (PPtr) -> Void) {
  let gp = enterRuntime("test")
  let mp = acquirem()
  let procs = sched[].gomaxprocs.load(ordering: .relaxed)
  while sched[].npidle.load(ordering: .sequentiallyConsistent) != procs - 1
    || sched[].nmspinning.load(ordering: .sequentiallyConsistent) != 0
    || !asleep()
  { usleep_ns(100_000) }
  sched[].needspinning.store(0, ordering: .sequentiallyConsistent)
  let pp = mp[].p!
  runqput(pp, bareGs(1)[0], next: false)
  found(pp)
  _ = runqget(pp)
  releasem(mp)
  exitRuntime(gp)
}

/// Every M but this one is on the idle list.
private func asleep() -> Bool {
  lock(sched[].lock)
  let all = sched[].nmidle == mcount() - 1
  unlock(sched[].lock)
  return all
}

extension RuntimeTests {
  @Suite("exercise 07.03")
  struct LastLookTests {
    @Test func `the last look finds work, and takes an idle P for it`() throws {
      try inRun(procs: 4) { t in
        withWorkBesideSleepers { mine in
          let idle = sched[].npidle.load(ordering: .sequentiallyConsistent)
          let pp = checkRunqsNoP()
          t.check(pp != nil, "there is work, and an idle P")
          t.check(pp != mine, "this P is not idle")
          guard let pp else { return }
          let left = sched[].npidle.load(ordering: .sequentiallyConsistent)
          t.equal(left, idle - 1, "the P is still on the idle list")
          lock(sched[].lock)
          pidleput(pp)
          unlock(sched[].lock)
        }
      }
    }

    @Test func `with work and no P it says so in needspinning`() throws {
      try inRun(procs: 1) { t in
        withWorkBesideSleepers { _ in
          t.check(checkRunqsNoP() == nil, "there is no idle P")
          t.equal(
            sched[].needspinning.load(ordering: .sequentiallyConsistent), 1,
            "nobody will look for this work")
        }
      }
    }

    @Test func `without work it takes no P`() throws {
      try inRun(procs: 4) { t in
        withWorkBesideSleepers { mine in
          let work = runqget(mine)
          let idle = sched[].npidle.load(ordering: .sequentiallyConsistent)
          t.check(checkRunqsNoP() == nil, "there is no work")
          t.equal(sched[].npidle.load(ordering: .sequentiallyConsistent), idle)
          t.equal(sched[].needspinning.load(ordering: .sequentiallyConsistent), 0)
          runqput(mine, work!, next: false)
        }
      }
    }
  }
}
