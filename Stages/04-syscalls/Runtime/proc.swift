// SPDX-License-Identifier: Apache-2.0
//
// The scheduler.                                         Go: src/runtime/proc.go
//
// A strong reference must never be live in a frame that a switch leaves for good:
// nothing unwinds it.

import CLinux
import Synchronization

// Entering the runtime.

/// enterRuntime begins a public entry point: from here to exitRuntime the goroutine is
/// in the runtime. Ends the process on a thread that is no M.
@inline(__always)
func enterRuntime(_ name: StaticString) -> GPtr {
  guard let gp = getgOrNil() else { foreignThread(name) }
  gp[].inRuntime &+= 1
  if gp[].inRuntime > inBlocking { insideBlocking(name) }
  return gp
}

/// Added to inRuntime while a goroutine is in `blocking`: others run in its place.
let inBlocking: Int32 = 1 << 20

@inline(never)
private func insideBlocking(_ name: StaticString) -> Never {
  let gp = getg()
  gp[].inRuntime = 1
  fatal("\(name) called inside blocking { }; call it before or after")
}

/// exitRuntime undoes enterRuntime.
@inline(__always)
func exitRuntime(_ gp: GPtr) {
  gp[].inRuntime &-= 1
}

@inline(never)
private func foreignThread(_ name: StaticString) -> Never {
  fatal("\(name) called on a thread that runs no goroutine; call it inside run { }")
}

/// acquirem keeps the caller on its M until releasem.
@inline(__always)
func acquirem() -> MPtr {
  let mp = getg()[].m.unsafelyUnwrapped
  mp[].locks += 1
  return mp
}

@inline(__always)
func releasem(_ mp: MPtr) {
  mp[].locks -= 1
}

/// A random number that is nobody's business. Go: cheaprand.
@inline(__always)
func cheaprand() -> UInt32 {
  let mp = getg()[].m.unsafelyUnwrapped
  // wyrand's step.
  mp[].rand &+= 0xa076_1d64_78bd_642f
  let (hi, lo) = mp[].rand.multipliedFullWidth(by: mp[].rand ^ 0xe703_7ed1_a0b4_28db)
  return UInt32(truncatingIfNeeded: hi ^ lo)
}

/// A random number in [0, n).
@inline(__always)
func cheaprandn(_ n: UInt32) -> UInt32 {
  UInt32(truncatingIfNeeded: (UInt64(cheaprand()) &* UInt64(n)) >> 32)
}

// The states of a G.

/// casgstatus changes gp's status, which must be old. The owner of a status is the
/// only one to change it, so that this is a check and a store; Go, whose collector
/// may lock a status, needs the CAS.
@inline(__always)
func casgstatus(_ gp: GPtr, _ old: GStatus, _ new: GStatus) {
  if gp[].atomicstatus.load(ordering: .relaxed) != old { badgstatus() }
  if tracing { tracestatus(gp, old, new) }
  // release: whoever sees the new status sees what led to it.
  gp[].atomicstatus.store(new, ordering: .releasing)
}

@inline(never)
private func badgstatus() -> Never { throwFatal("casgstatus: bad incoming values") }

// Parking and readying.

/// gopark puts the current goroutine into waiting and runs the scheduler. On g0,
/// with the goroutine off its stack, unlockf(gp, lock) is called; when it returns
/// false the goroutine is resumed at once. Only then may anybody ready it.
@inline(__always)
func gopark(
  _ unlockf: UnlockFunc?,
  _ lock: UnsafeMutableRawPointer?,
  _ reason: WaitReason
) {
  let gp = getg()
  let mp = gp[].m.unsafelyUnwrapped
  mp[].waitunlockf = unlockf
  mp[].waitlock = lock
  gp[].waitreason = reason
  mcall(park_m)
}

/// goparkunlock parks and releases l.
@inline(__always)
func goparkunlock(_ l: UnsafeMutablePointer<Mutex>, _ reason: WaitReason) {
  gopark(parkunlock_c, UnsafeMutableRawPointer(l), reason)
}

let parkunlock_c: UnlockFunc = { _, l in
  unlock(l.unsafelyUnwrapped.assumingMemoryBound(to: Mutex.self).pointee)
  return true
}

/// park_m is gopark on g0.
private let park_m: GFunc = { raw in
  let gp = GPtr(raw)
  let mp = getg()[].m.unsafelyUnwrapped
  casgstatus(gp, .running, .waiting)
  dropg(mp)
  if let fn = mp[].waitunlockf {
    mp[].waitunlockf = nil
    gp[].parking.store(true, ordering: .relaxed)
    // Once fn has unlocked, gp may be readied elsewhere; it runs when fn has returned.
    let parked = fn(raw, mp[].waitlock)
    // release: fn is done with what gp may free.
    gp[].parking.store(false, ordering: .releasing)
    if !parked {
      casgstatus(gp, .waiting, .runnable)
      execute(gp)
    }
  }
  schedule()
}

/// dropg undoes what ties the M and its current goroutine.
@inline(__always)
func dropg(_ mp: MPtr) {
  mp[].curg.load(ordering: .relaxed).unsafelyUnwrapped[].m = nil
  mp[].curg.store(nil, ordering: .relaxed)
}

