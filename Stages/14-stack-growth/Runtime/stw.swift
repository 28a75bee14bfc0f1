// SPDX-License-Identifier: Apache-2.0
//
// Stopping the world, and the number of Ps.              Go: src/runtime/proc.go
//
// The world is stopped when every P is in gcstop: those in use by their own Ms,
// at the next round of findRunnable; those in system calls and the idle ones by
// the M that stops. All goroutines are then off their Ms or in system calls, which
// wait at their end.
//
// Invariant:
//   stopwait, under sched.lock, is the number of Ps yet to stop.

import CLinux
import Synchronization

/// stopTheWorldG stops all goroutines but the calling one, which keeps its M and
/// may not block until startTheWorldG.
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
    // No queue need be looked at again: startTheWorld wakes somebody who does.
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

/// procresize makes n Ps be in use and returns those that have work, linked; the
/// others are idle. mp, the current M, has one afterwards. sched.lock must be held
/// and the world stopped.
@discardableResult
func procresize(_ mp: MPtr, _ n: Int32) -> PPtr? {
  assertLockHeld(sched[].lock)
  let old = sched[].gomaxprocs.load(ordering: .relaxed)
  for i in 0..<n where allp[][i] == nil {
    // release: a P is seen before it is found.
    allp[].slots[Int(i)].store(Ptr(allocating: P(id: i)), ordering: .releasing)
  }
  for i in 0..<n where i >= old {
    allp[][i].unsafelyUnwrapped[].status.store(.gcstop, ordering: .relaxed)
    if tracing { traceproc(allp[][i].unsafelyUnwrapped) }
  }
  if let pp = mp[].p, pp[].id < n {
    pp[].status.store(.running, ordering: .relaxed)
    if tracing { traceproc(pp) }
  } else {
    if let pp = mp[].p {
      pp[].m.store(nil, ordering: .relaxed)
      mp[].p = nil
    }
    let pp = allp[][0].unsafelyUnwrapped
    pp[].m.store(nil, ordering: .relaxed)
    pp[].status.store(.idle, ordering: .relaxed)
    wirep(mp, pp)
  }
  if n < old {
    for i in n..<old { pdestroy(mp, allp[][i].unsafelyUnwrapped) }
  }
  sched[].gomaxprocs.store(n, ordering: .releasing)
  var runnable: PPtr? = nil
  for i in stride(from: n - 1, through: 0, by: -1) {
    let pp = allp[][i].unsafelyUnwrapped
    if pp == mp[].p { continue }
    pp[].status.store(.idle, ordering: .relaxed)
    if tracing { traceproc(pp) }
    if runqempty(pp) {
      pidleput(pp)
    } else {
      idlepMask[].clear(i)
      pp[].oldm = mget()
      pp[].link = runnable
      runnable = pp
    }
  }
  idlepMask[].clear(mp[].p.unsafelyUnwrapped[].id)
  timerpMask[].set(mp[].p.unsafelyUnwrapped[].id)
  return runnable
}

/// Takes everything from a P that goes out of use. Its queue goes to the head
/// of the global one, in order.
private func pdestroy(_ mp: MPtr, _ pp: PPtr) {
  while true {
    let h = pp[].runqhead.load(ordering: .relaxed)
    let t = pp[].runqtail.load(ordering: .relaxed)
    if h == t { break }
    pp[].runqtail.store(t &- 1, ordering: .relaxed)
    let gp = pp[].runq[Int((t &- 1) % runqSize)].load(ordering: .relaxed)
    globrunqputhead(gp.unsafelyUnwrapped)
  }
  if let gp = pp[].runnext.exchange(nil, ordering: .relaxed) { globrunqputhead(gp) }
  timersmove(from: pp, to: mp[].p.unsafelyUnwrapped)
  gfpurge(pp)
  idlepMask[].clear(pp[].id)
  timerpMask[].clear(pp[].id)
  pp[].status.store(.dead, ordering: .relaxed)
  if tracing { traceproc(pp) }
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
