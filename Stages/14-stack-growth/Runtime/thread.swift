// SPDX-License-Identifier: Apache-2.0
//
// Ms: how threads are made, reused and ended.
//                                   Go: src/runtime/proc.go, src/runtime/os_linux.go
//
// Threads are parked for reuse, never ended, but for one: a goroutine that exits
// while locked to its thread takes the thread with it, since nobody knows what it
// did to it. For the same reason a locked thread makes no threads: a template
// thread, which never ran the program's code, makes them in its stead.

import CLinux
import Synchronization

/// The M of the thread that called run.
let m0 = allocm(id: 0)

/// mReserveID counts a new M. sched.lock must be held.
func mReserveID() -> Int64 {
  assertLockHeld(sched[].lock)
  let id = sched[].mnext
  sched[].mnext += 1
  if mcount() > sched[].maxmcount {
    unlock(sched[].lock)
    fatal(
      "thread exhaustion",
      after: "runtime: program exceeds \(sched[].maxmcount)-thread limit")
  }
  return id
}

/// allocm makes an M and its g0, without a thread.
func allocm(id: Int64) -> MPtr {
  let g0 = Ptr(allocating: G())
  // The runtime is all that runs there.
  g0[].inRuntime = 1
  let rt0g = Ptr(allocating: G())
  rt0g[].inRuntime = 1
  let mp = Ptr(allocating: M(id: id, g0: g0, rt0g: rt0g))
  g0[].m = mp
  rt0g[].m = mp
  mp[].rand =
    UInt64(truncatingIfNeeded: nanotime()) ^ UInt64(id &+ 1) &* 0x9e37_79b9_7f4a_7c15
  while true {
    let head = allm[].head.load(ordering: .relaxed)
    mp[].alllink = head
    // release: an M is seen before it is found.
    if allm[].head.compareExchange(
      expected: head, desired: mp, ordering: .releasing
    ).exchanged {
      break
    }
  }
  return mp
}

/// Ms that the template thread is to start. Go: newmHandoff.
struct NewmHandoff: ~Copyable {
  let lock = Mutex()

  // Protected by lock.

  var newm: MPtr? = nil
  var waiting = false

  // Atomic: somebody has started the template thread.

  let haveTemplateThread = Atomic<UInt32>(0)

  let wake = Note()
}

let newmHandoff = Ptr(allocating: NewmHandoff())

/// newm makes an M with a thread that runs fn and then schedules with pp.
func newm(
  _ pp: PPtr?,
  spinning: Bool,
  id: Int64,
  _ fn: (@convention(c) () -> Void)?
) {
  let me = acquirem()
  defer { releasem(me) }
  lock(sched[].lock)
  var old = sched[].freem
  // acquire: the last thing its thread did with it.
  if let m = old, m[].freeWait.load(ordering: .acquiring) {
    sched[].freem = m[].schedlink
    m[].freeWait.store(false, ordering: .relaxed)
  } else {
    old = nil
  }
  unlock(sched[].lock)
  let mp = old ?? allocm(id: id)
  mp[].schedlink = nil
  mp[].mstartfn = fn
  mp[].nextp = pp
  mp[].spinning = spinning
  if me[].lockedExt != 0,
    newmHandoff[].haveTemplateThread.load(ordering: .relaxed) != 0
  {
    lock(newmHandoff[].lock)
    mp[].schedlink = newmHandoff[].newm
    newmHandoff[].newm = mp
    if newmHandoff[].waiting {
      newmHandoff[].waiting = false
      notewakeup(newmHandoff[].wake)
    }
    unlock(newmHandoff[].lock)
    return
  }
  newm1(mp)
}

private func newm1(_ mp: MPtr) {
  if tracing { traceevent(.mNotify, arg: UInt32(mp[].id)) }
  let r = newosproc(mthread, mp.raw, 512 << 10)
  if r == 0 { return }
  let limit =
    r == -11 ? "\nruntime: may need to increase max user processes (ulimit -u)" : ""
  fatal(
    "newosproc",
    after: "runtime: failed to create new OS thread (have \(mcount()) already; "
      + "errno=\(-r))" + limit)
}

/// The start function of every thread.
private let mthread: @convention(c) (UnsafeMutableRawPointer?) -> Void = { raw in
  let mp = MPtr(raw.unsafelyUnwrapped)
  setg(mp[].g0)
  minit(mp)
  mp[].g0[].sched.fiber = fiberCreate(0, 0)
  // The mask of run's caller, as a thread started there would have it.
  withUnsafeMutablePointer(to: &boot[].sigmask) {
    $0.withMemoryRebound(to: UInt.self, capacity: 16) { sigrestoremask($0) }
  }
  sigunblockours(nil)
  asmrt0(mp[].rt0g, mp[].g0, mstart)
  // Here when the thread is to end: see mexit.
  setg(mp[].g0)
  fiberDestroy(mp[].g0[].sched.fiber)
  var mask = InlineArray<16, UInt>(repeating: 0)
  withUnsafeMutablePointer(to: &mask) {
    $0.withMemoryRebound(to: UInt.self, capacity: 16) { sigblockall($0) }
  }
  unminit(mp)
  lock(sched[].lock)
  mp[].procid.store(0, ordering: .relaxed)
  mp[].schedlink = sched[].freem
  sched[].freem = mp
  unlock(sched[].lock)
  setg(nil)
  // release: the M may be used again.
  mp[].freeWait.store(true, ordering: .releasing)
}