/// goready makes a waiting goroutine runnable.
func goready(_ gp: GPtr) {
  casgstatus(gp, .waiting, .runnable)
  lock(sched[].lock)
  globrunqput(gp)
  wakep()
  unlock(sched[].lock)
}

// Yielding.

/// gosched_m sends a goroutine to the tail of the queue.
let gosched_m: GFunc = { raw in
  let gp = GPtr(raw)
  let mp = getg()[].m.unsafelyUnwrapped
  casgstatus(gp, .running, .runnable)
  dropg(mp)
  lock(sched[].lock)
  globrunqput(gp)
  unlock(sched[].lock)
  schedule()
}

/// goyield sends the current goroutine to the tail of the queue.
func goyield() { mcall(gosched_m) }

// Birth and death of goroutines.

/// newproc makes a goroutine that runs fn, and queues it. entry is its first frame; what
/// is not gomain runs fn itself.
func newproc(
  _ fn: @escaping () throws -> Void,
  entry: GFunc = gomain
) {
  let mp = acquirem()
  let dead = gfgetglobal()
  let gp = newproc1(dead ?? malg(), fn, entry, mp)
  lock(sched[].lock)
  globrunqput(gp)
  if sched[].mainStarted.load(ordering: .relaxed) { wakep() }
  unlock(sched[].lock)
  releasem(mp)
}

@inline(__always)
private func newproc1(
  _ gp: GPtr,
  _ fn: @escaping () throws -> Void,
  _ entry: GFunc,
  _ mp: MPtr
) -> GPtr {
  gp[].startfn = fn
  gp[].inRuntime = 1
  gp[].errno = 0
  gp[].parentGoid = mp[].curg.load(ordering: .relaxed)?[].goid ?? 0
  gp[].epoch = sched[].epoch.load(ordering: .relaxed)
  gp[].goid = sched[].goidgen.add(1, ordering: .relaxed).newValue
  bump(sched[].counters.spawns)
  gostartcallfn(gp, gp[].stack.hi, entry)
  casgstatus(gp, .dead, .runnable)
  return gp
}

/// The first frame of a goroutine.
let gomain: GFunc = { raw in
  gorun(GPtr(raw))
  mcall(goexit0)
  fatalError("goexit0 returned")
}

/// Runs what the goroutine was made for. In a call of its own: when it returns,
/// nothing of the program's is alive in a frame that is left for good.
@inline(never)
func gorun(_ gp: GPtr) {
  let fn = gp[].startfn.take().unsafelyUnwrapped
  exitRuntime(gp)
  do {
    try fn()
  } catch {
    uncaught(error)
  }
  _ = enterRuntime("go")
}

/// goexit0 ends the calling goroutine; its stack is free once on g0.
let goexit0: GFunc = { raw in
  let gp = GPtr(raw)
  gdestroy(gp)
  schedule()
}

func gdestroy(_ gp: GPtr) {
  let mp = getg()[].m.unsafelyUnwrapped
  casgstatus(gp, .running, .dead)
  gp[].lockedm = nil
  mp[].lockedg = nil
  gp[].param = nil
  gp[].waiting = nil
  gp[].accesses = 0
  gp[].accesses2 = 0
  dropg(mp)
  bump(sched[].counters.exits)
  gfputglobal(gp)
}

// Finding work.

/// schedule finds a runnable goroutine and executes it. Runs on g0. Does not return.
func schedule() -> Never {
  let mp = getg()[].m.unsafelyUnwrapped
  if mp[].locks != 0 { throwFatal("schedule: holding locks") }
  if mp[].lockedg != nil {
    lock(sched[].lock)
    placeput()
    wakep()
    unlock(sched[].lock)
    stoplockedm(mp)
    execute(mp[].lockedg.unsafelyUnwrapped)
  }
  while true {
    lock(sched[].lock)
    // Serial tasks come first.
    guard !sched[].gcwaiting.load(ordering: .relaxed), let gp = globrunqget() else {
      // Nothing. Give up the place.
      placeput()
      stopm(mp)
      continue
    }
    unlock(sched[].lock)
    if gp[].lockedm != nil {
      // It belongs to another M: give that one our place, and look again.
      startlockedm(mp, gp)
      continue
    }
    execute(gp)
  }
}

/// execute runs gp on the current M. Runs on g0. Does not return.
@inline(__always)
func execute(_ gp: GPtr) -> Never {
  let mp = getg()[].m.unsafelyUnwrapped
  // acquire: pairs with park_m.
  if gp[].parking.load(ordering: .acquiring) { awaitparked(gp) }
  mp[].curg.store(gp, ordering: .relaxed)
  gp[].m = mp
  casgstatus(gp, .runnable, .running)
  bump(sched[].counters.switches)
  gogo(gp, mp)
}

/// Waits until the M that parked gp is done with it: a few instructions, unless the
/// kernel has just stopped that thread.
@inline(never)
private func awaitparked(_ gp: GPtr) {
  var i = 0
  while gp[].parking.load(ordering: .acquiring) {
    i += 1
    if i < 100 { procyield(10) } else { osyield() }
  }
}
