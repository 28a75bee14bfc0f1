// SPDX-License-Identifier: Apache-2.0
//
// The global queue, and lists of Gs.                     Go: src/runtime/proc.go

import CLinux
import Synchronization

/// A queue of Gs through schedlink, protected by whoever has it. Go: gQueue.
struct GQueue {
  var head: GPtr? = nil
  var tail: GPtr? = nil
  var size: Int32 = 0

  mutating func pushBack(_ gp: GPtr) {
    gp[].schedlink = nil
    if let last = tail { last[].schedlink = gp } else { head = gp }
    tail = gp
    size += 1
  }

  mutating func pop() -> GPtr? {
    guard let gp = head else { return nil }
    head = gp[].schedlink
    if head == nil { tail = nil }
    gp[].schedlink = nil
    size -= 1
    return gp
  }
}

/// A stack of Gs through schedlink. Go: gList.
struct GList {
  var head: GPtr? = nil
  var size: Int32 = 0

  mutating func push(_ gp: GPtr) {
    gp[].schedlink = head
    head = gp
    size += 1
  }

  mutating func pop() -> GPtr? {
    guard let gp = head else { return nil }
    head = gp[].schedlink
    gp[].schedlink = nil
    size -= 1
    return gp
  }
}

/// The global queue, a ring that grows. Go's is a list through schedlink; there, who
/// takes a batch waits for memory at every step, while here the Gs themselves are
/// not touched, and can be fetched while others run.
struct GRing {
  private(set) var slots = UnsafeMutablePointer<GPtr>.allocate(capacity: 256)
  private(set) var capacity = 256
  private(set) var first = 0
  private(set) var size: Int32 = 0

  mutating func pushBack(_ gp: GPtr) {
    grow(1)
    (slots + ((first &+ Int(size)) & (capacity - 1))).initialize(to: gp)
    size += 1
  }

  mutating func pushBackAll(_ q: consuming GQueue) {
    while let gp = q.pop() { pushBack(gp) }
  }

  mutating func pop() -> GPtr? {
    if size == 0 { return nil }
    let gp = slots[first]
    first = (first &+ 1) & (capacity - 1)
    size -= 1
    return gp
  }

  mutating func removeAll() { size = 0 }

  @inline(__always)
  private mutating func grow(_ n: Int) {
    if Int(size) + n > capacity { double() }
  }

  @inline(never)
  private mutating func double() {
    let bigger = UnsafeMutablePointer<GPtr>.allocate(capacity: 2 * capacity)
    let untilEnd = min(Int(size), capacity - first)
    bigger.initialize(from: slots + first, count: untilEnd)
    (bigger + untilEnd).initialize(from: slots, count: Int(size) - untilEnd)
    slots.deallocate()
    slots = bigger
    capacity *= 2
    first = 0
  }
}

/// globrunqput puts gp at the tail of the global queue. sched.lock must be held.
func globrunqput(_ gp: GPtr) {
  assertLockHeld(sched[].lock)
  sched[].runq.pushBack(gp)
  sched[].runqsize.store(sched[].runq.size, ordering: .relaxed)
}

/// globrunqputbatch puts a whole queue at the tail. sched.lock must be held.
func globrunqputbatch(_ batch: GQueue) {
  assertLockHeld(sched[].lock)
  sched[].runq.pushBackAll(batch)
  sched[].runqsize.store(sched[].runq.size, ordering: .relaxed)
}

/// globrunqget takes one G. sched.lock must be held.
func globrunqget() -> GPtr? {
  assertLockHeld(sched[].lock)
  let gp = sched[].runq.pop()
  sched[].runqsize.store(sched[].runq.size, ordering: .relaxed)
  return gp
}

@inline(__always)
func globrunqempty() -> Bool {
  // seq-cst: a parking M looks here a last time after it has announced itself.
  sched[].runqsize.load(ordering: .sequentiallyConsistent) == 0
}
