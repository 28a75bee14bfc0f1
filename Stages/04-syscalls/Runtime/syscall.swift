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
  casgstatus(gp, .running, .syscall)
  bump(sched[].counters.handoffs)
  lock(sched[].lock)
  placeput()
  wakep()
  unlock(sched[].lock)
  mp[].locks -= 1
}

/// Moves the calling goroutine off the thread that called run: other Ms run it.
private func leavem0(_ gp: GPtr) {
  mcall { raw in
    let gp = GPtr(raw)
    let mp = getg()[].m.unsafelyUnwrapped
    casgstatus(gp, .running, .runnable)
    dropg(mp)
    lock(sched[].lock)
    globrunqput(gp)
    placeput()
    wakep()
    stopm(mp)
    schedule()
  }
}

/// exitsyscall takes a place, or queues the goroutine until there is one.
func exitsyscall() {
  let gp = getg()
  lock(sched[].lock)
  // Under the lock: no run ends then.
  if gp[].epoch == sched[].epoch.load(ordering: .relaxed), placeget() {
    unlock(sched[].lock)
    casgstatus(gp, .syscall, .running)
    return
  }
  unlock(sched[].lock)
  mcall(exitsyscall0)
}

/// exitsyscall's slow path on g0: no place was to be had.
private let exitsyscall0: GFunc = { raw in
  let gp = GPtr(raw)
  let mp = getg()[].m.unsafelyUnwrapped
  lock(sched[].lock)
  // Under the lock, as a run ends: rundone abandons what is runnable, and leaves what
  // is in a system call to this.
  if gp[].epoch != sched[].epoch.load(ordering: .relaxed) {
    unlock(sched[].lock)
    abandonm(gp, mp)
  }
  casgstatus(gp, .syscall, .runnable)
  dropg(mp)
  let locked = gp[].lockedm != nil
  if placeget() {
    unlock(sched[].lock)
    execute(gp)
  }
  globrunqput(gp)
  if locked {
    unlock(sched[].lock)
    // Whoever finds it in the queue wakes us.
    stoplockedm(mp)
    execute(gp)
  }
  stopm(mp)
  schedule()
}
