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

  /// The runs so far: a G of another run is abandoned.
  let epoch = Atomic<UInt32>(0)

  /// How many goroutines may run at a time.
  let gomaxprocs = Atomic<Int32>(0)

  /// The main goroutine has started, so there is somebody to wake.
  let mainStarted = Atomic(false)

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

  /// Idle Ps.
  var pidle: PPtr? = nil

  var runq = GRing()

  /// Ps yet to stop, while the world stops.
  var stopwait: Int32 = 0

  /// The run is over: nothing is started, and a lack of work is no deadlock.
  var ending = false

  // Events: the sleeper clears, the waker wakes once.

  let stopnote = Note()

  // Protected by gFreeLock: dead Gs.

  let gFreeLock = Mutex()
  var gFree = GList()

  init() {}
}

let sched = Ptr(allocating: Schedt())

/// Processors this process may use.
let ncpus = ncpu()
