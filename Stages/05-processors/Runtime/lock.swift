// SPDX-License-Identifier: Apache-2.0
//
// Mutual exclusion for the runtime itself, and one-shot events.
//                                                Go: src/runtime/lock_futex.go
//
// Not Synchronization.Mutex: that one remembers the thread that locked it and
// ends the process when another unlocks, and a channel's lock is released on
// whatever thread the scheduler runs by then. These locks count in m.locks: an M
// that holds one keeps its goroutine, and parking with one held is an error that is
// found (see schedule).
//
// Releasing a lock is a plain store: the atomic exchange that is usual, to learn
// whether somebody sleeps, costs as much as taking it. Who goes to sleep pays
// instead: membarrier(2) makes every other thread of the process pass a full barrier,
// after which either that thread's store is seen or it will see the sleeper.
//
//   unlock                            lock2, before sleeping
//   1. key = 0                        1. sleepers = 1
//   2. (no barrier)                   2. membarrier: all threads
//   3. looks at sleepers              3. tries key once more, sleeps on seq
//
// Invariants:
//   key is 0: free; 1: held.
//   When sleepers is 0, nobody sleeps whom the holder, or one who was woken and has
//   not taken the lock yet, will not wake.

import CLinux
import Synchronization

/// Go: mutex. Zero is unlocked.
struct Mutex: ~Copyable {
  let key = Atomic<UInt32>(0)

  /// Somebody sleeps or is about to. Cleared by whoever wakes.
  let sleepers = Atomic<UInt32>(0)

  /// Changes with each wake-up, so that one between the last look and sleep is not
  /// slept through.
  let seq = Atomic<UInt32>(0)

  /// How many are in lock2's slow part.
  let nwait = Atomic<UInt32>(0)
}

/// Spins before sleeping: four times thirty pauses, then once the kernel's yield.
private let activeSpin = 4
private let activeSpinCount: UInt32 = 30
private let passiveSpin = 1

/// A thread that is no M may drop the last reference to an object of a program's, and
/// lock what it was in; it has no count, and nothing to keep.
@inline(__always)
private func addlocks(_ n: Int32) {
  if let g = getgOrNil() { g[].m.unsafelyUnwrapped[].locks &+= n }
}

/// lock waits until l is free and takes it.
@inline(__always)
func lock(_ l: borrowing Mutex) {
  addlocks(1)
  // acquire: what the last holder wrote is seen.
  if l.key.compareExchange(expected: 0, desired: 1, ordering: .acquiring).exchanged {
    return
  }
  lock2(l)
}

@inline(never)
func lock2(_ l: borrowing Mutex) {
  for i in 0..<(activeSpin + passiveSpin) {
    if tryKey(l) { return }
    if i < activeSpin, ncpus > 1 { procyield(activeSpinCount) } else { osyield() }
  }
  l.nwait.add(1, ordering: .relaxed)
  while true {
    // acquire: before the look at key.
    let seq = l.seq.load(ordering: .acquiring)
    l.sleepers.store(1, ordering: .sequentiallyConsistent)
    membarrier()
    if tryKey(l) { break }
    withUnsafePointer(to: l.seq) { _ = futexsleep(UnsafeRawPointer($0), seq, -1) }
  }
  if l.nwait.subtract(1, ordering: .relaxed).newValue != 0 {
    // The others' note may have been taken for this thread's.
    l.sleepers.store(1, ordering: .relaxed)
  }
}

@inline(__always)
private func tryKey(_ l: borrowing Mutex) -> Bool {
  // acquire: as in lock.
  l.key.load(ordering: .relaxed) == 0
    && l.key.compareExchange(expected: 0, desired: 1, ordering: .acquiring).exchanged
}

/// tryLock takes l if it is free.
@inline(__always)
func tryLock(_ l: borrowing Mutex) -> Bool {
  addlocks(1)
  if tryKey(l) { return true }
  addlocks(-1)
  return false
}

/// unlock releases l, on whatever M.
@inline(__always)
func unlock(_ l: borrowing Mutex) {
  // release: what was written under the lock is seen by the next holder.
  l.key.store(0, ordering: .releasing)
  // The processor may do the next load first; see the top of this file.
  compilerBarrier()
  if l.sleepers.load(ordering: .relaxed) != 0 { unlock2(l) }
  addlocks(-1)
}

@inline(never)
func unlock2(_ l: borrowing Mutex) {
  if l.sleepers.exchange(0, ordering: .sequentiallyConsistent) == 0 { return }
  // release: the change is seen by one who looked at key before.
  l.seq.add(1, ordering: .releasing)
  withUnsafePointer(to: l.seq) { _ = futexwakeup(UnsafeRawPointer($0), 1) }
}

@inline(__always)
func assertLockHeld(_ l: borrowing Mutex) {
  if l.key.load(ordering: .relaxed) == 0 { throwFatal("assertLockHeld: lock is free") }
}

/// Go: note. A one-shot event: one sleeper, one wake-up, then noteclear.
struct Note: ~Copyable {
  let key = Atomic<UInt32>(0)
}

func noteclear(_ n: borrowing Note) {
  n.key.store(0, ordering: .relaxed)
}

func notewakeup(_ n: borrowing Note) {
  // release: the sleeper sees what was prepared for it.
  if n.key.exchange(1, ordering: .releasing) != 0 {
    throwFatal("notewakeup: double wakeup")
  }
  _ = futexwakeup(noteAddress(n), 1)
}

/// Sleeps until notewakeup.
func notesleep(_ n: borrowing Note) {
  // acquire: pairs with notewakeup.
  while n.key.load(ordering: .acquiring) == 0 {
    _ = futexsleep(noteAddress(n), 0, -1)
  }
}

private func noteAddress(_ n: borrowing Note) -> UnsafeRawPointer {
  withUnsafePointer(to: n.key) { UnsafeRawPointer($0) }
}
