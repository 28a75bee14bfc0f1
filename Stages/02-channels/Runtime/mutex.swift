// SPDX-License-Identifier: Apache-2.0
//
// The mutex of goroutines.                     Go: src/internal/sync/mutex.go
//
// A word, and a semaphore to sleep on. Not the runtime's own Mutex: whoever waits
// here gives up its M, not only its time.

import CLinux
import Synchronization

// The bits of a mutex's state; above them, the number of waiters.

/// It is held. Not set while it is being handed over in starvation mode.
@inlinable var mutexLocked: Int32 { 1 }

/// A waiter is awake and will try: unlock need not wake another.
private let mutexWoken: Int32 = 2

/// Ownership goes from whoever unlocks to the first waiter; nobody else tries.
@inlinable var mutexStarving: Int32 { 4 }
private let mutexWaiterShift: Int32 = 3

// "Fairness". In normal mode a waiter that is woken competes with goroutines that
// arrive, which have the advantage of running already; if it loses, it queues at
// the front. That is fast, since one goroutine may take the mutex many times in a
// row. A waiter that has lost for longer than the threshold turns starvation mode
// on: unlock hands the mutex to the first waiter, and who arrives queues at the
// back without trying. A waiter that gets it this way turns the mode off if it is
// the last one or has waited for less than the threshold.
private let starvationThresholdNs: Int64 = 1_000_000

/// Go: internal/sync.Mutex. Not the runtime's Mutex: its waiters are goroutines.
@usableFromInline
struct SyncMutex: ~Copyable {
  @usableFromInline let state = Atomic<Int32>(0)
  let sema = SemaPtr(allocating: Sema())

  init() {}
  deinit { dispose(sema) }

  @inlinable @inline(__always)
  func lock() {
    // acquire: what the last holder wrote is seen.
    if state.compareExchange(
      expected: 0, desired: mutexLocked, ordering: .acquiring
    ).exchanged {
      return
    }
    lockSlow()
  }

  @inlinable @inline(__always)
  func tryLock() -> Bool {
    let old = state.load(ordering: .relaxed)
    if old & (mutexLocked | mutexStarving) != 0 { return false }
    // acquire: as in lock.
    return state.compareExchange(
      expected: old, desired: old | mutexLocked, ordering: .acquiring
    ).exchanged
  }

  @inlinable @inline(__always)
  func unlock() {
    // release: the next holder sees what was written.
    let new = state.wrappingSubtract(mutexLocked, ordering: .releasing).newValue
    if new != 0 { unlockSlow(new) }
  }

  @usableFromInline @inline(never)
  func lockSlow() {
    // Where others wait, a free mutex is not zero, either.
    var old = state.load(ordering: .relaxed)
    while old & (mutexLocked | mutexStarving) == 0 {
      // acquire: as in lock.
      let (locked, found) = state.compareExchange(
        expected: old, desired: old | mutexLocked, ordering: .acquiring)
      if locked { return }
      old = found
    }
    let gp = enterRuntime("GoMutex.lock")
    lockWait()
    exitRuntime(gp)
  }

  /// Go: Mutex.lockSlow.
  private func lockWait() {
    var waitStartTime: Int64 = 0
    var starving = false
    var awoke = false
    var old = state.load(ordering: .relaxed)
    while true {
      let new = next(old, starving: starving, awoke: awoke)
      // acquire: as in lock.
      let (exchanged, found) = state.compareExchange(
        expected: old, desired: new, ordering: .acquiring)
      if !exchanged {
        old = found
        continue
      }
      if old & (mutexLocked | mutexStarving) == 0 { return }

      let lifo = waitStartTime != 0
      if !lifo { waitStartTime = nanotime() }
      semacquire1(sema, lifo: lifo, .syncMutexLock)
      starving = starving || nanotime() - waitStartTime > starvationThresholdNs
      old = state.load(ordering: .relaxed)
      if old & mutexStarving != 0 {
        takeHandoff(old, starving: starving)
        return
      }
      awoke = true
    }
  }

  /// What the state becomes when a goroutine takes the mutex or becomes a waiter.
  @inline(__always)
  private func next(_ old: Int32, starving: Bool, awoke: Bool) -> Int32 {
    var new = old
    // A starving mutex is not for who arrives.
    if old & mutexStarving == 0 { new |= mutexLocked }
    if old & (mutexLocked | mutexStarving) != 0 { new &+= 1 << mutexWaiterShift }
    // Only while it is held: unlock expects waiters of a starving mutex.
    if starving, old & mutexLocked != 0 { new |= mutexStarving }
    if awoke {
      if new & mutexWoken == 0 { throwFatal("sync: inconsistent mutex state") }
      new &= ~mutexWoken
    }
    return new
  }

  /// The caller was woken with the mutex its own, but not marked held, and itself
  /// still counted as a waiter.
  private func takeHandoff(_ old: Int32, starving: Bool) {
    if old & (mutexLocked | mutexWoken) != 0 || old >> mutexWaiterShift == 0 {
      throwFatal("sync: inconsistent mutex state")
    }
    var delta = mutexLocked - 1 << mutexWaiterShift
    // Two goroutines can go on in starvation mode, in lock step, for ever; so
    // leave it as soon as possible.
    if !starving || old >> mutexWaiterShift == 1 { delta -= mutexStarving }
    // acquire: as in lock.
    state.wrappingAdd(delta, ordering: .acquiring)
  }

  @usableFromInline @inline(never)
  func unlockSlow(_ new: Int32) {
    if (new &+ mutexLocked) & mutexLocked == 0 {
      _ = enterRuntime("GoMutex.unlock")
      fatal("sync: unlock of unlocked mutex")
    }
    if new & mutexStarving != 0 {
      // mutexLocked is clear, but nobody takes a starving mutex: the waiter will
      // find it. It runs in the rest of our time slice.
      wake(handoff: true)
      return
    }
    var old = new
    while true {
      // Nobody waits, or somebody is awake, or has the mutex. If it starves by
      // now, whoever holds it hands it over.
      if old >> mutexWaiterShift == 0
        || old & (mutexLocked | mutexWoken | mutexStarving) != 0
      {
        return
      }
      // The right to wake one.
      let (exchanged, found) = state.compareExchange(
        expected: old,
        desired: (old - 1 << mutexWaiterShift) | mutexWoken,
        ordering: .relaxed
      )
      if exchanged {
        wake(handoff: false)
        return
      }
      old = found
    }
  }

  private func wake(handoff: Bool) {
    let gp = enterRuntime("GoMutex.unlock")
    semrelease1(sema, handoff: handoff)
    exitRuntime(gp)
  }
}

/// Frees what p points to. Whoever waits holds the object, so nobody waits.
func dispose<T: ~Copyable>(_ p: Ptr<T>) {
  p.address.deinitialize(count: 1)
  p.address.deallocate()
}
