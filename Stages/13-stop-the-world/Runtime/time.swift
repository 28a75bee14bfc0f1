// SPDX-License-Identifier: Apache-2.0
//
// Timers.                                              Go: src/runtime/time.go
//
// Each P has a heap of the timers started while it ran, ordered by when. The
// scheduler runs what is due on its way to the next goroutine; who has nothing to
// run sleeps until the earliest timer of any P, and a thief runs the timers of
// others. So a timer needs no thread, and starting one touches no other P.
//
// Go marks a stopped timer and leaves it in the heap, since it cannot find it
// there. Here a timer that may be stopped knows its index and is taken out at
// once. A sleep is never stopped: its entry is not tracked, so that moving it
// within the heap touches no memory but the heap's. A channel timer, which Go puts
// into a heap only while somebody waits for it, is in one while it is active: it
// goes with the channel that owns it, so nobody need look for forgotten ones.
//
// Two locks. A timer's own lock orders what is done to it: stop, modify, release,
// and for a channel timer the send as well. The lock of a P's timers guards the
// heap. Lock order: Timer.lock, then Timers.lock, which is a leaf; a channel's
// lock and sched.lock also come after Timer.lock.
//
// Invariants:
//   t.p is the P whose heap holds t; nil: it is in none. It becomes non-nil under
//   t.lock and p's timers.lock, and nil under the latter alone. So who holds t.lock
//   and reads nil knows that t is in no heap; who reads a P takes its lock, and
//   looks again (see timerremove).
//   In a heap, a tracked timer's index is where its entry is, and when, period, f,
//   arg and seq do not change but by firing (when).
//   minWhen is the first entry's when, 0 without one, at every unlock; in between
//   it may be too early, never too late.
//   A timer is started only on the P that its starter holds. A P that is idle or
//   dead gets none, and its bit in timerpMask, clear when it went idle without
//   timers, stays true.
//   A timer is fired by whoever took it out of the heap (or moved it on, with a
//   period), after the lock is dropped, from what was copied under the lock.
//   A copy that fires a channel timer is stale if t.seq has changed: stop and
//   modify change it under t.lock, and the sender checks it under t.lock.
//   Timers of channels and functions are never freed but kept for reuse, seq
//   included, so that a stale copy finds a timer, and the wrong seq.

import CLinux
import Synchronization

/// What a timer calls when it fires: its arg and seq, and how late it is. Runs on
/// g0, or on a G with m.locks > 0; does not block.
typealias TimerFunc =
  @convention(c) (_ arg: UnsafeMutableRawPointer?, _ seq: UInt, _ delay: Int64) -> Void

/// The last moment there is.
let maxWhen = Int64.max

enum TimerKind: UInt8 {
  /// In its goroutine's frame; never stopped, so not tracked.
  case sleep

  /// In its owner's memory, which is never freed; f itself squelches stale calls.
  case deadline

  /// Feeds the channel in arg, and is owned by it.
  case channel

  /// Starts a goroutine; arg is a reference that the timer owns while it is active.
  case function
}

struct Timer: ~Copyable {
  // Fixed while it is in use.

  var kind: TimerKind

  // Atomic.

  /// The P whose heap it is in. Go: ts.
  let p = Atomic<PPtr?>(nil)

  // Protected by the lock of p's timers in a heap; by lock in none.

  /// Fires at when, and then, if period > 0, every period.
  var when: Int64 = 0
  var period: Int64 = 0
  var f: TimerFunc
  var arg: UnsafeMutableRawPointer?

  /// Passed to f; of a channel timer, changed by everything that makes what is
  /// about to be sent stale.
  var seq: UInt = 0

  /// Its entry in the heap.
  var index = 0

  // Protected by lock. Go: sendLock and mu.

  let lock = Mutex()

  /// Of a channel timer: it is still to send.
  var armed = false

  // Owned by timerpool.

  var link: TimerPtr? = nil

  init(kind: TimerKind, f: TimerFunc, arg: UnsafeMutableRawPointer?) {
    self.kind = kind
    self.f = f
    self.arg = arg
  }
}

/// An entry of a heap. Go: timerWhen.
struct TimerWhen {
  var when: Int64

  /// The timer's address; the lowest bit is set if it is tracked.
  let bits: UInt

  @inline(__always)
  init(when: Int64, timer t: TimerPtr, tracked: Bool) {
    self.when = when
    bits = UInt(bitPattern: t.raw) | (tracked ? 1 : 0)
  }

  @inline(__always)
  var tracked: Bool { bits & 1 != 0 }

  @inline(__always)
  var timer: TimerPtr {
    TimerPtr(UnsafeMutableRawPointer(bitPattern: bits & ~1).unsafelyUnwrapped)
  }
}

