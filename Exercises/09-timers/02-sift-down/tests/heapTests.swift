// SPDX-License-Identifier: Apache-2.0
//
// Exercise 09.02: the heap of a P that nobody schedules.

import Testing

@testable import Stage

/// A timer for the heap alone.
private func bareTimer(_ when: Int64) -> TimerPtr {
  let t = TimerPtr(allocating: Timer(kind: .function, f: { _, _, _ in }, arg: nil))
  t[].when = when
  return t
}

/// What is wrong with the heap, or nil.
private func flaw(_ pp: PPtr) -> String? {
  let heap = pp[].timers.heap
  for i in 0..<heap[].count {
    let tw = heap[].entries[i]
    if i > 0, tw.when < heap[].entries[(i - 1) / 4].when {
      return "entry \(i) is due before its parent"
    }
    if tw.when != tw.timer[].when { return "entry \(i) has another timer's time" }
    if tw.timer[].index != i {
      return "the timer of entry \(i) is told \(tw.timer[].index)"
    }
  }
  return nil
}

private func add(_ pp: PPtr, _ t: TimerPtr) {
  t[].p.store(pp, ordering: .relaxed)
  insertHeap(pp, TimerWhen(when: t[].when, timer: t, tracked: true))
}

extension RuntimeTests {
  @Suite("exercise 09.02")
  struct HeapTests {
    @Test(arguments: [1, 2, 4, 5, 6, 16, 21, 22, 85, 1000])
    func `taken from the top they come in order`(n: Int) {
      let pp = bareP()
      for i in 0..<n { add(pp, bareTimer(Int64(1 + i * 7919 % n))) }
      var last: Int64 = 0
      for left in (0..<n).reversed() {
        #expect(flaw(pp) == nil)
        let when = pp[].timers.heap[].entries[0].when
        #expect(when >= last)
        last = when
        deleteHeap(pp, 0)
        #expect(pp[].timers.heap[].count == left)
      }
    }

    @Test func `taken from the middle they leave a heap`() {
      let pp = bareP()
      var timers = (0..<300).map { bareTimer(Int64(1 + $0 * 7919 % 1009)) }
      for t in timers { add(pp, t) }
      var k = 0
      while !timers.isEmpty {
        k = (k + 101) % timers.count
        let t = timers.remove(at: k)
        deleteHeap(pp, t[].index)
        #expect(t[].p.load(ordering: .relaxed) == nil)
        let found = flaw(pp)
        #expect(found == nil)
        if found != nil { return }
      }
    }

    @Test func `moved to another time they leave a heap`() {
      let pp = bareP()
      let timers = (0..<100).map { bareTimer(Int64(1000 + $0)) }
      for t in timers { add(pp, t) }
      for (i, t) in timers.enumerated() {
        moveHeap(pp, t[].index, i % 2 == 0 ? Int64(1 + i) : Int64(5000 - i))
        let found = flaw(pp)
        #expect(found == nil)
        if found != nil { return }
      }
    }
  }
}
