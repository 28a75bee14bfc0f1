// SPDX-License-Identifier: Apache-2.0
//
// Waking Ms and letting them sleep.                       Go: src/runtime/proc.go

import CLinux
import Synchronization

// Waking.

/// wakep wakes an M to look for work, if a P is idle and nobody looks.
///
/// "Worker thread parking/unparking": too many threads awake waste power, too few
/// waste work. An M that has run out of work and still looks for some is *spinning*
/// (m.spinning, counted in sched.nmspinning). Whoever makes work ready wakes an M only
/// if there is an idle P and nobody spins; the woken M spins, and when it finds work
/// it wakes the next. So the number of threads follows the work, one step at a time,
/// and no crowd is woken.
///
/// The race to be won is between a submitter and the last spinner giving up:
///
///   submitter                         spinner
///   1. puts work on a queue           1. nmspinning -= 1
///   2. full barrier                   2. full barrier
///   3. looks at nmspinning            3. looks at all queues again
///
/// One of them sees the other. Each step 3 refers here.
@inline(__always)
func wakep() {
  // The submitter's step 3.
  if sched[].npidle.load(ordering: .sequentiallyConsistent) == 0 {
    // Nobody to wake. An M that idles its P without having spun looks at needspinning
    // once the P counts as idle; it sees this, or its P is seen here.
    if sched[].needspinning.load(ordering: .sequentiallyConsistent) == 0 {
      sched[].needspinning.store(1, ordering: .sequentiallyConsistent)
    }
    if sched[].npidle.load(ordering: .sequentiallyConsistent) == 0 { return }
  }
  if sched[].nmspinning.load(ordering: .sequentiallyConsistent) != 0 { return }
  wakepslow()
}

@inline(never)
func wakepslow() {
  // Be conservative about spinning threads: only one makes the others.
  guard
    sched[].nmspinning.compareExchange(
      expected: 0, desired: 1, ordering: .sequentiallyConsistent
    ).exchanged
  else { return }
  let mp = acquirem()
  lock(sched[].lock)
  guard let pp = pidlegetSpinning() else {
    if sched[].nmspinning.subtract(1, ordering: .sequentiallyConsistent).newValue < 0 {
      throwFatal("wakep: negative nmspinning")
    }
    unlock(sched[].lock)
    releasem(mp)
    return
  }
  startm(pp, spinning: true, lockheld: true)
  unlock(sched[].lock)
  releasem(mp)
}

/// wakeNetPoller sees to it that a timer due at `when` is not slept past.
func wakeNetPoller(_ when: Int64) {
  if sched[].lastpoll.load(ordering: .sequentiallyConsistent) == 0 {
    // Somebody sleeps in netpoll; pollUntil 0: without a limit, or about to set it.
    let until = sched[].pollUntil.load(ordering: .sequentiallyConsistent)
    if until == 0 || until > when { netpollBreak() }
  } else {
    // Nobody does: the next M that goes idle will see the timer, if one is awake.
    wakep()
  }
}

/// startm gives pp, or an idle P, to an M: a sleeping one or a new one. The caller
/// must keep its M while the P is in its hands. When spinning, the caller has counted
/// nmspinning up.
func startm(_ p: PPtr?, spinning: Bool, lockheld: Bool) {
  let mp = acquirem()
  defer { releasem(mp) }
  if !lockheld { lock(sched[].lock) }
  var pp = p
  if pp == nil {
    if spinning { throwFatal("startm: P required for spinning=true") }
    pp = pidleget()
    if pp == nil {
      if !lockheld { unlock(sched[].lock) }
      return
    }
  }
  let q = pp.unsafelyUnwrapped
  guard let nmp = mget() else {
    // Counted as an M from here on, so that checkdead does not miss it while the
    // lock is released.
    let id = mReserveID()
    unlock(sched[].lock)
    newm(q, spinning: spinning, id: id)
    if lockheld { lock(sched[].lock) }
    return
  }
  if !lockheld { unlock(sched[].lock) }
  if nmp[].spinning { throwFatal("startm: m is spinning") }
  if nmp[].nextp != nil { throwFatal("startm: m has p") }
  if spinning, !runqempty(q) { throwFatal("startm: p has runnable gs") }
  nmp[].spinning = spinning
  nmp[].nextp = q
  if tracing { traceevent(.mNotify, arg: UInt32(nmp[].id)) }
  notewakeup(nmp[].park)
}

