// SPDX-License-Identifier: Apache-2.0
//
// Waking Ms and letting them sleep.                       Go: src/runtime/proc.go

import CLinux
import Synchronization

// Waking.

/// wakep starts an M for what is on the queue, if one more may run. sched.lock must be
/// held. Whoever puts work on the queue calls it; so does whoever gives up its place.
func wakep() {
  assertLockHeld(sched[].lock)
  if sched[].runq.size != 0, placeget() { startm() }
}

/// placeget counts one more M as running, if there may be one more; whether there may.
/// sched.lock must be held.
func placeget() -> Bool {
  assertLockHeld(sched[].lock)
  let n = sched[].mcpu.load(ordering: .relaxed)
  if sched[].gcwaiting.load(ordering: .relaxed) { return false }
  if n >= sched[].gomaxprocs.load(ordering: .relaxed) { return false }
  sched[].mcpu.store(n + 1, ordering: .relaxed)
  return true
}

/// placeput counts one less. sched.lock must be held.
func placeput() {
  assertLockHeld(sched[].lock)
  let n = sched[].mcpu.load(ordering: .relaxed) - 1
  sched[].mcpu.store(n, ordering: .relaxed)
  // Who stops the world is the one that is left.
  if n == 1, sched[].gcwaiting.load(ordering: .relaxed) { notewakeup(sched[].stopnote) }
}

/// startm starts an M that counts as running: a sleeping one or a new one. sched.lock
/// must be held; it may be released meanwhile.
func startm() {
  assertLockHeld(sched[].lock)
  guard let nmp = mget() else {
    // Counted as an M from here on, so that checkdead does not miss it while the
    // lock is released.
    let id = mReserveID()
    unlock(sched[].lock)
    newm(id: id)
    lock(sched[].lock)
    return
  }
  if tracing { traceevent(.mNotify, arg: UInt32(nmp[].id)) }
  notewakeup(nmp[].park)
}

// Sleeping.

/// stopm puts the M, which has no place, to sleep until it is given one. sched.lock
/// must be held; it is released.
func stopm(_ mp: MPtr) {
  assertLockHeld(sched[].lock)
  if mp[].locks != 1 { throwFatal("stopm: holding locks") }
  if mp[].rundone {
    unlock(sched[].lock)
    rundone2(mp)
  }
  mput(mp)
  unlock(sched[].lock)
  mPark(mp)
  if mp[].rundone { rundone2(mp) }
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
