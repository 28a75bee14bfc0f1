// SPDX-License-Identifier: Apache-2.0
//
// Semaphores that sleep, and lists of tickets.           Go: src/runtime/sema.go
//
// Not semaphores to count resources with, but the means to sleep and be woken
// so that every sleep is paired with one wake-up, even one that came first.
// What decides who may go on is kept by those who use them, in api_sync.swift.
//
// Go finds the waiters of an address in a table of trees. Here an object has its
// semaphore, so the queue is a plain list and an object shares it with no other.
//
// Invariants:
//   A sudog on q has waitq set and is its G's waiting; whoever takes it off
//   clears waitq, and after having readied the G does not touch it again.

import CLinux
import Synchronization

typealias SemaPtr = Ptr<Sema>
typealias NotifyListPtr = Ptr<NotifyList>

/// Go: semaRoot, and the count that Go keeps with the object.
struct Sema: ~Copyable {
  // Atomic.

  /// Permits that nobody has taken.
  let count: Atomic<UInt32>

  /// Waiters, so that a release with none need not lock. Changed under lock, and the
  /// length of q whenever that is free, save for waiters that the end of run took away;
  /// a releaser that finds none left sets it right.
  let nwait = Atomic<UInt32>(0)

  let lock = Mutex()

  // Protected by lock.

  var q = Waitq()

  init(_ count: UInt32 = 0) {
    self.count = Atomic(count)
  }
}

/// semacquire takes a permit, and sleeps until there is one.
func semacquire(_ s: SemaPtr) {
  semacquire1(s, lifo: false, .semacquire)
}

/// semacquire1 is semacquire with a reason, and with lifo at the front of the
/// queue instead of the back.
func semacquire1(_ s: SemaPtr, lifo: Bool, _ reason: WaitReason) {
  let gp = getg()
  if gp[].m.unsafelyUnwrapped[].curg.load(ordering: .relaxed) != gp {
    throwFatal("semacquire not on the G stack")
  }
  if cansemacquire(s) { return }

  // "Sleep or be woken". The acquirer announces itself in nwait, then looks at
  // count; the releaser adds to count, then looks at nwait. All four are in one
  // order, so at least one of them sees the other: either the acquirer finds the
  // permit, or the releaser finds the acquirer, and since both then need the lock
  // it finds it queued.
  var sudog = Sudog(g: gp, elem: nil)
  withUnsafeMutablePointer(to: &sudog) {
    let sg = SudogPtr($0)
    while true {
      lock(s[].lock)
      // seq-cst: see "Sleep or be woken".
      s[].nwait.wrappingAdd(1, ordering: .sequentiallyConsistent)
      if cansemacquire(s) {
        s[].nwait.wrappingSubtract(1, ordering: .relaxed)
        unlock(s[].lock)
        break
      }
      semaqueue(s, sg, lifo: lifo)
      gp[].waiting = sg
      goparkunlock(mutexAddress(s[].lock), reason)
      gp[].waiting = nil
      if sg[].ticket != 0 || cansemacquire(s) { break }
    }
  }
}

/// semrelease gives a permit and wakes one sleeper, if there is any.
func semrelease(_ s: SemaPtr) {
  semrelease1(s, handoff: false)
}

/// semrelease1 is semrelease; with handoff the permit goes to the sleeper, which
/// runs at once in the rest of the caller's time slice.
func semrelease1(_ s: SemaPtr, handoff: Bool) {
  // seq-cst: see "Sleep or be woken" in semacquire1.
  s[].count.wrappingAdd(1, ordering: .sequentiallyConsistent)
  // seq-cst: the same.
  if s[].nwait.load(ordering: .sequentiallyConsistent) == 0 { return }

  lock(s[].lock)
  guard let sg = semadequeue(s) else {
    // The permit is taken by another.
    unlock(s[].lock)
    return
  }
  unlock(s[].lock)

  if sg[].ticket != 0 { throwFatal("corrupted semaphore ticket") }
  let direct = handoff && cansemacquire(s)
  if direct { sg[].ticket = 1 }
  goready(sg[].g)
  if direct, getg()[].m.unsafelyUnwrapped[].locks == 0 {
    // The waiter is to run next. Without handoff that would be wasteful: the permit
    // could be gone by the time it runs.
    goyield()
  }
}

@inline(__always)
private func cansemacquire(_ s: SemaPtr) -> Bool {
  // seq-cst: see "Sleep or be woken" in semacquire1. It also makes visible what
  // the releaser wrote.
  var v = s[].count.load(ordering: .sequentiallyConsistent)
  while v != 0 {
    // seq-cst: a failure reads count, too.
    let (taken, found) = s[].count.compareExchange(
      expected: v, desired: v - 1, ordering: .sequentiallyConsistent)
    if taken { return true }
    v = found
  }
  return false
}

