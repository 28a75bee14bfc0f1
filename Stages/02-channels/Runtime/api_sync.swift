// SPDX-License-Identifier: Apache-2.0
//
// WaitGroup, GoMutex, GoRWMutex, GoCond, GoOnce.
//                             Go: src/sync/*.go, src/internal/sync/mutex.go
//
// Each is a word or two that say who may go on, changed by one atomic operation
// while nobody has to wait, and a semaphore to wait on. The first part is inlined
// into programs, and counts as their code; only what may sleep or wake enters the
// runtime.
//
// An object belongs to the run whose goroutines use it: what an abandoned
// goroutine holds stays held, and one that waited is still counted.

import CLinux
import Synchronization

// MARK: - GoMutex

/// Go: sync.Mutex. A lock on which a goroutine waits without holding a thread. It
/// belongs to no goroutine: one may lock it and another unlock it.
public final class GoMutex: @unchecked Sendable {
  @usableFromInline let m = SyncMutex()

  public init() {}

  @inlinable public func lock() { m.lock() }

  /// Locks it if it is free; whether it did.
  @inlinable public func tryLock() -> Bool { m.tryLock() }

  /// Unlocking a free mutex ends the process.
  @inlinable public func unlock() { m.unlock() }

  @inlinable public func withLock<R>(_ body: () throws -> R) rethrows -> R {
    lock()
    defer { unlock() }
    return try body()
  }
}

// MARK: - GoRWMutex

/// Go: sync.RWMutex. Held by any number of readers or by one writer. A writer that
/// waits keeps new readers out, so a goroutine must not lock it for reading twice.
public final class GoRWMutex: @unchecked Sendable {
  /// Held by the writer, or by the one that waits for readers to leave.
  @usableFromInline let w = SyncMutex()

  /// Readers that hold it or wait for it, less maxReaders while there is a writer.
  @usableFromInline let readerCount = Atomic<Int32>(0)

  /// Readers that the writer still waits for.
  let readerWait = Atomic<Int32>(0)

  let writerSem = SemaPtr(allocating: Sema())
  let readerSem = SemaPtr(allocating: Sema())

  /// Go: rwmutexMaxReaders.
  @inlinable static var maxReaders: Int32 { 1 << 30 }

  public init() {}
  deinit {
    dispose(writerSem)
    dispose(readerSem)
  }

  /// Go: RLock.
  @inlinable public func readLock() {
    // acquire: what the last writer wrote is seen.
    if readerCount.wrappingAdd(1, ordering: .acquiring).newValue < 0 { readLockSlow() }
  }

  /// Go: RUnlock.
  @inlinable public func readUnlock() {
    // release: the next writer writes after this reader has read.
    let r = readerCount.wrappingSubtract(1, ordering: .releasing).newValue
    if r < 0 { readUnlockSlow(r) }
  }

  @inlinable public func lock() {
    w.lock()
    // Tell readers that there is a writer. acquire: after those who have left;
    // release: those who leave later see it in readerWait.
    let r = readerCount.wrappingSubtract(
      Self.maxReaders, ordering: .acquiringAndReleasing
    ).oldValue
    if r != 0 { lockSlow(r) }
  }

  @inlinable public func unlock() {
    // release: readers see what was written.
    let r = readerCount.wrappingAdd(Self.maxReaders, ordering: .releasing).newValue
    if r != 0 { unlockSlow(r) }
    w.unlock()
  }

  @inlinable public func withLock<R>(_ body: () throws -> R) rethrows -> R {
    lock()
    defer { unlock() }
    return try body()
  }

  @inlinable public func withReadLock<R>(_ body: () throws -> R) rethrows -> R {
    readLock()
    defer { readUnlock() }
    return try body()
  }

  @usableFromInline @inline(never)
  func readLockSlow() {
    let gp = enterRuntime("GoRWMutex.readLock")
    semacquire1(readerSem, lifo: false, .syncRWMutexRLock)
    exitRuntime(gp)
  }

  @usableFromInline @inline(never)
  func readUnlockSlow(_ r: Int32) {
    let gp = enterRuntime("GoRWMutex.readUnlock")
    if r + 1 == 0 || r + 1 == -Self.maxReaders {
      fatal("sync: RUnlock of unlocked RWMutex")
    }
    // The last one of those that the writer found wakes it. acquire and release:
    // all of them have left before it writes.
    if readerWait.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 {
      semrelease(writerSem)
    }
    exitRuntime(gp)
  }

  @usableFromInline @inline(never)
  func lockSlow(_ r: Int32) {
    // Readers that leave may have counted down already. acquire: as in lock.
    if readerWait.wrappingAdd(r, ordering: .acquiring).newValue == 0 { return }
    let gp = enterRuntime("GoRWMutex.lock")
    semacquire1(writerSem, lifo: false, .syncRWMutexLock)
    exitRuntime(gp)
  }

  @usableFromInline @inline(never)
  func unlockSlow(_ r: Int32) {
    let gp = enterRuntime("GoRWMutex.unlock")
    if r >= Self.maxReaders { fatal("sync: Unlock of unlocked RWMutex") }
    for _ in 0..<r { semrelease(readerSem) }
    exitRuntime(gp)
  }
}

// MARK: - WaitGroup

