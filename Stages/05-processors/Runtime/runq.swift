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

/// runqempty reports whether pp has no G queued. Executed only by the owner P.
func runqempty(_ pp: PPtr) -> Bool {
  pp[].runqhead == pp[].runqtail && pp[].runnext == nil
}

/// runqput puts gp on pp's queue: in runnext when next is true, kicking out the G
/// that was there, else at the tail. When the ring is full, half goes to the
/// global queue; so does gp, at once, while another P is idle. Executed only by the
/// owner P.
@inline(__always)
func runqput(_ pp: PPtr, _ gp: GPtr, next: Bool) {
  // Sharing: nobody takes from this queue but pp.
  if sched[].npidle.load(ordering: .relaxed) != 0 { return runqshare(gp) }
  var gp = gp
  if next {
    let old = pp[].runnext
    pp[].runnext = gp
    guard let old else { return }
    gp = old
  }
  runqputtail(pp, gp)
}

@inline(never)
private func runqshare(_ gp: GPtr) {
  lock(sched[].lock)
  globrunqput(gp)
  unlock(sched[].lock)
}

@inline(__always)
func runqputtail(_ pp: PPtr, _ gp: GPtr) {
  let h = pp[].runqhead
  let t = pp[].runqtail
  if t &- h < runqSize {
    pp[].runq[Int(t % runqSize)] = gp
    pp[].runqtail = t &+ 1
    return
  }
  runqputslow(pp, gp, h, t)
}

/// Moves half of a full ring, and gp, to the global queue. Executed only by the owner.
@inline(never)
func runqputslow(_ pp: PPtr, _ gp: GPtr, _ h: UInt32, _ t: UInt32) {
  let n = (t &- h) / 2
  if n != runqSize / 2 { throwFatal("runqputslow: queue is not full") }
  lock(sched[].lock)
  for i in 0..<n {
    sched[].runq.pushBack(pp[].runq[Int((h &+ i) % runqSize)].unsafelyUnwrapped)
  }
  pp[].runqhead = h &+ n
  globrunqput(gp)
  unlock(sched[].lock)
}

/// runqget takes a G: runnext first. Executed only by the owner P.
@inline(__always)
func runqget(_ pp: PPtr) -> GPtr? {
  if let next = pp[].runnext {
    pp[].runnext = nil
    return next
  }
  let h = pp[].runqhead
  let t = pp[].runqtail
  if t == h { return nil }
  let gp = pp[].runq[Int(h % runqSize)]
  pp[].runqhead = h &+ 1
  prefetchnext(pp, h, t)
  return gp
}

/// runqunnext sends what is in runnext to the tail. Executed only by the owner P.
func runqunnext(_ pp: PPtr) {
  guard let gp = pp[].runnext else { return }
  pp[].runnext = nil
  runqputtail(pp, gp)
}

/// A long queue is mostly longer than the cache: while one G runs, the next two come.
@inline(__always)
private func prefetchnext(_ pp: PPtr, _ h: UInt32, _ t: UInt32) {
  if t &- h > 2,
    let next = pp[].runq[Int((h &+ 1) % runqSize)],
    let after = pp[].runq[Int((h &+ 2) % runqSize)]
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