/// The scheduler's first call on an M's stack.
let mstart: MFunc = { _ in
  let mp = getg()[].m.unsafelyUnwrapped
  if tracing { traceevent(.mStart) }
  if let fn = mp[].mstartfn {
    mp[].mstartfn = nil
    fn()
  }
  if tracing, mp[].spinning { traceevent(.spinBegin) }
  acquirep(mp, mp[].nextp.unsafelyUnwrapped)
  mp[].nextp = nil
  schedule()
}

/// Bytes of a signal stack; the kernel's frame alone may take 12 KB.
private let sigstackSize = 64 << 10

/// minit ties the M to the calling thread.
func minit(_ mp: MPtr) {
  // A request to the thread it had before may have got lost.
  mp[].signalPending.store(0, ordering: .relaxed)
  mp[].errnoAddress = errno_location()
  osstack(addressOf(&mp[].g0[].stack.lo), addressOf(&mp[].g0[].stack.hi))
  mp[].accessesAddress = exclusivityhead()
  let page = Int(pageSize)
  if mp[].sigstack == nil {
    guard let stack = sys_reserve(sigstackSize + page, page) else {
      fatal("out of memory (signal stack)")
    }
    _ = guard_install(stack, page)
    mp[].sigstack = stack + page
  }
  withUnsafeMutablePointer(to: &mp[].oldsigstack) {
    $0.withMemoryRebound(to: UInt.self, capacity: 4) {
      setsigstack(mp[].sigstack.unsafelyUnwrapped, sigstackSize, $0)
    }
  }
  // release: a signal may be sent from here on.
  mp[].procid.store(gettid_(), ordering: .releasing)
}

/// unminit undoes it.
func unminit(_ mp: MPtr) {
  withUnsafeMutablePointer(to: &mp[].oldsigstack) {
    $0.withMemoryRebound(to: UInt.self, capacity: 4) { restoresigstack($0) }
  }
  mp[].procid.store(0, ordering: .releasing)
}

/// mexit ends the calling M's thread; the thread that called run sleeps instead, until
/// run returns on it. Runs on g0. Does not return.
func mexit(_ mp: MPtr) -> Never {
  // Still locked: if that takes a new thread, this one must not make it.
  handoffp(releasep(mp))
  mp[].lockedExt = 0
  lock(sched[].lock)
  sched[].nmfreed += 1
  if mp == m0 {
    // Under the lock, as rundone looks there.
    mp[].wedged = true
    if !mp[].rundone {
      checkdead()
      unlock(sched[].lock)
      mPark(mp)
    } else {
      unlock(sched[].lock)
    }
    rundone2(mp)
  }
  checkdead()
  unlock(sched[].lock)
  if tracing { traceevent(.mExit) }
  asmgogo(mp[].rt0g)
}

/// mabandon is where an M goes whose goroutine was abandoned with its run. It has no P.
/// Its thread ends if the goroutine was locked to it, as in mexit. Runs on g0. Does not
/// return.
func mabandon(_ mp: MPtr, locked: Bool) -> Never {
  if !locked || mp == m0 {
    stopm(mp)
    schedule()
  }
  lock(sched[].lock)
  sched[].nmfreed += 1
  checkdead()
  unlock(sched[].lock)
  if tracing { traceevent(.mExit) }
  asmgogo(mp[].rt0g)
}

/// Starts the template thread, once.
func startTemplateThread() {
  let mp = acquirem()
  if newmHandoff[].haveTemplateThread.compareExchange(
    expected: 0, desired: 1, ordering: .sequentiallyConsistent
  ).exchanged {
    lock(sched[].lock)
    let id = mReserveID()
    unlock(sched[].lock)
    newmdirect(id, templateThread)
  }
  releasem(mp)
}

/// A thread for the runtime itself, made by whoever asks.
func newmdirect(_ id: Int64, _ fn: @convention(c) () -> Void) {
  let mp = allocm(id: id)
  mp[].mstartfn = fn
  newm1(mp)
}

/// The template thread: makes threads on behalf of locked ones.
private let templateThread: @convention(c) () -> Void = {
  lock(sched[].lock)
  sched[].nmsys += 1
  checkdead()
  unlock(sched[].lock)
  while true {
    lock(newmHandoff[].lock)
    while let mp = newmHandoff[].newm {
      newmHandoff[].newm = nil
      unlock(newmHandoff[].lock)
      var next: MPtr? = mp
      while let m = next {
        next = m[].schedlink
        m[].schedlink = nil
        newm1(m)
      }
      lock(newmHandoff[].lock)
    }
    newmHandoff[].waiting = true
    noteclear(newmHandoff[].wake)
    unlock(newmHandoff[].lock)
    notesleep(newmHandoff[].wake)
  }
}
