// SPDX-License-Identifier: Apache-2.0
//
// What all goroutines share.                       Go: src/runtime/runtime2.go
//
// Never freed, and never moved.

import CLinux
import Synchronization

struct Schedt: ~Copyable {
  // Atomic.

  let goidgen = Atomic<UInt64>(0)

  /// The runs so far: a G of another run is abandoned.
  let epoch = Atomic<UInt32>(0)

  /// A panic or fatal error is being printed.
  let panicking = Atomic<UInt32>(0)

  /// The thread that prints it.
  let panicker = Atomic<Int32>(0)

  // Of the thread.

  var runq = GRing()

  /// Dead Gs.
  var gFree = GList()

  /// Where this thread's errno is.
  var errnoAddress: UnsafeMutablePointer<Int32>! = nil

  /// Where this thread's list of exclusive accesses begins; nil: use the interface.
  var accessesAddress: UnsafeMutablePointer<UInt>? = nil

  let counters = Counters()

  init() {}
}

let sched = Ptr(allocating: Schedt())

/// The G of what was on the thread before goroutines: run's caller. It goes on when no
/// goroutine can.
let g0 = Ptr(allocating: G())
