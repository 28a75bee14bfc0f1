// SPDX-License-Identifier: Apache-2.0
//
// Finding work.                                          Go: src/runtime/proc.go

import CLinux
import Synchronization

typealias Found = (gp: GPtr, inheritTime: Bool)

/// findRunnable finds a goroutine to run; sleeps until there is one. The M may hold
/// another P afterwards.
@inline(__always)
func findRunnable(_ mp: MPtr) -> Found {
  // What mostly happens: nothing is special, and the local queue has work.
  let pp = mp[].p.unsafelyUnwrapped
  if !sched[].gcwaiting.load(ordering: .relaxed),
    pp[].schedtick.load(ordering: .relaxed) % 61 != 0,
    timerswakeTime(pp) == 0
  {
    let (gp, inheritTime) = runqget(pp)
    if let gp { return (gp, inheritTime) }
  }
  return findRunnableSlow(mp)
}

@inline(never)
private func findRunnableSlow(_ mp: MPtr) -> Found {
  while true {
    if let found = findRunnableOnce(mp) { return found }
  }
}

/// One round, from Go's `top:`; nil: begin again.
private func findRunnableOnce(_ mp: MPtr) -> Found? {
  let pp = mp[].p.unsafelyUnwrapped
  // Serial tasks come first.
  if sched[].gcwaiting.load(ordering: .relaxed) {
    gcstopm(mp)
    return nil
  }
  var (now, pollUntil, _) = timerscheck(pp, 0)

  // Every 61st time the global queue, lest two goroutines that ready each other
  // keep it waiting for ever.
  if pp[].schedtick.load(ordering: .relaxed) % 61 == 0, !globrunqempty() {
    lock(sched[].lock)
    let gp = globrunqget()
    unlock(sched[].lock)
    if let gp { return (gp, false) }
  }

  let (local, inheritTime) = runqget(pp)
  if let gp = local { return (gp, inheritTime) }

  if !globrunqempty() {
    lock(sched[].lock)
    let gp = globrunqgetbatch(pp)
    unlock(sched[].lock)
    if let gp { return (gp, false) }
  }

  // The network, without waiting: only to save the trouble of stealing.
  if netpollinited(), netpollAnyWaiters(),
    sched[].lastpoll.load(ordering: .relaxed) != 0,
    sched[].pollingNet.exchange(1, ordering: .acquiring) == 0
  {
    var (list, delta) = netpoll(0)
    sched[].pollingNet.store(0, ordering: .releasing)
    if let gp = list.pop() {
      injectglist(list)
      netpollAdjustWaiters(delta)
      casgstatus(gp, .waiting, .runnable)
      return (gp, false)
    }
  }

  // Steal, unless half of the busy Ps' worth of Ms is at it already.
  let procs = sched[].gomaxprocs.load(ordering: .relaxed)
  let npidle = sched[].npidle.load(ordering: .relaxed)
  if mp[].spinning || 2 * sched[].nmspinning.load(ordering: .relaxed) < procs - npidle {
    if !mp[].spinning { becomeSpinning(mp) }
    let (gp, inheritTime, tnow, w, newWork) = stealWork(mp, now)
    if let gp { return (gp, inheritTime) }
    if newWork { return nil }
    now = tnow
    if w != 0, pollUntil == 0 || w < pollUntil { pollUntil = w }
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
    return (gp.unsafelyUnwrapped, false)
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
  var wasSpinning = mp[].spinning
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
      return (gp.unsafelyUnwrapped, false)
    }
    unlock(sched[].lock)
    if let p2 = checkRunqsNoP() {
      acquirep(mp, p2)
      becomeSpinning(mp)
      return nil
    }
    pollUntil = checkTimersNoP(pollUntil)
  }

  // The network, waiting until the next timer. One M at a time does this.
  if netpollinited() || pollUntil != 0 { netpollGenericInit() }
  if netpollinited(), netpollAnyWaiters() || pollUntil != 0,
    sched[].lastpoll.exchange(0, ordering: .sequentiallyConsistent) != 0
  {
    sched[].pollUntil.store(pollUntil, ordering: .sequentiallyConsistent)
    if mp[].p != nil { throwFatal("findRunnable: netpoll with p") }
    if mp[].spinning { throwFatal("findRunnable: netpoll with spinning") }
    var delay: Int64 = -1
    if pollUntil != 0 {
      if now == 0 { now = nanotime() }
      delay = max(0, pollUntil - now)
    }
    var (list, delta) = netpoll(delay)
    now = nanotime()
    sched[].pollUntil.store(0, ordering: .sequentiallyConsistent)
    sched[].lastpoll.store(now, ordering: .sequentiallyConsistent)
    lock(sched[].lock)
    // Without a P, whoever idles one is to look at the timers once more.
    let p2 = pidlegetSpinning()
    // Nobody waits here now. Until somebody does, sysmon sees what comes.
    if p2 != nil { wakesysmon() }
    unlock(sched[].lock)
    if let p2 {
      acquirep(mp, p2)
      if let gp = list.pop() {
        injectglist(list)
        netpollAdjustWaiters(delta)
        casgstatus(gp, .waiting, .runnable)
        return (gp, false)
      }
      if wasSpinning { becomeSpinning(mp) }
      return nil
    }
    injectglist(list)
    netpollAdjustWaiters(delta)
  } else if pollUntil != 0, netpollinited() {
    // Somebody waits there, perhaps past our timer.
    let until = sched[].pollUntil.load(ordering: .sequentiallyConsistent)
    if until == 0 || until > pollUntil { netpollBreak() }
  }
  wasSpinning = false
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

/// The earliest of pollUntil and all timers.
private func checkTimersNoP(_ pollUntil: Int64) -> Int64 {
  var pollUntil = pollUntil
  for i in 0..<sched[].gomaxprocs.load(ordering: .relaxed) {
    let p2 = allp[][i].unsafelyUnwrapped
    if !timerpMask[].read(p2[].id) { continue }
    let w = timerswakeTime(p2)
    if w != 0, pollUntil == 0 || w < pollUntil { pollUntil = w }
  }
  return pollUntil
}
