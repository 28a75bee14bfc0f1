// SPDX-License-Identifier: Apache-2.0
//
// System calls.                                          Go: src/runtime/proc.go
//
// A goroutine in a system call keeps its thread, and others run in its place. When it
// returns it needs a place again, and waits in the global queue while there is none.

import CLinux
import Synchronization

/// entersyscall prepares the current goroutine for blocking in the kernel. What its
/// caller returns to is kept for a dump, so the caller must have a frame of its own.
@inline(never)
func entersyscall() {
  let gp = getg()
  // A goroutine that is not locked leaves the thread that called run, so that run
  // can return whatever its goroutines wait for.
  while gp[].m == m0, gp[].lockedm == nil { leavem0(gp) }
  savecallerfp(gp)
  let mp = gp[].m.unsafelyUnwrapped
  mp[].locks += 1
  let pp = mp[].p.unsafelyUnwrapped
  casgstatus(gp, .running, .syscall)
  pp[].m.store(nil, ordering: .relaxed)
  mp[].oldp = pp
  mp[].p = nil
  // seq-cst: the mark is seen before gcwaiting is looked at, and stopTheWorld sets
  // gcwaiting before it looks at marks.
  pp[].status.store(.syscall, ordering: .sequentiallyConsistent)
  if sched[].gcwaiting.load(ordering: .sequentiallyConsistent) {
    entersyscallgcwait(mp, pp)
  }
  if sched[].sysmonwait.load(ordering: .relaxed) {
    lock(sched[].lock)
    wakesysmon()
    unlock(sched[].lock)
  }
  // Work waits for this P: let somebody be there to take it.
  if sched[].sysmonnap.load(ordering: .relaxed) != 0, !runqempty(pp) || !globrunqempty() {
    pokesysmon()
  }
  mp[].locks -= 1
}

/// The world is stopping and this P would be waited for.
private func entersyscallgcwait(_ mp: MPtr, _ pp: PPtr) {
  lock(sched[].lock)
  if sched[].stopwait > 0,
    pp[].status.compareExchange(
      expected: .syscall, desired: .gcstop, ordering: .sequentiallyConsistent
    ).exchanged
  {
    if tracing { traceproc(pp) }
    pp[].syscalltick.store(
      pp[].syscalltick.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
    sched[].stopwait -= 1
    if sched[].stopwait == 0 { notewakeup(sched[].stopnote) }
  }
  unlock(sched[].lock)
}

/// Moves the calling goroutine off the thread that called run: other Ms run it.
private func leavem0(_ gp: GPtr) {
  mcall { raw in
    let gp = GPtr(raw)
    let mp = getg()[].m.unsafelyUnwrapped
    casgstatus(gp, .running, .runnable)
    dropg(mp)
    let pp = releasep(mp)
    lock(sched[].lock)
    globrunqput(gp)
    unlock(sched[].lock)
    handoffp(pp)
    stopm(mp)
    schedule()
  }
}

/// exitsyscall takes back a P, the old one if it is still there, or queues the
/// goroutine until there is one.
func exitsyscall() {
  let gp = getg()
  let mp = gp[].m.unsafelyUnwrapped
  mp[].locks += 1
  let oldp = mp[].oldp.unsafelyUnwrapped
  mp[].oldp = nil
  // The epoch is looked at with the P in hand: no run ends then.
  if exitsyscallfast(mp, oldp), gp[].epoch == sched[].epoch.load(ordering: .relaxed) {
    let pp = mp[].p.unsafelyUnwrapped
    pp[].syscalltick.store(
      pp[].syscalltick.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
    casgstatus(gp, .syscall, .running)
    mp[].locks -= 1
    return
  }
  mp[].locks -= 1
  mcall(exitsyscall0)
}

private func exitsyscallfast(_ mp: MPtr, _ oldp: PPtr) -> Bool {
  // acquire: what a thief that gave it back did is seen.
  if oldp[].status.load(ordering: .relaxed) == .syscall,
    oldp[].status.compareExchange(
      expected: .syscall, desired: .idle, ordering: .acquiring
    ).exchanged
  {
    wirep(mp, oldp)
    return true
  }
  if sched[].npidle.load(ordering: .relaxed) == 0 { return false }
  lock(sched[].lock)
  let pp = sched[].gcwaiting.load(ordering: .relaxed) ? nil : pidleget()
  if pp != nil { wakesysmon() }
  unlock(sched[].lock)
  guard let pp else { return false }
  acquirep(mp, pp)
  return true
}

/// exitsyscall's slow path on g0: no P was to be had.
private let exitsyscall0: GFunc = { raw in
  let gp = GPtr(raw)
  let mp = getg()[].m.unsafelyUnwrapped
  if mp[].p != nil {
    // A P of another run: this goroutine was slow to see that its own is over.
    handoffp(releasep(mp))
    abandonm(gp, mp)
  }
  lock(sched[].lock)
  // Under the lock, as a run ends: rundone abandons what is runnable, and leaves what
  // is in a system call to this.
  if gp[].epoch != sched[].epoch.load(ordering: .relaxed) {
    unlock(sched[].lock)
    abandonm(gp, mp)
  }
  casgstatus(gp, .syscall, .runnable)
  dropg(mp)
  let pp = sched[].gcwaiting.load(ordering: .relaxed) ? nil : pidleget()
  let locked = gp[].lockedm != nil
  if pp == nil {
    globrunqput(gp)
  } else {
    wakesysmon()
  }
  unlock(sched[].lock)
  if let pp {
    acquirep(mp, pp)
    execute(gp)
  }
  if locked {
    // Whoever finds it in the queue wakes us.
    stoplockedm(mp)
    execute(gp)
  }
  stopm(mp)
  schedule()
}