/// A 4-ary heap: the children of i are at 4i+1 to 4i+4.
struct TimerHeap {
  /// Aligned so that the children of an entry share a cache line.
  var entries: UnsafeMutablePointer<TimerWhen>! = nil
  var count = 0
  var capacity = 0
}

typealias TimerHeapPtr = Ptr<TimerHeap>

/// The timers of a P. Go: timers.
struct Timers: ~Copyable {
  let lock = Mutex()

  // Atomic: written under lock.

  /// When the first is due; 0: there is none. Go: minWhenHeap.
  let minWhen = Atomic<Int64>(0)

  /// How many there are.
  let len = Atomic<UInt32>(0)

  // Protected by lock.

  let heap = TimerHeapPtr(allocating: TimerHeap())
}

/// A firing, copied from a timer under the lock of the heap it was in.
struct DueTimer {
  let f: TimerFunc
  let arg: UnsafeMutableRawPointer?
  let seq: UInt
  let delay: Int64

  /// The timer, if it is a channel's: then f may be called only under its lock.
  let channelTimer: TimerPtr?
}

/// How many are taken out of a heap before its lock is dropped to fire them.
let timerBatch = 32

// Sleeping.

/// timeSleep puts the current goroutine to sleep for at least ns nanoseconds.
func timeSleep(_ ns: Int64) {
  if ns <= 0 { return }
  var t = Timer(kind: .sleep, f: goroutineReady, arg: getg().raw)
  t.when = timerwhen(ns)
  withUnsafeMutablePointer(to: &t) { gopark(resetForSleep, $0, .sleep) }
}

/// resetForSleep starts the timer of a goroutine that is parked: started earlier,
/// it could fire before the goroutine has parked. Runs on g0.
func resetForSleep(
  _ gp: UnsafeMutableRawPointer,
  _ timer: UnsafeMutableRawPointer?,
) -> Bool {
  let mp = getg()[].m.unsafelyUnwrapped
  let t = TimerPtr(timer.unsafelyUnwrapped)
  let when = t[].when
  // From here on the goroutine may run, and its frame, with t, be gone.
  if addHeap(mp[].p.unsafelyUnwrapped, t, when, tracked: false) { wakeNetPoller(when) }
  return true
}

/// goroutineReady readies the goroutine arg.
func goroutineReady(
  _ arg: UnsafeMutableRawPointer?,
  _ seq: UInt,
  _ delay: Int64,
) {
  goready(GPtr(arg.unsafelyUnwrapped))
}

/// timerwhen returns the moment ns nanoseconds from here. Go: when.
func timerwhen(_ ns: Int64) -> Int64 {
  let now = nanotime()
  if ns <= 0 { return now }
  let (when, overflow) = now.addingReportingOverflow(ns)
  return overflow ? maxWhen : when
}

// Starting and stopping. Timer here is of any kind but sleep.

/// timermodify starts t, or changes when it fires; whether it was still to fire.
/// Without f, f, arg and seq stay as they are. The M must hold a P. Go: timer.modify.
func timermodify(
  _ t: TimerPtr,
  _ when: Int64,
  _ period: Int64,
  _ f: TimerFunc?,
  _ arg: UnsafeMutableRawPointer?,
  _ seq: UInt,
) -> Bool {
  if when <= 0 { throwFatal("timer when must be positive") }
  if period < 0 { throwFatal("timer period must be non-negative") }
  let mp = acquirem()
  guard let pp = mp[].p else { fatal("timer started inside blocking") }
  lock(t[].lock)
  let pending = timerdisarm(t)
  t[].when = when
  t[].period = period
  if let f {
    t[].f = f
    t[].arg = arg
    t[].seq = seq
  }
  if t[].kind == .channel { t[].armed = true }
  let wake = addHeap(pp, t, when, tracked: true)
  unlock(t[].lock)
  releasem(mp)
  if wake { wakeNetPoller(when) }
  return pending
}

/// timerreset is timermodify with the same f, arg and seq. Go: timer.reset.
func timerreset(_ t: TimerPtr, _ when: Int64, _ period: Int64) -> Bool {
  timermodify(t, when, period, nil, nil, 0)
}

/// timerstop stops t; whether it was still to fire. Go: timer.stop.
func timerstop(_ t: TimerPtr) -> Bool {
  lock(t[].lock)
  let pending = timerdisarm(t)
  unlock(t[].lock)
  return pending
}

/// timerdisarm takes t out of its heap, and back what a channel timer has sent or
/// is about to send; whether there was any of that. t.lock must be held.
func timerdisarm(_ t: TimerPtr) -> Bool {
  var pending = timerremove(t)
  if t[].kind == .channel {
    // Not in the heap but armed: somebody holds a copy and waits for t.lock.
    pending = t[].armed
    t[].armed = false
    t[].seq &+= 1
    if timerchandrain(HchanPtr(t[].arg.unsafelyUnwrapped)) { pending = true }
  }
  return pending
}

