// SPDX-License-Identifier: Apache-2.0
//
// Threads that nobody may inherit.                       Go: src/runtime/proc.go
//
// A goroutine that exits while locked to its thread takes the thread with it, since
// nobody knows what it did to it. For the same reason a locked thread makes no
// threads: a template thread, which never ran the program's code, makes them in its
// stead.

import CLinux
import Synchronization

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

/// mended is the end of a thread, after mexit; the M may be used again.
func mended(_ mp: MPtr) {
  setg(mp[].g0)
  fiberDestroy(mp[].g0[].sched.fiber)
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

/// mreuse takes an M whose thread has ended, or nil.
func mreuse() -> MPtr? {
  lock(sched[].lock)
  defer { unlock(sched[].lock) }
  // acquire: the last thing its thread did with it.
  guard let mp = sched[].freem, mp[].freeWait.load(ordering: .acquiring) else {
    return nil
  }
  sched[].freem = mp[].schedlink
  mp[].schedlink = nil
  mp[].freeWait.store(false, ordering: .relaxed)
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

/// newmhandoff gives mp to the template thread, if this thread is locked; whether it was.
func newmhandoff(_ mp: MPtr) -> Bool {
  let me = acquirem()
  defer { releasem(me) }
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
    return true
  }
  return false
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
