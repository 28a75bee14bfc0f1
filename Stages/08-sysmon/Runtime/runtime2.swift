// SPDX-License-Identifier: Apache-2.0
//
// States, G, M.                                    Go: src/runtime/runtime2.go
//
// These objects are never given back to the allocator: whoever holds a stale
// handle reads an object of the right type. In each struct the fields stand in
// groups by who may touch them.

import CLinux
import Synchronization

// Who owns a goroutine's stack, and where the goroutine is.

enum GStatus: UInt32, AtomicRepresentable {
  /// Go: _Gidle. Never used, or its memory was given back. On no list.
  case idle = 0

  /// Go: _Grunnable. On exactly one run queue. Not running; nobody owns its stack.
  case runnable = 1

  /// Go: _Grunning. On no queue. Has an M; owns its stack.
  case running = 2

  /// Go: _Gsyscall. In a blocking call. Has an M, in whose place another may run; owns
  /// its stack.
  case syscall = 3

  /// Go: _Gwaiting. Blocked in the runtime, recorded somewhere, on a channel's queue
  /// mostly, so that it can be readied. On no run queue. The stack is not owned, but
  /// whoever it waits on may write to the places it named there.
  case waiting = 4

  /// Go: _Gdead. Finished, or not started. On a free list, or being prepared.
  case dead = 6

  var text: StaticString {
    switch self {
    case .idle: "idle"
    case .runnable: "runnable"
    case .running: "running"
    case .syscall: "syscall"
    case .waiting: "waiting"
    case .dead: "dead"
    }
  }
}

/// Why a goroutine waits. Go: waitReason.
enum WaitReason: UInt8 {
  case zero
  case chanReceive
  case chanSend
  case chanReceiveNilChan
  case select
  case selectNoCases
  case semacquire
  case syncMutexLock
  case syncRWMutexRLock
  case syncRWMutexLock
  case syncCondWait
  case syncWaitGroupWait
  case panicWait

  var text: StaticString {
    switch self {
    case .zero: ""
    case .chanReceive: "chan receive"
    case .chanSend: "chan send"
    case .chanReceiveNilChan: "chan receive (nil chan)"
    case .select: "select"
    case .selectNoCases: "select (no cases)"
    case .semacquire: "semacquire"
    case .syncMutexLock: "sync.Mutex.Lock"
    case .syncRWMutexRLock: "sync.RWMutex.RLock"
    case .syncRWMutexLock: "sync.RWMutex.Lock"
    case .syncCondWait: "sync.Cond.Wait"
    case .syncWaitGroupWait: "sync.WaitGroup.Wait"
    case .panicWait: "panicwait"
    }
  }
}

typealias GPtr = Ptr<G>
typealias MPtr = Ptr<M>
typealias PPtr = Ptr<P>
typealias SudogPtr = Ptr<Sudog>
typealias WaitqPtr = Ptr<Waitq>
typealias HchanPtr = Ptr<Hchan>

/// What gopark runs on g0 once the G is off its stack; false: do not park after
/// all. The arguments are the G and the pointer given to gopark.
typealias UnlockFunc =
  @convention(c) (UnsafeMutableRawPointer, UnsafeMutableRawPointer?) -> Bool

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

  // Protected by the lock of the queue it is on.

  var next: SudogPtr? = nil
  var prev: SudogPtr? = nil

  // Owned by g.

  /// The next one of g.waiting.
  var waitlink: SudogPtr? = nil

  /// When the wait began, in nanotime; a semaphore's business.
  var acquiretime: Int64 = 0

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

/// A queue of waiters, protected by the lock of what it belongs to.
struct Waitq: ~Copyable {
  var first: SudogPtr? = nil
  var last: SudogPtr? = nil
}

/// Go: stack. [lo, hi); below lo lie the guard, then nothing anybody uses.
struct Stack {
  var lo: UInt = 0
  var hi: UInt = 0
}

/// A G is aligned to a cache line. The first holds the registers, the second all that
/// a switch touches besides; the rest is for less frequent occasions.
struct G: ~Copyable {
  /// Saved registers, valid exactly when not running. First: the switcher takes
  /// the address of a G.
  var sched = Gobuf()

  // Atomic: any M may look; transitions by casgstatus only.

  let atomicstatus = Atomic(GStatus.dead)

  // Written by its own goroutine.

  /// How deep it is in the runtime. Nobody takes its M away while that is above zero.
  var inRuntime: Int32 = 0

  // Owned by whoever owns the stack (see GStatus).

  /// The M that runs it; nil while none does.
  var m: MPtr? = nil

  /// Head of its list of exclusive accesses in progress; two words, for the
  /// interface that takes two (see mcall).
  var accesses: UInt = 0
  var accesses2: UInt = 0

  /// Its value survives it in errno of whichever thread runs it.
  var errno: Int32 = 0

