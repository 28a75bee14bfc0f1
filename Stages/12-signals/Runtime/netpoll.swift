// SPDX-License-Identifier: Apache-2.0
//
// Waiting for I/O is parking.                         Go: src/runtime/netpoll.go
//
// A descriptor is registered with epoll once, edge-triggered, in both directions:
// the kernel reports that it became ready, and reports it once. Per direction a
// word remembers that report, or who waits for it. A goroutine whose system call
// would block parks on the word; findRunnable and sysmon ask epoll, and get back
// the goroutines that can go on.
//
// Invariants:
//   rg and wg are each pdNil (nothing known), pdReady (a report nobody has used),
//   pdWait (a goroutine is about to park) or the address of a parked G. Who parks
//   goes pdNil, pdWait, G; who wakes takes the G out by CAS and owns it from then
//   on. At most one goroutine waits in a direction.
//   A PollDesc is never freed, so an event may name one that has another owner by
//   then: it carries the tag it was registered with, and is dropped if fdseq differs.
//   The runtime registers only descriptors that it opened and will close itself:
//   nobody can close one, and another be given its number, while it is registered.
//   waiters counts the Gs in rg and wg. It falls only after those taken out were
//   made runnable: as long as it is above zero some M stays in the poller. Else all
//   could be idle while sysmon has what it took, and the deadlock detector see nobody.
//   Lock order: PollDesc.lock, then the locks of time.swift. No G is readied
//   under PollDesc.lock.

import CLinux
import Synchronization

// What rg and wg hold where it is not a G.

private let pdNil: UInt = 0
private let pdReady: UInt = 1
private let pdWait: UInt = 2

/// The directions, as a set of bits. Go: 'r' and 'w'.
let pollRead: Int32 = 1
let pollWrite: Int32 = 2

/// The bits of atomicInfo. Go: pollInfo, whose second one is not needed here.
private let pollClosing: UInt32 = 1 << 0
private let pollExpiredReadDeadline: UInt32 = 1 << 2
private let pollExpiredWriteDeadline: UInt32 = 1 << 3

/// The input may not announce itself again: the other end was seen to have hung
/// up, or urgent data was seen.
let pollInputEnds: UInt32 = 1 << 4
let pollFDSeq: UInt32 = 5
let pollFDSeqMask: UInt32 = 1 << 20 - 1

struct PollDesc: ~Copyable {
  // Atomic.

  /// Which of its uses this is, in 20 bits; never 0.
  let fdseq = Atomic<UInt32>(1)

  /// closing, rd and wd in brief, for those without the lock: written under it, by
  /// publishInfo. pollInputEnds is kept here alone.
  let atomicInfo = Atomic<UInt32>(1 << pollFDSeq)

  /// Who waits to read, who to write.
  let rg = Atomic<UInt>(pdNil)
  let wg = Atomic<UInt>(pdNil)

  /// Who uses fd; see FDMutex in api_net.swift.
  var fdmu = FDMutex()

  // Protected by lock.

  let lock = Mutex()
  var closing = false

  /// Whether rt is running, whether wt is.
  var rrun = false
  var wrun = false

  /// Changed whenever a timer that may be firing is to be ignored.
  var rseq: UInt = 0
  var wseq: UInt = 0

  /// The deadline timers, made when first needed. One serves both directions if
  /// the deadlines are the same: rt.
  var rt: TimerPtr? = nil
  var wt: TimerPtr? = nil

  /// The deadlines in nanotime; 0: none, -1: passed.
  var rd: Int64 = 0
  var wd: Int64 = 0

  // Owned by whoever opened it, or by the last user once it is closed.

  /// -1: none.
  var fd: Int32 = -1

  /// An object of the program owns it; else the goroutine that opened it does, and
  /// it goes when that is abandoned.
  var owned = false

  // Owned by who may read from fd.

  /// The last read took everything there was, so that another can only fail until
  /// there is an event.
  var drained = false

  // Protected by pollcache.

  /// The next free one.
  var link: PollDescPtr? = nil

  /// The next of all.
  var alllink: PollDescPtr? = nil

  init() {}
}

/// Free PollDescs. Anybody pushes, threads that are no M included; only who holds
/// lock pops, so the first one cannot go and come back between a look and a CAS.
struct PollCache: ~Copyable {
  let lock = Mutex()
  let first = Atomic<PollDescPtr?>(nil)

  // Protected by lock.

  var all: PollDescPtr? = nil
}

let pollcache = Ptr(allocating: PollCache())

// The life of a PollDesc.

