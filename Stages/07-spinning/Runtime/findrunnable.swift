// SPDX-License-Identifier: Apache-2.0
//
// Finding work.                                          Go: src/runtime/proc.go

import CLinux
import Synchronization

/// findRunnable finds a goroutine to run; sleeps until there is one. The M may hold
/// another P afterwards.
@inline(__always)
func findRunnable(_ mp: MPtr) -> GPtr {
  // What mostly happens: nothing is special, and the local queue has work.
  let pp = mp[].p.unsafelyUnwrapped
  if !sched[].gcwaiting.load(ordering: .relaxed),
    pp[].schedtick.load(ordering: .relaxed) % 61 != 0
  {
    if let gp = runqget(pp) { return gp }
  }
  return findRunnableSlow(mp)
}

@inline(never)
private func findRunnableSlow(_ mp: MPtr) -> GPtr {
  while true {
    if let gp = findRunnableOnce(mp) { return gp }
  }
}

/// One round, from Go's `top:`; nil: begin again.
private func findRunnableOnce(_ mp: MPtr) -> GPtr? {
  let pp = mp[].p.unsafelyUnwrapped
  // Serial tasks come first.
  if sched[].gcwaiting.load(ordering: .relaxed) {
    gcstopm(mp)
    return nil
  }

  // Every 61st time the global queue, and what is next comes last, lest two goroutines
  // that ready each other keep all others waiting for ever.
  if pp[].schedtick.load(ordering: .relaxed) % 61 == 0 {
    runqunnext(pp)
    if !globrunqempty() {
      lock(sched[].lock)
      let gp = globrunqget()
      unlock(sched[].lock)
      if let gp { return gp }
    }
  }

  if let gp = runqget(pp) { return gp }

  if !globrunqempty() {
    lock(sched[].lock)
    let gp = globrunqgetbatch(pp)
    unlock(sched[].lock)
    if let gp { return gp }
  }

  // Steal, unless half of the busy Ps' worth of Ms is at it already.
  let procs = sched[].gomaxprocs.load(ordering: .relaxed)
  let npidle = sched[].npidle.load(ordering: .relaxed)
  if mp[].spinning || 2 * sched[].nmspinning.load(ordering: .relaxed) < procs - npidle {
    if !mp[].spinning { becomeSpinning(mp) }
    let (gp, newWork) = stealWork(mp)
    if let gp { return gp }
    if newWork { return nil }
  }

  // Nothing. Give up the P.
  lock(sched[].lock)
  if sched[].gcwaiting.load(ordering: .relaxed) {
    unlock(sched[].lock)
    return nil
  }
  if sched[].runq.size != 0 {
    let gp = globrunqgetbatch(pp)
    unlock(sched[].lock)
    return gp
  }
  if releasep(mp) != pp { throwFatal("findRunnable: wrong p") }
  pidleput(pp)
  // seq-cst, and not before the P counts as idle: wakep, which holds no lock, sets
  // needspinning and then looks at npidle.
  if !mp[].spinning, sched[].needspinning.load(ordering: .sequentiallyConsistent) == 1,
    let p2 = pidleget()
  {
    // Somebody found work and no P for it: look again, as a spinner.
    acquirep(mp, p2)
    becomeSpinning(mp)
    unlock(sched[].lock)
    return nil
  }
  unlock(sched[].lock)

  // "Delicate dance": nmspinning goes down before the queues are looked at for the
  // last time (see wakep). Every M that spun must do it: counts rise
  // and fall in passing, so that "I was the last" is not something one can know. An
  // M that finds work here and no P to run it leaves needspinning behind, for an M
  // that is about to idle its P.
  if mp[].spinning {
    mp[].spinning = false
    if tracing { traceevent(.spinEnd) }
    // seq-cst: the full barrier of the spinner's step 2.
    if sched[].nmspinning.subtract(1, ordering: .sequentiallyConsistent).newValue < 0 {
      throwFatal("findRunnable: negative nmspinning")
    }
    lock(sched[].lock)
    if sched[].runq.size != 0, let p2 = pidlegetSpinning() {
      let gp = globrunqgetbatch(p2)
      unlock(sched[].lock)
      acquirep(mp, p2)
      becomeSpinning(mp)
      return gp
    }
    unlock(sched[].lock)
    if let p2 = checkRunqsNoP() {
      acquirep(mp, p2)
      becomeSpinning(mp)
      return nil
    }
  }

  stopm(mp)
  return nil
}

@inline(__always)
func becomeSpinning(_ mp: MPtr) {
  mp[].spinning = true
  if tracing { traceevent(.spinBegin) }
  sched[].nmspinning.add(1, ordering: .sequentiallyConsistent)
  sched[].needspinning.store(0, ordering: .sequentiallyConsistent)
}

/// An M that found work stops spinning and, since while it spun nobody else was
/// woken, wakes the next.
@inline(never)
func resetspinning(_ mp: MPtr) {
  mp[].spinning = false
  if tracing { traceevent(.spinEnd) }
  if sched[].nmspinning.subtract(1, ordering: .sequentiallyConsistent).newValue < 0 {
    throwFatal("resetspinning: negative nmspinning")
  }
  wakep()
}