  var waitreason = WaitReason.zero

  /// Created by the runtime for itself: not counted, not dumped.
  var issystem = false

  /// The M that parked it has not quite let go: what it unlocks may still be in its
  /// hands, and the goroutine, once it runs, may free that. See park_m and execute.
  let parking = Atomic(false)

  /// The lowest address of its stack that it may use; the guard lies below.
  var softlo: UInt = 0

  // Owned by the list it is on; by its owner when on none.

  var schedlink: GPtr? = nil

  // Atomic.

  /// Set by whoever wins the right to wake it from a select.
  let selectDone = Atomic<UInt32>(0)

  // Owned by whoever owns the stack.

  /// The run it belongs to; see rundone in boot.swift.
  var epoch: UInt32 = 0
  var lockedm: MPtr? = nil
  var goid: UInt64 = 0

  /// The goroutine that created it. Go: parentGoid.
  var parentGoid: UInt64 = 0

  /// What it is to run; taken out by its first frame.
  var startfn: (() throws -> Void)? = nil

  /// The sudogs it waits on, in lock order.
  var waiting: SudogPtr? = nil

  // One line with what follows: all that a waker touches besides the second.

  /// Handed over by whoever readied it.
  var param: UnsafeMutableRawPointer? = nil

  /// For waiting on one channel; a select has its own, in its frame.
  var sudog = Sudog()

  // Owned by whoever owns the stack.

  /// The P it ran on last, while there is a trace; negative: none yet.
  var tracelastp: Int32 = -1

  var stack = Stack()

  init() {}
}

/// Where in a G its sudog is; checked by schedinit.
let sudogOffset = 184

struct M: ~Copyable {
  // Fixed at creation.

  let id: Int64

  /// The G whose stack the scheduler runs on.
  let g0: GPtr

  // Atomic.

  /// The kernel's name for the thread; zero before it has started and after it ended.
  let procid = Atomic<Int32>(0)

  /// The goroutine it runs. Written by the M itself.
  let curg = Atomic<GPtr?>(nil)

  /// Its thread has ended, and touches the M no more. Go: freeWait.
  let freeWait = Atomic(false)

  // Owned by the M itself.

  /// The P it holds; nil when in a system call or idle.
  var p: PPtr? = nil

  /// The P it was given while it slept.
  var nextp: PPtr? = nil

  /// The P it held before the system call.
  var oldp: PPtr? = nil

  /// Looking for work, and holding none. Counted in sched.nmspinning.
  var spinning = false

  /// How many locks and acquirems it holds. Above zero it keeps its goroutine.
  var locks: Int32 = 0

  /// Its locked goroutine exited; it sleeps until run returns.
  var wedged = false

  /// The run is over; this M is to return to run's caller. Written under sched.lock.
  var rundone = false

  /// What to run first on a new thread, before it schedules.
  var mstartfn: (@convention(c) () -> Void)? = nil
  var waitunlockf: UnlockFunc? = nil
  var waitlock: UnsafeMutableRawPointer? = nil

  var lockedg: GPtr? = nil

  /// Count of lockOSThread.
  var lockedExt: UInt32 = 0

  var rand: UInt64 = 0

  /// Where this thread's errno is.
  var errnoAddress: UnsafeMutablePointer<Int32>! = nil

  /// Where this thread's list of exclusive accesses begins; nil: use the interface.
  var accessesAddress: UnsafeMutablePointer<UInt>? = nil

  /// The G of what was on the thread before the scheduler: run's caller, or the
  /// thread's start. A G, if only for its registers: it is the current one while the
  /// thread goes back there.
  let rt0g: GPtr

  // Handed over: the waker writes, then notewakeup; the sleeper reads after.

  let park = Note()

  // Protected by Schedt.lock.

  var schedlink: MPtr? = nil

  /// On allm, which only grows.
  var alllink: MPtr? = nil

  init(id: Int64, g0: GPtr, rt0g: GPtr) {
    self.id = id
    self.g0 = g0
    self.rt0g = rt0g
  }
}

struct Sysmontick {
  var syscalltick: UInt32 = 0
  var syscallwhen: Int64 = 0
}

/// What was done so far.
struct Counters: ~Copyable {
  let switches = Atomic<UInt64>(0)
  let steals = Atomic<UInt64>(0)
  let stolen = Atomic<UInt64>(0)
  let handoffs = Atomic<UInt64>(0)

  /// Goroutines started and finished, the runtime's own aside; the difference, over
  /// all, is how many there are.
  let spawns = Atomic<UInt64>(0)
  let exits = Atomic<UInt64>(0)
}

@inline(__always)
func bump(_ counter: borrowing Atomic<UInt64>, by n: UInt64 = 1) {
  // Each P has its own, and only the owner adds.
  counter.store(counter.load(ordering: .relaxed) &+ n, ordering: .relaxed)
}