/// poll_runtime_pollOpen takes charge of fd, which is nonblocking. On failure it
/// returns an errno, and fd is still the caller's.
func poll_runtime_pollOpen(_ fd: Int32) -> (pd: PollDescPtr?, errno: Int32) {
  if !netpollinited() {
    let e = netpollinit()
    if e != 0 { return (nil, e) }
  }
  let pd = pollalloc()
  lock(pd[].lock)
  pd[].fd = fd
  pd[].owned = false
  pd[].drained = false
  pd[].closing = false
  polldropDeadlines(pd)
  pd[].rg.store(pdNil, ordering: .relaxed)
  pd[].wg.store(pdNil, ordering: .relaxed)
  fdreset(pd, closed: false)
  publishInfo(pd, keeping: 0)
  unlock(pd[].lock)
  let r = netpollopen(fd, pd)
  if r == 0 { return (pd, 0) }
  pd[].fd = -1
  pollfree(pd)
  return (nil, -r)
}

/// poll_runtime_pollClose ends the polling of pd's descriptor and closes it. Nobody
/// waits on it, and nobody will. Can be executed on any thread.
func poll_runtime_pollClose(_ pd: PollDescPtr) {
  let fd = pd[].fd
  pd[].fd = -1
  _ = epolldel(netpollstate[].epfd, fd)
  netclose(fd)
}

/// pollfree gives pd back for reuse. Can be executed on any thread.
func pollfree(_ pd: PollDescPtr) {
  // From here on a poller that holds an old event finds the wrong tag. Timers that
  // still run are stopped by whoever takes pd next.
  var seq = (pd[].fdseq.load(ordering: .relaxed) &+ 1) & pollFDSeqMask
  if seq == 0 { seq = 1 }
  // seq-cst: before anything that the next owner does to pd.
  pd[].fdseq.store(seq, ordering: .sequentiallyConsistent)
  var x = pd[].atomicInfo.load(ordering: .relaxed)
  while true {
    let y = x & ~(pollFDSeqMask << pollFDSeq) | seq << pollFDSeq
    // seq-cst: as above.
    let (done, found) = pd[].atomicInfo.compareExchange(
      expected: x, desired: y, ordering: .sequentiallyConsistent)
    if done { break }
    x = found
  }
  var first = pollcache[].first.load(ordering: .relaxed)
  while true {
    pd[].link = first
    // release: pd is seen as it is left.
    let (done, found) = pollcache[].first.compareExchange(
      expected: first, desired: pd,
      successOrdering: .releasing, failureOrdering: .relaxed)
    if done { return }
    first = found
  }
}

/// pollalloc returns a PollDesc that nobody uses. Go: pollCache.alloc.
private func pollalloc() -> PollDescPtr {
  lock(pollcache[].lock)
  defer { unlock(pollcache[].lock) }
  // acquire: it is seen as pollfree left it.
  while let pd = pollcache[].first.load(ordering: .acquiring) {
    // acquire: as above.
    if pollcache[].first.compareExchange(
      expected: pd, desired: pd[].link, ordering: .acquiring
    ).exchanged {
      return pd
    }
  }
  let pd = PollDescPtr(allocating: PollDesc())
  pd[].alllink = pollcache[].all
  pollcache[].all = pd
  return pd
}

/// publishInfo makes atomicInfo what the other fields say; those bits of it that are
/// not in them stay, if keeping has them. pd.lock must be held.
func publishInfo(_ pd: PollDescPtr, keeping: UInt32 = pollInputEnds) {
  assertLockHeld(pd[].lock)
  var info = pd[].fdseq.load(ordering: .relaxed) << pollFDSeq
  if pd[].closing { info |= pollClosing }
  if pd[].rd < 0 { info |= pollExpiredReadDeadline }
  if pd[].wd < 0 { info |= pollExpiredWriteDeadline }
  var x = pd[].atomicInfo.load(ordering: .relaxed)
  while true {
    // seq-cst: see "Block or unblock" in netpollblock.
    let (done, found) = pd[].atomicInfo.compareExchange(
      expected: x, desired: x & keeping | info, ordering: .sequentiallyConsistent)
    if done { return }
    x = found
  }
}

// For those who read and write.

/// poll_runtime_pollReset prepares for system calls in direction mode: a report from
/// before them says nothing about what they will leave. Returns an errno.
@inline(__always)
func poll_runtime_pollReset(_ pd: PollDescPtr, _ mode: Int32) -> Int32 {
  let e = netpollcheckerr(pd, mode)
  if e != 0 { return e }
  let gpp = gword(pd, mode)
  if gpp.pointee.load(ordering: .relaxed) != pdNil {
    // acquire: what came with the report is seen, pollInputEnds above all. release,
    // on a whole exchange: a report of what comes after the system call is not undone.
    _ = gpp.pointee.exchange(pdNil, ordering: .sequentiallyConsistent)
  }
  return 0
}

