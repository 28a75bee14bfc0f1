// SPDX-License-Identifier: Apache-2.0
//
// Queues of waiters, of channels and semaphores.          Go: src/runtime/chan.go
//
// A goroutine that waits is on a queue by a sudog of its own; in a select, on several
// at once, of which whoever wakes it must win it (selectDone).

import Synchronization

typealias SudogPtr = Ptr<Sudog>
typealias WaitqPtr = Ptr<Waitq>
typealias HchanPtr = Ptr<Hchan>

/// Why a goroutine waits. Go: waitReason.
enum WaitReason: UInt8 {
  case zero
  case chanReceive
  case chanSend
  case chanReceiveNilChan
  case select
  case selectNoCases
  case sleep
  case ioWait
  case semacquire
  case syncMutexLock
  case syncRWMutexRLock
  case syncRWMutexLock
  case syncCondWait
  case syncWaitGroupWait
  case stoppingTheWorld
  case collectorIdle
  case panicWait

  var text: StaticString {
    switch self {
    case .zero: ""
    case .chanReceive: "chan receive"
    case .chanSend: "chan send"
    case .chanReceiveNilChan: "chan receive (nil chan)"
    case .select: "select"
    case .selectNoCases: "select (no cases)"
    case .sleep: "sleep"
    case .ioWait: "IO wait"
    case .semacquire: "semacquire"
    case .syncMutexLock: "sync.Mutex.Lock"
    case .syncRWMutexRLock: "sync.RWMutex.RLock"
    case .syncRWMutexLock: "sync.RWMutex.Lock"
    case .syncCondWait: "sync.Cond.Wait"
    case .syncWaitGroupWait: "sync.WaitGroup.Wait"
    case .stoppingTheWorld: "stopping the world"
    case .collectorIdle: "collector (idle)"
    case .panicWait: "panicwait"
    }
  }
}

/// A goroutine waiting on a channel or a semaphore. It is the G's own, or lives in
/// the waiter's stack frame, which does not move and does not end before the wait.
struct Sudog: ~Copyable {
  // Fixed while it is queued.

  let g: GPtr

  /// Where a value is taken from or put to; nil where none is.
  var elem: UnsafeMutableRawPointer?

  /// The queue it is on; cleared by whoever takes it off.
  var waitq: WaitqPtr?

  /// The channel, for those that wait on one.
  var c: HchanPtr?

  /// Its place among the cases of a select; -1 outside one.
  var caseIndex: Int32

  /// It is one of several: whoever wants to wake g must win g.selectDone first.
  let isSelect: Bool

  /// Woken by a value (or a permit), not by close.
  var success: Bool = false

  // Protected as the queue is that it is on.

  var next: SudogPtr? = nil
  var prev: SudogPtr? = nil

  // Owned by g.

  /// The next one of g.waiting.
  var waitlink: SudogPtr? = nil

  /// A semaphore's direct hand-off.
  var ticket: UInt32 = 0

  /// One that waits on nothing, for nobody.
  init() {
    self.init(
      g: GPtr(UnsafeMutableRawPointer(bitPattern: 64).unsafelyUnwrapped), elem: nil)
  }

  init(
    g: GPtr,
    elem: UnsafeMutableRawPointer?,
    isSelect: Bool = false,
    caseIndex: Int32 = -1
  ) {
    self.g = g
    self.elem = elem
    self.isSelect = isSelect
    self.caseIndex = caseIndex
  }
}

/// A queue of waiters, protected as what it belongs to is.
struct Waitq: ~Copyable {
  var first: SudogPtr? = nil
  var last: SudogPtr? = nil
}

/// The first waiter, as those see it who do not hold the lock of the queue.
@inline(__always)
func head(_ q: WaitqPtr) -> Ptr<Atomic<SudogPtr?>> {
  // An atomic has the layout of what it holds, and first is the first field.
  Ptr(q.raw)
}

/// enqueue adds sg at the end of q. Nobody else may be at q.
@inline(__always)
func enqueue(_ q: WaitqPtr, _ sg: SudogPtr) {
  sg[].waitq = q
  sg[].next = nil
  sg[].prev = q[].last
  if let last = q[].last {
    last[].next = sg
  } else {
    head(q)[].store(sg, ordering: .relaxed)
  }
  q[].last = sg
}

/// dequeue takes the first waiter that nobody has woken by another case of its
/// select. Nobody else may be at q.
@inline(__always)
func dequeue(_ q: WaitqPtr) -> SudogPtr? {
  while let sg = q[].first {
    waitqRemove(sg)
    // Between being woken by one channel and leaving the others, a select still has
    // sudogs on their queues; selectDone says so. Relaxed: what is read of the winner
    // came with its sudog.
    if !sg[].isSelect
      || sg[].g[].selectDone.compareExchange(
        expected: 0, desired: 1, ordering: .relaxed
      ).exchanged
    {
      return sg
    }
  }
  return nil
}

/// waitqRemove takes sg off the queue it is on, if any. Nobody else may be at that queue.
/// Go: dequeueSudoG.
@inline(__always)
func waitqRemove(_ sg: SudogPtr) {
  guard let q = sg[].waitq else { return }
  let next = sg[].next
  let prev = sg[].prev
  if let prev {
    prev[].next = next
  } else {
    head(q)[].store(next, ordering: .relaxed)
  }
  if let next { next[].prev = prev } else { q[].last = prev }
  sg[].waitq = nil
  sg[].next = nil
  sg[].prev = nil
}
