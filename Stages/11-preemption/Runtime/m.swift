// SPDX-License-Identifier: Apache-2.0
//
// M, a thread that runs goroutines.                     Go: src/runtime/runtime2.go

import CLinux
import Synchronization

typealias MPtr = Ptr<M>

/// What gopark runs on g0 once the G is off its stack; false: do not park after
/// all. The arguments are the G and the pointer given to gopark.
typealias UnlockFunc =
  @convention(c) (UnsafeMutableRawPointer, UnsafeMutableRawPointer?) -> Bool

/// M, a thread: it runs one goroutine at a time or, on a stack of its own, g0's, the
/// scheduler.
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

/// All Ms, newest first, through alllink. Only grows.
let allm = Ptr(allocating: AllM())
struct AllM: ~Copyable {
  let head = Atomic<MPtr?>(nil)
}
