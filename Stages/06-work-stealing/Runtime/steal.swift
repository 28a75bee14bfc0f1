// SPDX-License-Identifier: Apache-2.0
//
// Taking work from others.                               Go: src/runtime/proc.go
//
// An M whose own queue is empty, and the global one too, looks at those of the other
// Ps, and takes half of the first that holds anything: from the head, where the owner
// takes as well, so that both must agree by CAS on who got what.

import CLinux
import Synchronization

/// stealWork tries every other P, four times over; the last time around also
/// what is next to run. newWork: look at the own queue again.
func stealWork(_ mp: MPtr) -> (gp: GPtr?, newWork: Bool) {
  let pp = mp[].p.unsafelyUnwrapped
  for i in 0..<4 {
    let last = i == 3
    var order = StealOrder(
      UInt32(sched[].gomaxprocs.load(ordering: .relaxed)), cheaprand())
    while !order.done {
      if sched[].gcwaiting.load(ordering: .relaxed) {
        return (nil, true)
      }
      let p2 = allp[][Int32(order.position)].unsafelyUnwrapped
      order.next()
      if p2 == pp { continue }
      if !idlepMask[].read(p2[].id), let gp = runqsteal(pp, p2, stealRunNext: last) {
        return (gp, false)
      }
    }
  }
  return (nil, false)
}

/// A P to run what somebody's queue holds, or nil. The M has no P.
func checkRunqsNoP() -> PPtr? {
  for i in 0..<sched[].gomaxprocs.load(ordering: .relaxed) {
    let p2 = allp[][i].unsafelyUnwrapped
    if idlepMask[].read(p2[].id) || runqempty(p2) { continue }
    lock(sched[].lock)
    let pp = pidleget()
    unlock(sched[].lock)
    // Work, and no P: everybody is busy, and will look before going idle.
    return pp
  }
  return nil
}

/// runqgrab takes half of pp's queue, rounded up, into batch's ring from batchHead;
/// returns how many. Can be executed by any P.
func runqgrab(
  _ pp: PPtr,
  _ batch: PPtr,
  _ batchHead: UInt32,
  stealRunNext: Bool
) -> UInt32 {
  while true {
    // acquire: synchronizes with other consumers, and with the producer.
    let h = pp[].runqhead.load(ordering: .acquiring)
    let t = pp[].runqtail.load(ordering: .acquiring)
    var n = t &- h
    n = n &- n / 2
    if n == 0 {
      guard stealRunNext, let next = pp[].runnext.load(ordering: .acquiring) else {
        return 0
      }
      if pp[].status.load(ordering: .relaxed) == .running {
        // The owner is about to run it: a goroutine that readies another one
        // mostly blocks next. A moment's patience, since taking it now would send
        // the pair to and fro between two Ps.
        if ncpus > 1 { usleep_ns(3000) } else { osyield() }
      }
      guard
        pp[].runnext.compareExchange(
          expected: next, desired: nil, ordering: .acquiring
        ).exchanged
      else { continue }
      batch[].runq[Int(batchHead % runqSize)].store(next, ordering: .relaxed)
      return 1
    }
    // An inconsistent pair of head and tail.
    if n > runqSize / 2 { continue }
    for i in 0..<n {
      let gp = pp[].runq[Int((h &+ i) % runqSize)].load(ordering: .relaxed)
      batch[].runq[Int((batchHead &+ i) % runqSize)].store(gp, ordering: .relaxed)
    }
    // release: commits the consumption; the slots were read before.
    if pp[].runqhead.compareExchange(
      expected: h, desired: h &+ n, ordering: .acquiringAndReleasing
    ).exchanged {
      return n
    }
  }
}

/// runqsteal takes half of p2's queue; returns one G, puts the others on pp's own
/// queue. Executed only by the owner of pp.
func runqsteal(_ pp: PPtr, _ p2: PPtr, stealRunNext: Bool) -> GPtr? {
  let t = pp[].runqtail.load(ordering: .relaxed)
  let grabbed = runqgrab(p2, pp, t, stealRunNext: stealRunNext)
  if grabbed == 0 { return nil }
  bump(pp[].counters.steals)
  if tracing {
    traceevent(.steal, arg: UInt32(p2[].id), detail: UInt8(truncatingIfNeeded: grabbed))
  }
  bump(pp[].counters.stolen, by: UInt64(grabbed))
  let n = grabbed - 1
  let gp = pp[].runq[Int((t &+ n) % runqSize)].load(ordering: .relaxed)
  if n == 0 { return gp }
  // acquire: synchronizes with consumers.
  let h = pp[].runqhead.load(ordering: .acquiring)
  if t &- h &+ n >= runqSize { throwFatal("runqsteal: runq overflow") }
  // seq-cst: as in runqputtail.
  pp[].runqtail.store(t &+ n, ordering: .sequentiallyConsistent)
  return gp
}

// The order of stealing.

/// Walks all Ps once, from a random one in a random direction. Go: randomOrder.
struct StealOrder {
  private let count: UInt32
  private let inc: UInt32
  private var i: UInt32 = 0
  private(set) var position: UInt32

  /// inc is coprime with count, so that every position is visited once.
  init(_ count: UInt32, _ r: UInt32) {
    self.count = count
    self.position = r % count
    var step = (r / count) % count + 1
    while gcd(step, count) != 1 { step = step % count + 1 }
    self.inc = step
  }

  var done: Bool { i == count }

  mutating func next() {
    i += 1
    position = (position + inc) % count
  }
}

func gcd(_ a: UInt32, _ b: UInt32) -> UInt32 {
  var (a, b) = (a, b)
  while b != 0 { (a, b) = (b, a % b) }
  return a
}

// Who is worth a look.

/// One bit per P, so that a scan need not touch idle Ps. Go: pMask.
struct PMask: ~Copyable {
  let words = InlineArray<32, Atomic<UInt32>>({ _ in Atomic(0) })

  func read(_ id: Int32) -> Bool {
    words[Int(id) / 32].load(ordering: .sequentiallyConsistent)
      & (1 << UInt32(id % 32)) != 0
  }

  func set(_ id: Int32) {
    words[Int(id) / 32].bitwiseOr(
      1 << UInt32(id % 32), ordering: .sequentiallyConsistent)
  }

  func clear(_ id: Int32) {
    words[Int(id) / 32].bitwiseAnd(
      ~(1 << UInt32(id % 32)), ordering: .sequentiallyConsistent)
  }
}

/// Ps that are idle. Changed under sched.lock.
let idlepMask = Ptr(allocating: PMask())