/// injectglist makes a list of waiting goroutines runnable: on this P's queue, and
/// for as many idle Ps as there are, on the global one.
func injectglist(_ list: consuming GList) {
  if list.size == 0 { return }
  var q = GQueue()
  while let gp = list.pop() {
    casgstatus(gp, .waiting, .runnable)
    q.pushBack(gp)
  }
  let mp = acquirem()
  defer { releasem(mp) }
  guard let pp = mp[].p else {
    let n = q.size
    lock(sched[].lock)
    globrunqputbatch(q)
    unlock(sched[].lock)
    startIdle(n)
    return
  }
  var global = GQueue()
  var n = sched[].npidle.load(ordering: .relaxed)
  let started = min(n, q.size)
  while n > 0, let gp = q.pop() {
    global.pushBack(gp)
    n -= 1
  }
  if global.size > 0 {
    lock(sched[].lock)
    globrunqputbatch(global)
    unlock(sched[].lock)
    startIdle(started)
  }
  runqputbatch(pp, &q)
  if q.size > 0 {
    lock(sched[].lock)
    globrunqputbatch(q)
    unlock(sched[].lock)
  }
  // Some may have gone idle before they could see these.
  wakep()
}

private func startIdle(_ n: Int32) {
  for _ in 0..<n {
    let mp = acquirem()
    lock(sched[].lock)
    guard let pp = pidlegetSpinning() else {
      unlock(sched[].lock)
      releasem(mp)
      return
    }
    startm(pp, spinning: false, lockheld: true)
    unlock(sched[].lock)
    releasem(mp)
  }
}

// Sleeping.

/// stopm puts the M to sleep until it is given a P.
func stopm(_ mp: MPtr) {
  if mp[].locks != 0 { throwFatal("stopm: holding locks") }
  if mp[].p != nil { throwFatal("stopm: holding p") }
  if mp[].spinning { throwFatal("stopm: spinning") }
  lock(sched[].lock)
  if mp[].rundone {
    unlock(sched[].lock)
    rundone2(mp)
  }
  mput(mp)
  unlock(sched[].lock)
  mPark(mp)
  if mp[].rundone { rundone2(mp) }
  if tracing, mp[].spinning { traceevent(.spinBegin) }
  acquirep(mp, mp[].nextp.unsafelyUnwrapped)
  mp[].nextp = nil
}

func mPark(_ mp: MPtr) {
  if tracing { traceevent(.mPark) }
  notesleep(mp[].park)
  noteclear(mp[].park)
  if tracing { traceevent(.mWake) }
}

/// mput puts an M on the idle list. sched.lock must be held.
func mput(_ mp: MPtr) {
  assertLockHeld(sched[].lock)
  mp[].schedlink = sched[].midle
  sched[].midle = mp
  sched[].nmidle += 1
  checkdead()
}

/// mget takes the M that went idle last. sched.lock must be held.
func mget() -> MPtr? {
  assertLockHeld(sched[].lock)
  guard let mp = sched[].midle else { return nil }
  sched[].midle = mp[].schedlink
  mp[].schedlink = nil
  sched[].nmidle -= 1
  return mp
}

/// Ms there are. sched.lock must be held.
func mcount() -> Int32 { Int32(sched[].mnext - sched[].nmfreed) }

// The end of a run.

/// Takes m0 off the idle list, if it is there. sched.lock must be held.
func takem0() -> Bool {
  assertLockHeld(sched[].lock)
  var before: MPtr? = nil
  var mp = sched[].midle
  while let m = mp {
    if m == m0 {
      if let before {
        before[].schedlink = m[].schedlink
      } else {
        sched[].midle = m[].schedlink
      }
      m[].schedlink = nil
      sched[].nmidle -= 1
      return true
    }
    before = m
    mp = m[].schedlink
  }
  return false
}

/// rundone2, on m0, goes back to run.
func rundone2(_ mp: MPtr) -> Never {
  if mp != m0 { throwFatal("rundone: not m0") }
  mp[].rundone = false
  if mp[].wedged {
    mp[].wedged = false
    lock(sched[].lock)
    sched[].nmfreed -= 1
    unlock(sched[].lock)
  }
  noteclear(mp[].park)
  asmgogo(mp[].rt0g)
}