/// semaqueue adds sg to the waiters. Nobody else may be at s.
private func semaqueue(_ s: SemaPtr, _ sg: SudogPtr, lifo: Bool) {
  let q = WaitqPtr(addressOf(&s[].q))
  guard lifo, let first = q[].first else {
    enqueue(q, sg)
    return
  }
  sg[].waitq = q
  sg[].prev = nil
  sg[].next = first
  first[].prev = sg
  q[].first = sg
}

/// semadequeue takes the first waiter. Nobody else may be at s.
private func semadequeue(_ s: SemaPtr) -> SudogPtr? {
  guard let sg = s[].q.first else {
    s[].nwait.store(0, ordering: .relaxed)
    return nil
  }
  waitqRemove(sg)
  s[].nwait.wrappingSubtract(1, ordering: .relaxed)
  return sg
}

/// Go: notifyList. Waiters take tickets in order and are notified in order of
/// tickets, whatever the order in which they come to sleep.
struct NotifyList: ~Copyable {
  // Atomic.

  /// The ticket of the next waiter. Incremented without the lock.
  let wait = Atomic<UInt32>(0)

  /// The ticket of the next waiter to be notified. Changed under lock. Both wrap
  /// around, and are less than 2^31 apart.
  let notify = Atomic<UInt32>(0)

  let lock = Mutex()

  // Protected by lock.

  var q = Waitq()
}

@inline(__always)
private func less(_ a: UInt32, _ b: UInt32) -> Bool {
  Int32(bitPattern: a &- b) < 0
}

/// notifyListAdd takes a ticket, with which notifyListWait must be called.
func notifyListAdd(_ l: NotifyListPtr) -> UInt32 {
  // Relaxed, as are the loads below: a notifier must see this ticket only when
  // something else, such as the condition's lock, tells that it was taken before.
  l[].wait.wrappingAdd(1, ordering: .relaxed).oldValue
}

/// notifyListWait sleeps until ticket t is notified, which may have happened
/// already.
func notifyListWait(_ l: NotifyListPtr, _ t: UInt32) {
  lock(l[].lock)
  if less(t, l[].notify.load(ordering: .relaxed)) {
    unlock(l[].lock)
    return
  }
  let gp = getg()
  var sudog = Sudog(g: gp, elem: nil)
  withUnsafeMutablePointer(to: &sudog) {
    let sg = SudogPtr($0)
    sg[].ticket = t
    enqueue(WaitqPtr(addressOf(&l[].q)), sg)
    gp[].waiting = sg
    goparkunlock(mutexAddress(l[].lock), .syncCondWait)
    gp[].waiting = nil
  }
}

/// notifyListNotifyAll notifies every ticket taken so far.
func notifyListNotifyAll(_ l: NotifyListPtr) {
  if l[].wait.load(ordering: .relaxed) == l[].notify.load(ordering: .relaxed) { return }

  // The waiters are readied outside the lock.
  lock(l[].lock)
  var next = l[].q.first
  l[].q.first = nil
  l[].q.last = nil
  // Whoever has a ticket and is not in the list will see this and not sleep.
  l[].notify.store(l[].wait.load(ordering: .relaxed), ordering: .relaxed)
  unlock(l[].lock)

  while let sg = next {
    next = sg[].next
    sg[].next = nil
    sg[].prev = nil
    sg[].waitq = nil
    goready(sg[].g)
  }
}

/// notifyListNotifyOne notifies the oldest ticket that was not yet.
func notifyListNotifyOne(_ l: NotifyListPtr) {
  if l[].wait.load(ordering: .relaxed) == l[].notify.load(ordering: .relaxed) { return }

  lock(l[].lock)
  let t = l[].notify.load(ordering: .relaxed)
  if t == l[].wait.load(ordering: .relaxed) {
    unlock(l[].lock)
    return
  }
  l[].notify.store(t &+ 1, ordering: .relaxed)

  // Waiters queue in about the order of tickets, so the search is short, also
  // where it finds nobody: then t's owner is on its way, and will not sleep.
  var next = l[].q.first
  while let sg = next {
    if sg[].ticket == t {
      waitqRemove(sg)
      unlock(l[].lock)
      goready(sg[].g)
      return
    }
    next = sg[].next
  }
  unlock(l[].lock)
}

@inline(__always)
private func mutexAddress(_ l: borrowing Mutex) -> UnsafeMutablePointer<Mutex> {
  withUnsafePointer(to: l) { UnsafeMutablePointer(mutating: $0) }
}
