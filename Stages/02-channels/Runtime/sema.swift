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
  /// Permits that nobody has taken.
  var count: UInt32

  var q = Waitq()

  init(_ count: UInt32 = 0) {
    self.count = count
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
  if cansemacquire(s) { return }

  var sudog = Sudog(g: gp, elem: nil)
  withUnsafeMutablePointer(to: &sudog) {
    let sg = SudogPtr($0)
    while true {
      semaqueue(s, sg, lifo: lifo)
      gp[].waiting = sg
      gopark(reason)
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
  s[].count &+= 1
  guard let sg = semadequeue(s) else { return }
  if sg[].ticket != 0 { throwFatal("corrupted semaphore ticket") }
  let direct = handoff && cansemacquire(s)
  if direct { sg[].ticket = 1 }
  goready(sg[].g)
  if direct {
    // The waiter is to run next. Without handoff that would be wasteful: the permit
    // could be gone by the time it runs.
    goyield()
  }
}

@inline(__always)
private func cansemacquire(_ s: SemaPtr) -> Bool {
  if s[].count == 0 { return false }
  s[].count -= 1
  return true
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
  guard let sg = s[].q.first else { return nil }
  waitqRemove(sg)
  return sg
}

/// Go: notifyList. Waiters take tickets in order and are notified in order of
/// tickets, whatever the order in which they come to sleep.
struct NotifyList: ~Copyable {
  /// The ticket of the next waiter.
  var wait: UInt32 = 0

  /// The ticket of the next waiter to be notified. Both wrap around, and are less than
  /// 2^31 apart.
  var notify: UInt32 = 0

  var q = Waitq()
}

@inline(__always)
private func less(_ a: UInt32, _ b: UInt32) -> Bool {
  Int32(bitPattern: a &- b) < 0
}

/// notifyListAdd takes a ticket, with which notifyListWait must be called.
func notifyListAdd(_ l: NotifyListPtr) -> UInt32 {
  defer { l[].wait &+= 1 }
  return l[].wait
}

/// notifyListWait sleeps until ticket t is notified, which may have happened
/// already.
func notifyListWait(_ l: NotifyListPtr, _ t: UInt32) {
  if less(t, l[].notify) { return }
  let gp = getg()
  var sudog = Sudog(g: gp, elem: nil)
  withUnsafeMutablePointer(to: &sudog) {
    let sg = SudogPtr($0)
    sg[].ticket = t
    enqueue(WaitqPtr(addressOf(&l[].q)), sg)
    gp[].waiting = sg
    gopark(.syncCondWait)
    gp[].waiting = nil
  }
}

/// notifyListNotifyAll notifies every ticket taken so far.
func notifyListNotifyAll(_ l: NotifyListPtr) {
  var next = l[].q.first
  l[].q.first = nil
  l[].q.last = nil
  // Whoever has a ticket and is not in the list will see this and not sleep.
  l[].notify = l[].wait

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
  let t = l[].notify
  if t == l[].wait { return }
  l[].notify = t &+ 1

  // Waiters queue in about the order of tickets, so the search is short, also
  // where it finds nobody: then t's owner is on its way, and will not sleep.
  var next = l[].q.first
  while let sg = next {
    if sg[].ticket == t {
      waitqRemove(sg)
      goready(sg[].g)
      return
    }
    next = sg[].next
  }
}