/// Go: sync.WaitGroup. Waits until a number of things are done. What is added while
/// the count is zero must be added before anybody waits.
public final class WaitGroup: @unchecked Sendable {
  /// The upper half counts what is not done, the lower half those who wait for it.
  @usableFromInline let state = Atomic<UInt64>(0)
  let sema = SemaPtr(allocating: Sema())

  public init() {}
  deinit { dispose(sema) }

  /// Adds n, which may be negative. A sum below zero is a panic.
  @inlinable public func add(_ n: Int) {
    let delta = UInt64(truncatingIfNeeded: n) << 32
    // acquire and release: everything done is done before the wait ends.
    let state = self.state.wrappingAdd(
      delta, ordering: .acquiringAndReleasing
    ).newValue
    // Nobody waits, and the sum is not negative.
    if state & (1 << 63 | 0xFFFF_FFFF) != 0 { addSlow(n, state) }
  }

  @inlinable public func done() { add(-1) }

  @inlinable public func wait() {
    // acquire: what was done is seen.
    if state.load(ordering: .acquiring) >> 32 != 0 { waitSlow() }
  }

  /// Runs body in a goroutine, and counts it as done when it returns or calls
  /// goexit. An error that leaves it is a panic, before which nobody goes on.
  public func go(_ body: sending @escaping () throws -> Void) {
    add(1)
    let gp = enterRuntime("WaitGroup.go")
    newproc {
      do {
        try body()
      } catch {
        if error is Goexit { self.done() }
        throw error
      }
      self.done()
    }
    exitRuntime(gp)
  }

  @usableFromInline @inline(never)
  func addSlow(_ n: Int, _ state: UInt64) {
    let v = Int32(truncatingIfNeeded: state >> 32)
    let w = UInt32(truncatingIfNeeded: state)
    // Work goes on, and this is no first addition.
    if v > 0, n < 0 { return }

    let gp = enterRuntime("WaitGroup.add")
    if v < 0 { gopanic("sync: negative WaitGroup counter") }
    if n > 0, v == Int32(truncatingIfNeeded: n) {
      gopanic("sync: WaitGroup misuse: Add called concurrently with Wait")
    }
    if v == 0 {
      // Nothing may change the state, since nobody adds while others wait and who
      // comes to wait finds zero. A cheap check for those who do.
      if self.state.load(ordering: .relaxed) != state {
        gopanic("sync: WaitGroup misuse: Add called concurrently with Wait")
      }
      self.state.store(0, ordering: .relaxed)
      for _ in 0..<w { semrelease(sema) }
    }
    exitRuntime(gp)
  }

  @usableFromInline @inline(never)
  func waitSlow() {
    let gp = enterRuntime("WaitGroup.wait")
    // acquire: as in wait.
    var old = state.load(ordering: .acquiring)
    while old >> 32 != 0 {
      // acquire: a failure may find zero.
      let (exchanged, found) = state.compareExchange(
        expected: old, desired: old + 1, ordering: .acquiring)
      if exchanged {
        semacquire1(sema, lifo: false, .syncWaitGroupWait)
        if state.load(ordering: .relaxed) != 0 {
          gopanic("sync: WaitGroup is reused before previous Wait has returned")
        }
        break
      }
      old = found
    }
    exitRuntime(gp)
  }
}

// MARK: - GoCond

/// Go: sync.Cond. Where goroutines wait for a condition that a mutex protects.
public final class GoCond: @unchecked Sendable {
  let mutex: GoMutex
  let notify = NotifyListPtr(allocating: NotifyList())

  public init(_ mutex: GoMutex) {
    self.mutex = mutex
  }

  deinit { dispose(notify) }

  /// Unlocks the mutex, waits for signal or broadcast, locks it again. The
  /// condition may not hold by then, so call it in a loop.
  public func wait() {
    let gp = enterRuntime("GoCond.wait")
    let t = notifyListAdd(notify)
    mutex.m.unlock()
    notifyListWait(notify, t)
    mutex.m.lock()
    exitRuntime(gp)
  }

  /// Wakes the goroutine that has waited longest, if there is any. The mutex need
  /// not be held.
  public func signal() {
    let gp = enterRuntime("GoCond.signal")
    notifyListNotifyOne(notify)
    exitRuntime(gp)
  }

  /// Wakes all that wait.
  public func broadcast() {
    let gp = enterRuntime("GoCond.broadcast")
    notifyListNotifyAll(notify)
    exitRuntime(gp)
  }
}

// MARK: - GoOnce

/// Go: sync.Once. Runs one body once.
public final class GoOnce: @unchecked Sendable {
  @usableFromInline let done = Atomic(false)
  let m = SyncMutex()

  public init() {}

  /// Runs body if no other was run before, else waits until that has ended. A body
  /// that throws counts as run. Calling it from within body is a deadlock.
  @inlinable public func `do`(_ body: () throws -> Void) rethrows {
    // acquire: what the body wrote is seen.
    if !done.load(ordering: .acquiring) { try doSlow(body) }
  }

  @usableFromInline @inline(never)
  func doSlow(_ body: () throws -> Void) rethrows {
    m.lock()
    defer { m.unlock() }
    if done.load(ordering: .relaxed) { return }
    // release: pairs with the load in do.
    defer { done.store(true, ordering: .releasing) }
    try body()
  }
}
