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

typealias GPtr = Ptr<G>
typealias PPtr = Ptr<P>
typealias TimerPtr = Ptr<Timer>
typealias PollDescPtr = Ptr<PollDesc>

/// Go: stack. [lo, hi); below lo lie the guard, then nothing anybody uses.
struct Stack {
  var lo: UInt = 0
  var hi: UInt = 0
}

/// A stackguard0 that no stack pointer is above: the next check fails. Go: stackPreempt.
let stackPreempt = UInt.max - 1313

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

  // Written by any M: a request, which only ever causes a check too many.

  /// The limit that checks compare the stack pointer with; stackPreempt asks the
  /// goroutine to yield. Go: stackguard0.
  let stackguard0 = Atomic<UInt>(0)

  // Owned by whoever owns the stack (see GStatus).

  /// The M that runs it; nil while none does.
  var m: MPtr? = nil

  /// Head of its list of exclusive accesses in progress; two words, for the
  /// interface that takes two (see switch.swift).
  var accesses: UInt = 0
  var accesses2: UInt = 0

  /// What errno is while it runs.
  var errno: Int32 = 0

  var waitreason = WaitReason.zero

  /// Preemption was asked for, by any M. Go: preempt.
  let preempt = Atomic(false)

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

  /// The sudogs it waits on.
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
let sudogOffset = 192

struct Sysmontick {
  var schedtick: UInt32 = 0
  var schedwhen: Int64 = 0
  var syscalltick: UInt32 = 0
  var syscallwhen: Int64 = 0
}

/// What was done so far.
struct Counters: ~Copyable {
  let switches = Atomic<UInt64>(0)
  let steals = Atomic<UInt64>(0)
  let stolen = Atomic<UInt64>(0)
  let handoffs = Atomic<UInt64>(0)
  let preemptions = Atomic<UInt64>(0)

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
