// SPDX-License-Identifier: Apache-2.0
//
// Waking Ms and letting them sleep.                       Go: src/runtime/proc.go

import CLinux
import Synchronization

// Waking.

/// wakep wakes an M to look for work, if a P is idle.
///
/// The race to be won is between a submitter and an M that has found no work and gives
/// up its P:
///
///   submitter                         M
///   1. puts work on a queue           1. puts its P on the idle list
///   2. full barrier                   2. full barrier
///   3. looks at npidle                3. looks at all queues again
///
/// One of them sees the other. Each step 3 refers here.
@inline(__always)
func wakep() {
  // The submitter's step 3.
  if sched[].npidle.load(ordering: .sequentiallyConsistent) == 0 { return }
  wakepslow()
}

@inline(never)
func wakepslow() {
  let mp = acquirem()
  lock(sched[].lock)
  if let pp = pidleget() { startm(pp, lockheld: true) }
  unlock(sched[].lock)
  releasem(mp)
}

/// startm gives pp to an M: a sleeping one or a new one. The caller must keep its M
/// while the P is in its hands.
func startm(_ pp: PPtr, lockheld: Bool) {
  let mp = acquirem()
  defer { releasem(mp) }
  if !lockheld { lock(sched[].lock) }
  guard let nmp = mget() else {
    // Counted as an M from here on, so that checkdead does not miss it while the
    // lock is released.
    let id = mReserveID()
    unlock(sched[].lock)
    newm(pp, id: id)
    if lockheld { lock(sched[].lock) }
    return
  }
  if !lockheld { unlock(sched[].lock) }
  if nmp[].nextp != nil { throwFatal("startm: m has p") }
  nmp[].nextp = pp
  if tracing { traceevent(.mNotify, arg: UInt32(nmp[].id)) }
  notewakeup(nmp[].park)
}

// Sleeping.

/// stopm puts the M to sleep until it is given a P.
func stopm(_ mp: MPtr) {
  if mp[].locks != 0 { throwFatal("stopm: holding locks") }
  if mp[].p != nil { throwFatal("stopm: holding p") }
  lock(sched[].lock)
  if mp[].rundone {
    unlock(sched[].lock)
    rundone2(mp)
  }
  mput(mp)
  unlock(sched[].lock)
  mPark(mp)
  if mp[].rundone { rundone2(mp) }
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
func mcount() -> Int32 { Int32(sched[].mnext) }

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
  noteclear(mp[].park)
  asmgogo(mp[].rt0g)
}
