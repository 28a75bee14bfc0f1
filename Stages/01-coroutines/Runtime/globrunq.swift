// SPDX-License-Identifier: Apache-2.0
//
// The global queue, and lists of Gs.                     Go: src/runtime/proc.go

import CLinux
import Synchronization

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

/// globrunqput puts gp at the tail of the global queue.
func globrunqput(_ gp: GPtr) {
  sched[].runq.pushBack(gp)
}

/// globrunqget takes one G.
func globrunqget() -> GPtr? {
  sched[].runq.pop()
}
