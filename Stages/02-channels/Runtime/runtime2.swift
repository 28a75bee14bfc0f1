// SPDX-License-Identifier: Apache-2.0
//
// States, and G.                                   Go: src/runtime/runtime2.go
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

  /// Go: _Grunning. On no queue. Owns its stack.
  case running = 2

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
    case .waiting: "waiting"
    case .dead: "dead"
    }
  }
}

typealias GPtr = Ptr<G>

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

  // Atomic: anybody may look; transitions by casgstatus only.

  let atomicstatus = Atomic(GStatus.dead)

  // Written by its own goroutine.

  /// How deep it is in the runtime. Nobody interrupts it while that is above zero.
  var inRuntime: Int32 = 0

  // Owned by whoever owns the stack (see GStatus).

  /// Head of its list of exclusive accesses in progress; two words, for the
  /// interface that takes two (see switch.swift).
  var accesses: UInt = 0
  var accesses2: UInt = 0

  /// What errno is while it runs.
  var errno: Int32 = 0

  var waitreason = WaitReason.zero

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
  var goid: UInt64 = 0

  /// The goroutine that created it. Go: parentGoid.
  var parentGoid: UInt64 = 0

  /// What it is to run; taken out by its first frame.
  var startfn: (() throws -> Void)? = nil

  /// The sudogs it waits on.
  var waiting: SudogPtr? = nil

  // One line with what follows: all that a waker touches besides the second.

  /// Handed over by whoever readied it.
  var param: UnsafeMutableRawPointer? = nil

  /// For waiting on one channel; a select has its own, in its frame.
  var sudog = Sudog()

  // Owned by whoever owns the stack.

  var stack = Stack()

  init() {}
}

/// What was done so far.
struct Counters: ~Copyable {
  let switches = Atomic<UInt64>(0)

  /// Goroutines started and finished, the runtime's own aside; the difference, over
  /// all, is how many there are.
  let spawns = Atomic<UInt64>(0)
  let exits = Atomic<UInt64>(0)
}

@inline(__always)
func bump(_ counter: borrowing Atomic<UInt64>, by n: UInt64 = 1) {
  counter.wrappingAdd(n, ordering: .relaxed)
}
