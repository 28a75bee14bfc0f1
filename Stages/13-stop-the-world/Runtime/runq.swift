// SPDX-License-Identifier: Apache-2.0
//
// The local run queues.                                  Go: src/runtime/proc.go
//
// Each P has a ring of 256 and one slot, runnext, for the G that is to run next.
// The owner puts at the tail; Gs are taken at the head. Indices only ever grow, in
// wrapping arithmetic (&+, &-).
//
// Invariants:
//   0 <= runqtail - runqhead <= 256.
//   Only the owner P stores runqtail, and puts a G in runnext.
//   A slot is overwritten only after runqhead has passed it.

import CLinux
import Synchronization

/// runqempty reports whether pp has no G queued. Never true by accident: a G may
/// move from runnext to the ring in the meantime.
func runqempty(_ pp: PPtr) -> Bool {
  while true {
    let h = pp[].runqhead.load(ordering: .sequentiallyConsistent)
    let t = pp[].runqtail.load(ordering: .sequentiallyConsistent)
    let next = pp[].runnext.load(ordering: .sequentiallyConsistent)
    if t == pp[].runqtail.load(ordering: .sequentiallyConsistent) {
      return h == t && next == nil
    }
  }
}

/// runqput puts gp on pp's queue: in runnext when next is true, kicking out the G
/// that was there, else at the tail. When the ring is full, half goes to the
/// global queue. Executed only by the owner P.
@inline(__always)
func runqput(_ pp: PPtr, _ gp: GPtr, next: Bool) {
  var gp = gp
  if next {
    // An exchange, not a CAS: whoever takes the old one meanwhile has it, and then
    // nothing is kicked out. release: the G's state is seen by whoever takes it.
    guard let old = pp[].runnext.exchange(gp, ordering: .sequentiallyConsistent) else {
      return
    }
    gp = old
  }
  runqputtail(pp, gp)
}

@inline(__always)
func runqputtail(_ pp: PPtr, _ gp: GPtr) {
  while true {
    // acquire: the slots before h have been read by those who advanced it.
    let h = pp[].runqhead.load(ordering: .acquiring)
    let t = pp[].runqtail.load(ordering: .relaxed)
    if t &- h < runqSize {
      pp[].runq[Int(t % runqSize)].store(gp, ordering: .relaxed)
      // seq-cst: makes the slot visible before the index, and the index before the
      // look that decides whether to wake somebody.
      pp[].runqtail.store(t &+ 1, ordering: .sequentiallyConsistent)
      return
    }
    if runqputslow(pp, gp, h, t) { return }
    // The ring has room now: somebody stole.
  }
}

/// Moves half of a full ring, and gp, to the global queue. Executed only by the owner.
@inline(never)
func runqputslow(_ pp: PPtr, _ gp: GPtr, _ h: UInt32, _ t: UInt32) -> Bool {
  let n = (t &- h) / 2
  if n != runqSize / 2 { throwFatal("runqputslow: queue is not full") }
  var batch = InlineArray<128, GPtr?>(repeating: nil)
  for i in 0..<n {
    batch[Int(i)] = pp[].runq[Int((h &+ i) % runqSize)].load(ordering: .relaxed)
  }
  // release: commits the consumption; the slots were read before.
  guard
    pp[].runqhead.compareExchange(
      expected: h, desired: h &+ n, ordering: .acquiringAndReleasing
    ).exchanged
  else { return false }
  lock(sched[].lock)
  for i in 0..<Int(n) { sched[].runq.pushBack(batch[i].unsafelyUnwrapped) }
  globrunqput(gp)
  unlock(sched[].lock)
  return true
}

/// runqputbatch puts as much of q as fits on pp's ring; the rest stays in q.
/// Executed only by the owner P.
func runqputbatch(_ pp: PPtr, _ q: inout GQueue) {
  let h = pp[].runqhead.load(ordering: .acquiring)
  var t = pp[].runqtail.load(ordering: .relaxed)
  while t &- h < runqSize, let gp = q.pop() {
    pp[].runq[Int(t % runqSize)].store(gp, ordering: .relaxed)
    t &+= 1
  }
  // seq-cst: as in runqputtail.
  pp[].runqtail.store(t, ordering: .sequentiallyConsistent)
}

/// runqget takes a G: runnext first, and then it inherits the time slice.
/// Executed only by the owner P.
@inline(__always)
func runqget(_ pp: PPtr) -> (gp: GPtr?, inheritTime: Bool) {
  // A CAS that fails is not tried again: others only ever empty the slot.
  if let next = pp[].runnext.load(ordering: .relaxed),
    pp[].runnext.compareExchange(
      expected: next, desired: nil, ordering: .acquiring
    ).exchanged
  {
    return (next, true)
  }
  while true {
    // acquire: synchronizes with other consumers.
    let h = pp[].runqhead.load(ordering: .acquiring)
    let t = pp[].runqtail.load(ordering: .relaxed)
    if t == h { return (nil, false) }
    let gp = pp[].runq[Int(h % runqSize)].load(ordering: .relaxed)
    // release: commits the consumption.
    if pp[].runqhead.compareExchange(
      expected: h, desired: h &+ 1, ordering: .acquiringAndReleasing
    ).exchanged {
      prefetchnext(pp, h, t)
      return (gp, false)
    }
  }
}

/// A long queue is mostly longer than the cache: while one G runs, the next two come.
/// They may be stolen meanwhile; nothing is read of them but what is always readable.
@inline(__always)
private func prefetchnext(_ pp: PPtr, _ h: UInt32, _ t: UInt32) {
  if t &- h > 2,
    let next = pp[].runq[Int((h &+ 1) % runqSize)].load(ordering: .relaxed),
    let after = pp[].runq[Int((h &+ 2) % runqSize)].load(ordering: .relaxed)
  {
    prefetchstack(next)
    prefetchg(after)
  }
}

/// globrunqgetbatch takes pp's share, up to half a ring: returns the first, puts
/// the others on pp's own queue. sched.lock must be held.
func globrunqgetbatch(_ pp: PPtr) -> GPtr? {
  assertLockHeld(sched[].lock)
  let size = sched[].runq.size
  if size == 0 { return nil }
  let share = size / sched[].gomaxprocs.load(ordering: .relaxed) + 1
  var n = min(Int32(runqSize) / 2, size, share)
  let gp = sched[].runq.pop()
  n -= 1
  while n > 0, let next = sched[].runq.pop() {
    runqputtail(pp, next)
    n -= 1
  }
  sched[].runqsize.store(sched[].runq.size, ordering: .relaxed)
  return gp
}
