// SPDX-License-Identifier: Apache-2.0
//
// Stopping the world.                                    Go: src/runtime/proc.go
//
// The world is stopped when all goroutines but one are off their Ms, or in system
// calls, which wait at their end.

import CLinux
import Synchronization

/// stopTheWorldG stops all goroutines but the calling one, which keeps its M and
/// may not block until startTheWorldG.
///
/// Every P is in gcstop then: those in use are put there by their own Ms, at the next
/// round of findRunnable; those in system calls and the idle ones by the M that stops.
func stopTheWorldG() {
  semacquire1(sched[].worldsema, lifo: false, .stoppingTheWorld)
  let mp = acquirem()
  if tracing { traceevent(.stwBegin) }
  lock(sched[].lock)
  sched[].stopwait = sched[].gomaxprocs.load(ordering: .relaxed)
  // seq-cst: before the marks of system calls are looked at; see entersyscall.
  sched[].gcwaiting.store(true, ordering: .sequentiallyConsistent)
  preemptall()
  let me = mp[].p.unsafelyUnwrapped
  me[].status.store(.gcstop, ordering: .relaxed)
  if tracing { traceproc(me) }
  sched[].stopwait -= 1
  for i in 0..<sched[].gomaxprocs.load(ordering: .relaxed) {
    let pp = allp[][i].unsafelyUnwrapped
    if pp[].status.compareExchange(
      expected: .syscall, desired: .gcstop, ordering: .sequentiallyConsistent
    ).exchanged {
      if tracing { traceproc(pp) }
      pp[].syscalltick.store(
        pp[].syscalltick.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
      sched[].stopwait -= 1
    }
  }
  while let pp = pidleget() {
    pp[].status.store(.gcstop, ordering: .relaxed)
    if tracing { traceproc(pp) }
    sched[].stopwait -= 1
  }
  let wait = sched[].stopwait > 0
  unlock(sched[].lock)
  if wait {
    // A request may be missed by a goroutine that was just being started.
    while !notetsleep(sched[].stopnote, 100_000) { preemptall() }
    noteclear(sched[].stopnote)
  }
  for i in 0..<sched[].gomaxprocs.load(ordering: .relaxed)
  where allp[][i].unsafelyUnwrapped[].status.load(ordering: .relaxed) != .gcstop {
    throwFatal("stopTheWorld: not stopped")
  }
  if tracing { traceevent(.stwStopped) }
}

/// startTheWorldG undoes stopTheWorldG.
func startTheWorldG() {
  let mp = getg()[].m.unsafelyUnwrapped
  if netpollinited() {
    let (list, delta) = netpoll(0)
    injectglistStopped(list)
    netpollAdjustWaiters(delta)
  }
  lock(sched[].lock)
  let asked = sched[].newprocs.exchange(0, ordering: .relaxed)
  let n = asked != 0 ? asked : sched[].gomaxprocs.load(ordering: .relaxed)
  var runnable = procresize(mp, n)
  sched[].gcwaiting.store(false, ordering: .sequentiallyConsistent)
  wakesysmon()
  unlock(sched[].lock)
  if tracing { traceevent(.stwEnd) }
  while let pp = runnable {
    runnable = pp[].link
    pp[].link = nil
    if let old = pp[].oldm {
      // The M it was taken from sleeps, and is kept for it.
      pp[].oldm = nil
      if old[].nextp != nil { throwFatal("startTheWorld: inconsistent mp->nextp") }
      old[].nextp = pp
      if tracing { traceevent(.mNotify, arg: UInt32(old[].id)) }
      notewakeup(old[].park)
    } else {
      lock(sched[].lock)
      let id = mReserveID()
      unlock(sched[].lock)
      newm(pp, spinning: false, id: id)
    }
  }
  // There may be more work than there are Ps awake.
  wakep()
  releasem(mp)
  semrelease(sched[].worldsema)
}

/// injectglist for a stopped world: to the global queue, and nobody is woken.
private func injectglistStopped(_ list: consuming GList) {
  var q = GQueue()
  while let gp = list.pop() {
    casgstatus(gp, .waiting, .runnable)
    q.pushBack(gp)
  }
  lock(sched[].lock)
  globrunqputbatch(q)
  unlock(sched[].lock)
}

/// gcstopm stops the M's P for a world that is to stop, and sleeps.
func gcstopm(_ mp: MPtr) {
  if mp[].spinning {
    mp[].spinning = false
    if tracing { traceevent(.spinEnd) }
    // No queue need be looked at again: that is done when the world starts.
    if sched[].nmspinning.subtract(1, ordering: .sequentiallyConsistent).newValue < 0 {
      throwFatal("gcstopm: negative nmspinning")
    }
  }
  lock(sched[].lock)
  if !sched[].gcwaiting.load(ordering: .relaxed) {
    // It started again meanwhile.
    unlock(sched[].lock)
    return
  }
  let pp = releasep(mp)
  pp[].status.store(.gcstop, ordering: .relaxed)
  if tracing { traceproc(pp) }
  sched[].stopwait -= 1
  if sched[].stopwait == 0 { notewakeup(sched[].stopnote) }
  unlock(sched[].lock)
  stopm(mp)
}

/// Changes the number of Ps and returns what it was.
func setgomaxprocs(_ n: Int) -> Int {
  let was = Int(sched[].gomaxprocs.load(ordering: .relaxed))
  if n <= 0 || n == was { return was }
  stopTheWorldG()
  sched[].newprocs.store(Int32(min(n, maxGomaxprocs)), ordering: .relaxed)
  startTheWorldG()
  return was
}