/// timerremove takes t out of the heap it is in; whether it was in one. t.lock must
/// be held. Can be executed on any thread.
func timerremove(_ t: TimerPtr) -> Bool {
  // acquire: the lock that is taken belongs to a P that was seen whole.
  while let pp = t[].p.load(ordering: .acquiring) {
    lock(pp[].timers.lock)
    // It may have fired meanwhile, or moved away from a dying P.
    if t[].p.load(ordering: .relaxed) == pp {
      deleteHeap(pp, t[].index)
      updateMinWhen(pp)
      unlock(pp[].timers.lock)
      return true
    }
    unlock(pp[].timers.lock)
  }
  return false
}

// Timers whose owner is counted, of channels and functions.

/// Timers that wait for reuse.
struct TimerPool: ~Copyable {
  let lock = Mutex()

  // Protected by lock.

  let free = Ptr<TimerPtr?>(allocating: nil)
}

let timerpool = Ptr(allocating: TimerPool())

/// newTimer returns a timer that is not active.
func newTimer(
  _ kind: TimerKind,
  _ f: TimerFunc,
  _ arg: UnsafeMutableRawPointer?,
) -> TimerPtr {
  lock(timerpool[].lock)
  let free = timerpool[].free
  let old = free[]
  if let t = old { free[] = t[].link }
  unlock(timerpool[].lock)
  guard let t = old else {
    return TimerPtr(allocating: Timer(kind: kind, f: f, arg: arg))
  }
  t[].kind = kind
  t[].f = f
  t[].arg = arg
  return t
}

/// timerfree stops t and gives it back, for whoever owns it and is going away: when
/// it returns, nobody uses its arg any more. Can be executed on any thread, an M or
/// not, in a call of blocking and on g0, since a value may be released anywhere.
func timerfree(_ t: TimerPtr) {
  let gp = getgOrNil()
  // Not enterRuntime: that wants a goroutine, and its counterpart may yield.
  gp?[].inRuntime += 1
  compilerBarrier()
  lock(t[].lock)
  _ = timerremove(t)
  t[].armed = false
  t[].seq &+= 1
  unlock(t[].lock)

  lock(timerpool[].lock)
  let free = timerpool[].free
  t[].link = free[]
  free[] = t
  unlock(timerpool[].lock)
  compilerBarrier()
  gp?[].inRuntime -= 1
}

/// goFunc starts the goroutine of afterFunc, which takes over the timer's reference.
func goFunc(_ arg: UnsafeMutableRawPointer?, _ seq: UInt, _ delay: Int64) {
  // The closure captures no reference: whoever drops it last, perhaps this M on
  // its g0, runs no code of the program's.
  let bits = UInt(bitPattern: arg)
  newproc { try AfterFunc.take(bits).body() }
}

// Timer channels.

/// sendTime sends the moment at which the timer was due, unless the channel still
/// holds one, or was closed, which Go does not let programs do.
func sendTime(_ arg: UnsafeMutableRawPointer?, _ seq: UInt, _ delay: Int64) {
  let c = HchanPtr(arg.unsafelyUnwrapped)
  if c[].closed.load(ordering: .relaxed) { return }
  var time = ContinuousClock.now.advanced(by: .nanoseconds(-delay))
  withUnsafeMutablePointer(to: &time) {
    _ = chansend(c, $0, block: false)
  }
}

/// timerchandrain takes out what the channel of a timer holds; whether it held
/// anything. The timer must be in no heap.
func timerchandrain(_ c: HchanPtr) -> Bool {
  withUnsafeTemporaryAllocation(of: ContinuousClock.Instant.self, capacity: 1) {
    chanrecv(c, $0.baseAddress, block: false).received
  }
}

/// maybeRunChan fires t, the timer of a channel that is about to be received from,
/// if it is due and no scheduler has got to it. No lock may be held.
func maybeRunChan(_ t: TimerPtr) {
  // acquire: the lock that is taken belongs to a P that was seen whole.
  guard let pp = t[].p.load(ordering: .acquiring) else { return }
  let next = timerswakeTime(pp)
  if next == 0 { return }
  let now = nanotime()
  if now < next { return }

  let mp = acquirem()
  lock(pp[].timers.lock)
  var due: DueTimer? = nil
  if t[].p.load(ordering: .relaxed) == pp, t[].when <= now {
    due = takeDue(pp, t[].index, now)
    updateMinWhen(pp)
  }
  unlock(pp[].timers.lock)
  if let due { fire(due) }
  releasem(mp)
}
