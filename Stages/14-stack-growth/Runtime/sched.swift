// SPDX-License-Identifier: Apache-2.0
//
// What all Ms share.                               Go: src/runtime/runtime2.go
//
// Never freed, and never moved. Behind Schedt's lock are idle Ms, and the global
// queue.

import CLinux
import Synchronization

struct Schedt: ~Copyable {
  let lock = Mutex()

  // Atomic.

  let goidgen = Atomic<UInt64>(0)

  /// When a thread last came back from waiting for timers or more, in nanotime; 0: one
  /// waits.
  let lastpoll = Atomic<Int64>(0)

  /// Until when that thread sleeps; 0: for ever, or it is about to say so.
  let pollUntil = Atomic<Int64>(0)

  /// Somebody polls without blocking.
  let pollingNet = Atomic<Int32>(0)

  /// Idle Ps, as counted under lock.
  let npidle = Atomic<Int32>(0)

  /// Ms that look for work. See "Worker thread parking" at wakep.
  let nmspinning = Atomic<Int32>(0)

  /// A spinning M found work but no P; see "Delicate dance" in findRunnable.
  let needspinning = Atomic<UInt32>(0)

  /// The world is to stop, or stopped.
  let gcwaiting = Atomic(false)

  /// Length of runq, for those without the lock.
  let runqsize = Atomic<Int32>(0)

  /// sysmon sleeps on sysmonnote.
  let sysmonwait = Atomic(false)

  /// sysmon sleeps between two rounds, and for longer than a system call should have
  /// to wait for it; see pokesysmon.
  let sysmonnap = Atomic<UInt32>(0)

  /// A serial task is due; see wakecollector.
  let collectordue = Atomic(false)

  /// The collector's goroutine waits, and may be run.
  let collectorwaiting = Atomic<GPtr?>(nil)

  /// The runs so far: a G of another run is abandoned.
  let epoch = Atomic<UInt32>(0)

  /// Dead Gs with large windows on the global list.
  let nlargefree = Atomic<Int32>(0)

  /// Batches of dead Gs that Ps could spare so far, and how many of them are not
  /// news: goroutines are ending. See isAhead.
  let gfbatches = Atomic<UInt32>(0)
  let gfbatchesSeen = Atomic<UInt32>(0)

  /// How many goroutines may run at a time.
  let gomaxprocs = Atomic<Int32>(0)

  /// The main goroutine has started, so there is somebody to wake.
  let mainStarted = Atomic(false)

  /// Ps that the next startTheWorld is to have; 0: as many as now.
  let newprocs = Atomic<Int32>(0)

  /// A panic or fatal error is being printed.
  let panicking = Atomic<UInt32>(0)

  /// The thread that prints it.
  let panicker = Atomic<Int32>(0)

  // Protected by lock.

  var midle: MPtr? = nil
  var nmidle: Int32 = 0

  /// Locked Ms that wait for their G to be scheduled.
  var nmidlelocked: Int32 = 0

  /// Ms created so far, which is also the next id.
  var mnext: Int64 = 0

  /// More Ms than this end the process.
  var maxmcount: Int32 = 10000

  /// System Ms, which the deadlock detector does not count.
  var nmsys: Int32 = 0

  /// Ms whose thread has ended.
  var nmfreed: Int64 = 0

  /// Idle Ps.
  var pidle: PPtr? = nil

  var runq = GRing()

  /// Ps yet to stop, while the world stops.
  var stopwait: Int32 = 0

  /// Ms that ended, for reuse of their objects.
  var freem: MPtr? = nil

  /// The run is over: nothing is started, and a lack of work is no deadlock.
  var ending = false

  // Whoever stops the world holds it until the world starts again.

  let worldsema = Ptr(allocating: Sema(1))

  // Events: the sleeper clears, the waker wakes once.

  let stopnote = Note()
  let sysmonnote = Note()

  // Protected by gFreeLock: dead Gs, by class of stack.

  let gFreeLock = Mutex()
  var gFree = InlineArray<5, GList>({ _ in GList() })

  init() {}
}

let sched = Ptr(allocating: Schedt())

/// Processors this process may use.
let ncpus = ncpu()

/// Ps that may have timers; a P is taken out when it goes idle without any.
let timerpMask = Ptr(allocating: PMask())
