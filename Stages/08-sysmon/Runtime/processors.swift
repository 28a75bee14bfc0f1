// SPDX-License-Identifier: Apache-2.0
//
// Ps: the right to run goroutines.  Go: src/runtime/runtime2.go, src/runtime/proc.go
//
// A P carries what an M needs to run goroutines without asking anybody: a queue, dead
// Gs, ids. An M that blocks or has nothing to do gives its P away, queue and all.

import CLinux
import Synchronization

// Who owns a P.

enum PStatus: UInt32, AtomicRepresentable {
  /// Go: _Pidle. On sched.pidle or in transit; its run queue is empty.
  case idle = 0

  /// Go: _Prunning. Owned by an M, which runs goroutines or the scheduler.
  case running = 1

  /// Go: _Psyscall. Its M is in a system call; whoever changes the status by CAS,
  /// the M on return or a thief, owns it from then on.
  case syscall = 2

  /// Go: _Pgcstop. Halted for a stopped world, owned by the M that stopped it.
  case gcstop = 3

  /// Go: _Pdead. Not in use since GOMAXPROCS shrank; kept for when it grows.
  case dead = 4
}

/// Slots of a P's own queue.
let runqSize: UInt32 = 256

struct P: ~Copyable {
  // Fixed at creation.

  let id: Int32

  // Atomic.

  let status = Atomic(PStatus.gcstop)

  /// Of the local run queue. Only the owner P stores runqtail; anyone may advance
  /// runqhead, by CAS.
  let runqhead = Atomic<UInt32>(0)
  let runqtail = Atomic<UInt32>(0)
  let runq = InlineArray<256, Atomic<GPtr?>>({ _ in Atomic(nil) })

  /// A G made ready by the running one, to run next. Only the owner P stores a G;
  /// anyone may take it by CAS.
  let runnext = Atomic<GPtr?>(nil)

  /// The M that holds it; nil when idle or in a system call.
  let m = Atomic<MPtr?>(nil)

  /// Incremented by execute.
  let schedtick = Atomic<UInt32>(0)

  /// Incremented by every system call.
  let syscalltick = Atomic<UInt32>(0)

  // Owned by the M that holds it.

  /// Dead Gs to start again. Go: gFree.
  var gFree = GList()

  /// Goroutine ids given to it and not yet used.
  var goidcache: UInt64 = 0
  var goidcacheend: UInt64 = 0

  // Written by sysmon only.

  var sysmontick = Sysmontick()

  // Protected by Schedt.lock.

  var link: PPtr? = nil

  // Counters: written by the owner, read by anybody.

  let counters = Counters()

  init(id: Int32) { self.id = id }
}

/// The Ps there are: [0, gomaxprocs) in use, the rest dead. Slots are filled as
/// GOMAXPROCS asks for them, with the world stopped, and never emptied.
let allp = Ptr(allocating: AllP())

struct AllP: ~Copyable {
  let slots = InlineArray<1024, Atomic<PPtr?>>({ _ in Atomic(nil) })

  subscript(_ i: Int32) -> PPtr? {
    @inline(__always) get { slots[Int(i)].load(ordering: .relaxed) }
  }
}

/// procresize makes n Ps be in use: that of mp, the current M, and idle ones.
/// sched.lock must be held and the world stopped.
func procresize(_ mp: MPtr, _ n: Int32) {
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
  let mine = allp[][0].unsafelyUnwrapped
  mine[].m.store(nil, ordering: .relaxed)
  mine[].status.store(.idle, ordering: .relaxed)
  wirep(mp, mine)
  if n < old {
    for i in n..<old { pdestroy(allp[][i].unsafelyUnwrapped) }
  }
  sched[].gomaxprocs.store(n, ordering: .releasing)
  for i in stride(from: n - 1, through: 0, by: -1) {
    let pp = allp[][i].unsafelyUnwrapped
    if pp == mp[].p { continue }
    pp[].status.store(.idle, ordering: .relaxed)
    if tracing { traceproc(pp) }
    pidleput(pp)
  }
  idlepMask[].clear(mp[].p.unsafelyUnwrapped[].id)
}

/// Takes everything from a P that goes out of use.
private func pdestroy(_ pp: PPtr) {
  gfpurge(pp)
  idlepMask[].clear(pp[].id)
  pp[].status.store(.dead, ordering: .relaxed)
  if tracing { traceproc(pp) }
}

// Who holds one.

