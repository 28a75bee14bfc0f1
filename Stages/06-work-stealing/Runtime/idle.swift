// SPDX-License-Identifier: Apache-2.0
//
// Waking Ms and letting them sleep; deadlock.
//                                                        Go: src/runtime/proc.go

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

// Deadlock.

/// checkdead ends the process when no goroutine can ever run again. Called whenever
/// an M goes idle. sched.lock must be held.
func checkdead() {
  assertLockHeld(sched[].lock)
  if sched[].ending || sched[].panicking.load(ordering: .relaxed) != 0 { return }
  let run = mcount() - sched[].nmidle - sched[].nmidlelocked
  if run > 0 { return }
  if run < 0 { throwFatal("checkdead: inconsistent counts") }
  var grunning = 0
  let epoch = sched[].epoch.load(ordering: .relaxed)
  forEachG { gp in
    if gp[].issystem || gp[].epoch != epoch { return }
    switch gp[].atomicstatus.load(ordering: .relaxed) {
    case .waiting: grunning += 1
    case .runnable, .running, .syscall: throwFatal("checkdead: runnable g")
    case .idle, .dead: break
    }
  }
  if grunning == 0 {
    unlock(sched[].lock)
    fatal("no goroutines (main called runtime.Goexit) - deadlock!")
  }
  unlock(sched[].lock)
  fataldeadlock()
}

func fataldeadlock() -> Never {
  fatalall("all goroutines are asleep - deadlock!")
}

/// Ms there are. sched.lock must be held.
func mcount() -> Int32 { Int32(sched[].mnext) }