/// poll_runtime_pollWait parks until pd is ready in direction mode. Returns an errno:
/// EBADF if it was closed, ETIMEDOUT if the deadline passed.
func poll_runtime_pollWait(_ pd: PollDescPtr, _ mode: Int32) -> Int32 {
  while true {
    let e = netpollcheckerr(pd, mode)
    if e != 0 { return e }
    if netpollblock(pd, mode) { return 0 }
    // The deadline may have passed and have been moved again meanwhile.
  }
}

/// pollquiet reports whether there is nothing to read from pd until an event comes:
/// the last read took all, and none has come since. Of what arrives after that read,
/// the end included, the kernel makes another event; what it reported together with
/// something earlier is in pollInputEnds. Called by who may read from pd.
@inline(__always)
func pollquiet(_ pd: PollDescPtr) -> Bool {
  pd[].drained && pd[].rg.load(ordering: .relaxed) == pdNil
    && pd[].atomicInfo.load(ordering: .relaxed) & pollInputEnds == 0
}

/// poll_runtime_pollUnblock ends, with EBADF, what waits on pd and what will.
func poll_runtime_pollUnblock(_ pd: PollDescPtr) {
  lock(pd[].lock)
  if pd[].closing { throwFatal("poll_runtime_pollUnblock: already closing") }
  pd[].closing = true
  polldropDeadlines(pd)
  publishInfo(pd)
  netpollunblock(pd, pollRead | pollWrite, unlocking: true)
}

/// netpollunblock readies, without a report, who waits in the directions of mode.
/// pd.lock must be held; it is released.
func netpollunblock(_ pd: PollDescPtr, _ mode: Int32, unlocking: Bool) {
  var delta: Int32 = 0
  let rg = mode & pollRead != 0 ? netpollunblock(pd, pollRead, false, &delta) : nil
  let wg = mode & pollWrite != 0 ? netpollunblock(pd, pollWrite, false, &delta) : nil
  unlock(pd[].lock)
  if let rg { goready(rg) }
  if let wg { goready(wg) }
  netpollAdjustWaiters(delta)
}

// Blocking and unblocking.

@inline(__always)
private func gword(_ pd: PollDescPtr, _ mode: Int32) -> UnsafePointer<Atomic<UInt>> {
  mode == pollRead
    ? withUnsafePointer(to: pd[].rg) { $0 } : withUnsafePointer(to: pd[].wg) { $0 }
}

/// netpollcheckerr returns the errno that keeps anybody from waiting in direction
/// mode, or 0.
@inline(__always)
private func netpollcheckerr(_ pd: PollDescPtr, _ mode: Int32) -> Int32 {
  // seq-cst: see "Block or unblock" in netpollblock.
  let info = pd[].atomicInfo.load(ordering: .sequentiallyConsistent)
  let expired = mode == pollRead ? pollExpiredReadDeadline : pollExpiredWriteDeadline
  if info & (pollClosing | expired) == 0 { return 0 }
  return info & pollClosing != 0 ? E_BADF : E_TIMEDOUT
}

/// netpollblockcommit publishes the parked gp, unless a report has come. Runs on g0.
private func netpollblockcommit(
  _ gp: UnsafeMutableRawPointer, _ gpp: UnsafeMutableRawPointer?
) -> Bool {
  let word = gpp.unsafelyUnwrapped.assumingMemoryBound(to: Atomic<UInt>.self)
  // release: who takes gp out finds it parked.
  let parked = word.pointee.compareExchange(
    expected: pdWait, desired: UInt(bitPattern: gp), ordering: .acquiringAndReleasing
  ).exchanged
  // findRunnable blocks in netpoll only if somebody waits there.
  if parked { netpollAdjustWaiters(1) }
  return parked
}