/// acquirep ties pp to the M.
@inline(__always)
func acquirep(_ mp: MPtr, _ pp: PPtr) {
  wirep(mp, pp)
}

func wirep(_ mp: MPtr, _ pp: PPtr) {
  if mp[].p != nil { throwFatal("wirep: already in go") }
  if pp[].m.load(ordering: .relaxed) != nil
    || pp[].status.load(ordering: .relaxed) != .idle
  {
    throwFatal("wirep: invalid p state")
  }
  mp[].p = pp
  pp[].m.store(mp, ordering: .relaxed)
  pp[].status.store(.running, ordering: .releasing)
  if tracing { traceproc(pp) }
}

/// releasep unties the M's P and returns it.
@discardableResult
func releasep(_ mp: MPtr) -> PPtr {
  guard let pp = mp[].p else { throwFatal("releasep: invalid arg") }
  if pp[].m.load(ordering: .relaxed) != mp
    || pp[].status.load(ordering: .relaxed) != .running
  {
    throwFatal("releasep: invalid p state")
  }
  mp[].p = nil
  pp[].m.store(nil, ordering: .relaxed)
  pp[].status.store(.idle, ordering: .releasing)
  if tracing { traceproc(pp) }
  return pp
}

/// pidleput puts pp on the idle list. sched.lock must be held.
func pidleput(_ pp: PPtr) {
  assertLockHeld(sched[].lock)
  if !runqempty(pp) { throwFatal("pidleput: P has non-empty run queue") }
  idlepMask[].set(pp[].id)
  pp[].link = sched[].pidle
  sched[].pidle = pp
  sched[].npidle.add(1, ordering: .sequentiallyConsistent)
}

/// pidleget takes an idle P. sched.lock must be held.
func pidleget() -> PPtr? {
  assertLockHeld(sched[].lock)
  guard let pp = sched[].pidle else { return nil }
  idlepMask[].clear(pp[].id)
  sched[].pidle = pp[].link
  pp[].link = nil
  let left = sched[].npidle.subtract(1, ordering: .sequentiallyConsistent).newValue
  // With every P busy somebody must watch them.
  if left == 0 { wakesysmon() }
  return pp
}

/// pidlegetSpinning is pidleget for an M that has found work: without a P, the next
/// M to idle one shall look again. sched.lock must be held.
func pidlegetSpinning() -> PPtr? {
  let pp = pidleget()
  // See "Delicate dance" in findRunnable.
  if pp == nil { sched[].needspinning.store(1, ordering: .sequentiallyConsistent) }
  return pp
}

/// handoffp gives away the P of an M that blocks: to another M if there is anything
/// to do, else to the idle list.
func handoffp(_ pp: PPtr) {
  if tracing { traceevent(.handoff, arg: UInt32(pp[].id)) }
  bump(pp[].counters.handoffs)
  // If there is work, it must be started at once.
  if !runqempty(pp) || !globrunqempty() {
    startm(pp, spinning: false, lockheld: false)
    return
  }
  // Nobody spins and nobody idles: the next work would find nobody to wake.
  if sched[].nmspinning.load(ordering: .sequentiallyConsistent)
    + sched[].npidle.load(ordering: .sequentiallyConsistent) == 0,
    sched[].nmspinning.compareExchange(
      expected: 0, desired: 1, ordering: .sequentiallyConsistent
    ).exchanged
  {
    sched[].needspinning.store(0, ordering: .sequentiallyConsistent)
    startm(pp, spinning: true, lockheld: false)
    return
  }
  lock(sched[].lock)
  if sched[].gcwaiting.load(ordering: .relaxed) {
    pp[].status.store(.gcstop, ordering: .relaxed)
    if tracing { traceproc(pp) }
    sched[].stopwait -= 1
    if sched[].stopwait == 0 { notewakeup(sched[].stopnote) }
    unlock(sched[].lock)
    return
  }
  if sched[].runq.size != 0 {
    unlock(sched[].lock)
    startm(pp, spinning: false, lockheld: false)
    return
  }
  pidleput(pp)
  // As in findRunnableOnce: work was found meanwhile, and no P for it.
  if sched[].needspinning.load(ordering: .sequentiallyConsistent) == 1,
    let p2 = pidleget()
  {
    sched[].nmspinning.add(1, ordering: .sequentiallyConsistent)
    sched[].needspinning.store(0, ordering: .sequentiallyConsistent)
    startm(p2, spinning: true, lockheld: true)
    unlock(sched[].lock)
    return
  }
  unlock(sched[].lock)
}
