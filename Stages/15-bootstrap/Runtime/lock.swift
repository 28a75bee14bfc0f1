// SPDX-License-Identifier: Apache-2.0
//
// Mutual exclusion for the runtime itself, and one-shot events.
//                                                Go: src/runtime/lock_futex.go
//
// Not Synchronization.Mutex: that one remembers the thread that locked it and
// ends the process when another unlocks, and a channel's lock is released on
// whatever thread the scheduler runs by then. These locks count in m.locks, so
// that an M is never preempted while it holds one, and parking with one held is
// an error that is found (see park_m).
//
// Invariants:
//   key is 0: free; 1: held; 2: held, and somebody may sleep on it.

import CLinux
import Synchronization

/// Go: mutex. Zero is unlocked.
struct Mutex: ~Copyable {
  let key = Atomic<UInt32>(0)
}

/// Spins before sleeping: four times thirty pauses, then once the kernel's yield.
private let activeSpin = 4
private let activeSpinCount: UInt32 = 30
private let passiveSpin = 1

/// A thread that is no M may drop the last reference to a channel or a timer, and
/// lock what it was in; it has no count, and nothing would preempt it.
@inline(__always)
private func addlocks(_ n: Int32) {
  if let g = getgOrNil() { g[].m.unsafelyUnwrapped[].locks += n }
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
  // A thread that has slept leaves 2 behind: it cannot know whether it was the
  // only sleeper.
  var wait: UInt32 = 1
  while true {
    for i in 0..<(activeSpin + passiveSpin) {
      while l.key.load(ordering: .relaxed) == 0 {
        if l.key.compareExchange(
          expected: 0, desired: wait, ordering: .acquiring
        ).exchanged { return }
      }
      if i < activeSpin, ncpus > 1 { procyield(activeSpinCount) } else { osyield() }
    }
    // acquire: taking the lock by finding it free.
    if l.key.exchange(2, ordering: .acquiring) == 0 { return }
    wait = 2
    _ = futexsleep(keyAddress(l), 2, -1)
  }
}

/// tryLock takes l if it is free.
@inline(__always)
func tryLock(_ l: borrowing Mutex) -> Bool {
  addlocks(1)
  if l.key.compareExchange(expected: 0, desired: 1, ordering: .acquiring).exchanged {
    return true
  }
  addlocks(-1)
  return false
}

/// unlock releases l, on whatever M.
@inline(__always)
func unlock(_ l: borrowing Mutex) {
  // release: what was written under the lock is seen by the next holder.
  if l.key.exchange(0, ordering: .releasing) == 2 {
    _ = futexwakeup(keyAddress(l), 1)
  }
  addlocks(-1)
}

@inline(__always)
func assertLockHeld(_ l: borrowing Mutex) {
  if l.key.load(ordering: .relaxed) == 0 { throwFatal("assertLockHeld: lock is free") }
}

private func keyAddress(_ l: borrowing Mutex) -> UnsafeRawPointer {
  withUnsafePointer(to: l.key) { UnsafeRawPointer($0) }
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

/// Sleeps until notewakeup, or for ns nanoseconds; whether it was woken.
func notetsleep(_ n: borrowing Note, _ ns: Int64) -> Bool {
  let deadline = nanotime() + ns
  // acquire: pairs with notewakeup.
  while n.key.load(ordering: .acquiring) == 0 {
    let left = deadline - nanotime()
    if left <= 0 { return false }
    _ = futexsleep(noteAddress(n), 0, left)
  }
  return true
}

/// One round of notetsleep: returns also when woken without a wake-up.
func notetsleepOnce(_ n: borrowing Note, _ ns: Int64) -> Bool {
  // acquire: pairs with notewakeup.
  if n.key.load(ordering: .acquiring) != 0 { return true }
  _ = futexsleep(noteAddress(n), 0, ns)
  return n.key.load(ordering: .acquiring) != 0
}

/// Wakes the sleeper without the event. Safe in a signal handler.
func noteprod(_ n: borrowing Note) { _ = futexwakeup(noteAddress(n), 1) }

/// Sleeps while word holds value, for ns nanoseconds at most; may return early.
func sleepOn(_ word: borrowing Atomic<UInt32>, _ value: UInt32, _ ns: Int64) {
  withUnsafePointer(to: word) { _ = futexsleep(UnsafeRawPointer($0), value, ns) }
}

func wakeOn(_ word: borrowing Atomic<UInt32>) {
  withUnsafePointer(to: word) { _ = futexwakeup(UnsafeRawPointer($0), 1) }
}

private func noteAddress(_ n: borrowing Note) -> UnsafeRawPointer {
  withUnsafePointer(to: n.key) { UnsafeRawPointer($0) }
}