/// netpollblock parks until there is a report for direction mode and uses it up; or
/// returns false: somebody ended the wait without one.
private func netpollblock(_ pd: PollDescPtr, _ mode: Int32) -> Bool {
  let gpp = gword(pd, mode)
  while true {
    // acquire: what came with the report is seen.
    if gpp.pointee.compareExchange(
      expected: pdReady, desired: pdNil, ordering: .acquiringAndReleasing
    ).exchanged {
      return true
    }
    // "Block or unblock". Who waits sets the word, then looks at atomicInfo; who
    // closes or lets a deadline pass sets atomicInfo, then looks at the word. All
    // four are in one order, so at least one of them sees the other.
    let (set, found) = gpp.pointee.compareExchange(
      expected: pdNil, desired: pdWait, ordering: .sequentiallyConsistent)
    if set { break }
    if found != pdReady { throwFatal("netpollblock: double wait") }
  }
  if netpollcheckerr(pd, mode) == 0 {
    gopark(netpollblockcommit, UnsafeMutableRawPointer(mutating: gpp), .ioWait)
  }
  // A report that comes between the wake-up and here is not lost. acquire: as above.
  let old = gpp.pointee.exchange(pdNil, ordering: .acquiringAndReleasing)
  if old > pdWait { throwFatal("netpollblock: corrupted PollDesc") }
  return old == pdReady
}

/// netpollunblock makes direction mode ready (ioready) or merely ends the wait, and
/// returns the G that waited, which the caller makes runnable before it adds delta to
/// the waiters.
private func netpollunblock(
  _ pd: PollDescPtr, _ mode: Int32, _ ioready: Bool, _ delta: inout Int32
) -> GPtr? {
  let gpp = gword(pd, mode)
  // seq-cst: see "Block or unblock" in netpollblock.
  var old = gpp.pointee.load(ordering: .sequentiallyConsistent)
  while true {
    if old == pdReady { return nil }
    if old == pdNil, !ioready { return nil }
    // seq-cst: as above; and the G is seen parked, and sees what came before.
    let (done, found) = gpp.pointee.compareExchange(
      expected: old, desired: ioready ? pdReady : pdNil,
      ordering: .sequentiallyConsistent)
    if done { break }
    old = found
  }
  if old <= pdWait { return nil }
  delta -= 1
  return GPtr(UnsafeMutableRawPointer(bitPattern: old).unsafelyUnwrapped)
}

// For the scheduler.

/// netpollAnyWaiters reports whether any goroutine is parked here.
@inline(__always)
func netpollAnyWaiters() -> Bool {
  netpollstate[].waiters.load(ordering: .relaxed) > 0
}

/// netpollAdjustWaiters adds delta to the number of those that are.
@inline(__always)
func netpollAdjustWaiters(_ delta: Int32) {
  if delta == 0 { return }
  // seq-cst: a goroutine counts as waiting before its M looks for other work.
  netpollstate[].waiters.wrappingAdd(delta, ordering: .sequentiallyConsistent)
}

/// netpollready makes pd ready in the directions of mode, and pushes who waited.
@inline(__always)
func netpollready(
  _ toRun: inout GList, _ pd: PollDescPtr, _ mode: Int32, _ delta: inout Int32
) {
  if mode & pollRead != 0, let rg = netpollunblock(pd, pollRead, true, &delta) {
    toRun.push(rg)
  }
  if mode & pollWrite != 0, let wg = netpollunblock(pd, pollWrite, true, &delta) {
    toRun.push(wg)
  }
}

/// netpollreset forgets the goroutines of a run that has ended: nobody waits, no
/// deadline is set, nobody uses a descriptor. Descriptors that objects own stay open.
/// The world must be stopped. A poller that has no P may be at work nevertheless: what
/// it had taken out is on the global queue when this returns. No lock may be held.
func netpollreset() {
  lock(pollcache[].lock)
  var next = pollcache[].all
  unlock(pollcache[].lock)
  while let pd = next {
    next = pd[].alllink
    for mode in [pollRead, pollWrite] {
      // Each G is taken either here or by the poller, which counts it itself.
      // acquire: as in netpollunblock.
      let old = gword(pd, mode).pointee.exchange(pdNil, ordering: .acquiringAndReleasing)
      if old > pdWait { netpollAdjustWaiters(-1) }
      // A report that is dropped here is looked for again by the next system call.
    }
    lock(pd[].lock)
    polldropDeadlines(pd)
    publishInfo(pd)
    pd[].drained = false
    unlock(pd[].lock)
    if pd[].fd < 0 { continue }
    if !pd[].owned {
      poll_runtime_pollClose(pd)
      pollfree(pd)
    } else {
      let closed = fdmutexclosed(pd)
      fdreset(pd, closed: closed)
      if closed { poll_runtime_pollClose(pd) }
    }
  }
  // What is still counted is in the hands of a poller, which counts it down once it
  // is runnable. acquire: then it is on the queue.
  while netpollstate[].waiters.load(ordering: .acquiring) != 0 { osyield() }
}
