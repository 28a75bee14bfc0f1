// SPDX-License-Identifier: Apache-2.0
//
// The heap of a P's timers: four children to a node.     Go: src/runtime/time.go
//
// In all of this pp's timers must be locked.

import CLinux
import Synchronization

/// addHeap locks pp's timers and adds t; whether whoever sleeps until the next timer
/// sleeps too long. Executed only by the owner P.
func addHeap(_ pp: PPtr, _ t: TimerPtr, _ when: Int64, tracked: Bool) -> Bool {
  lock(pp[].timers.lock)
  // release: who sees the P sees what it takes to lock it.
  if tracked { t[].p.store(pp, ordering: .releasing) }
  let earliest = pp[].timers.minWhen.load(ordering: .relaxed)
  insertHeap(pp, TimerWhen(when: when, timer: t, tracked: tracked))
  updateMinWhen(pp)
  if !timerpMask[].read(pp[].id) { timerpMask[].set(pp[].id) }
  unlock(pp[].timers.lock)
  return earliest == 0 || when < earliest
}

func insertHeap(_ pp: PPtr, _ tw: TimerWhen) {
  let heap = pp[].timers.heap
  if heap[].count == heap[].capacity { growHeap(heap) }
  let i = heap[].count
  heap[].count = i &+ 1
  siftUp(heap, i, tw)
}

/// deleteHeap takes out the entry at i, and marks its timer as being in no heap.
func deleteHeap(_ pp: PPtr, _ i: Int) {
  let heap = pp[].timers.heap
  let tw = heap[].entries[i]
  // release: what the firing copied is read before t.lock's holder changes it.
  if tw.tracked { tw.timer[].p.store(nil, ordering: .releasing) }
  let last = heap[].count &- 1
  heap[].count = last
  if i != last { siftEither(heap, i, heap[].entries[last]) }
}

/// moveHeap gives the entry at i another time.
func moveHeap(_ pp: PPtr, _ i: Int, _ when: Int64) {
  let heap = pp[].timers.heap
  var tw = heap[].entries[i]
  tw.when = when
  tw.timer[].when = when
  siftEither(heap, i, tw)
}

/// updateMinWhen publishes what the heap has become, and returns when its first
/// entry is due.
@discardableResult @inline(__always)
func updateMinWhen(_ pp: PPtr) -> Int64 {
  let heap = pp[].timers.heap
  let n = heap[].count
  let when = n > 0 ? heap[].entries[0].when : 0
  if pp[].timers.minWhen.load(ordering: .relaxed) != when {
    // seq_cst: before wakeNetPoller looks whether anybody sleeps.
    pp[].timers.minWhen.store(when, ordering: .sequentiallyConsistent)
  }
  // release: see timersempty.
  pp[].timers.len.store(UInt32(truncatingIfNeeded: n), ordering: .releasing)
  return when
}

func growHeap(_ heap: TimerHeapPtr) {
  // Entry 1 begins a cache line, so 0 and nothing else ends the one before.
  let line = 64 / MemoryLayout<TimerWhen>.stride
  let slots = max(64, 2 * (heap[].capacity + line - 1))
  let memory = UnsafeMutableRawPointer.allocate(
    byteCount: slots * MemoryLayout<TimerWhen>.stride,
    alignment: 64,
  )
  let entries = memory.bindMemory(to: TimerWhen.self, capacity: slots) + (line - 1)
  if let old = heap[].entries {
    entries.update(from: old, count: heap[].count)
    UnsafeMutableRawPointer(old - (line - 1)).deallocate()
  }
  heap[].entries = entries
  heap[].capacity = slots - (line - 1)
}

/// place writes an entry, and its place into its timer.
@inline(__always)
func place(
  _ entries: UnsafeMutablePointer<TimerWhen>,
  _ i: Int,
  _ tw: TimerWhen,
) {
  entries[i] = tw
  if tw.tracked { tw.timer[].index = i }
}

@inline(__always)
func siftEither(_ heap: TimerHeapPtr, _ i: Int, _ tw: TimerWhen) {
  if i > 0, tw.when < heap[].entries[(i &- 1) >> 2].when {
    siftUp(heap, i, tw)
  } else {
    siftDown(heap, i, tw)
  }
}

/// siftUp puts tw at i, which is free, or above.
func siftUp(_ heap: TimerHeapPtr, _ i: Int, _ tw: TimerWhen) {
  let entries = heap[].entries.unsafelyUnwrapped
  var i = i
  while i > 0 {
    let parent = (i &- 1) >> 2
    if tw.when >= entries[parent].when { break }
    place(entries, i, entries[parent])
    i = parent
  }
  place(entries, i, tw)
}

/// The least of the up to four entries from first on, below n.
@inline(__always)
func leastOf(
  _ entries: UnsafeMutablePointer<TimerWhen>,
  _ first: Int,
  _ n: Int,
) -> Int {
  if first &+ 4 <= n {
    // In pairs, without branches: which is least cannot be predicted.
    let a = entries[first &+ 1].when < entries[first].when ? first &+ 1 : first
    let b = entries[first &+ 3].when < entries[first &+ 2].when ? first &+ 3 : first &+ 2
    return entries[b].when < entries[a].when ? b : a
  }
  var least = first
  for c in (first &+ 1)..<n where entries[c].when < entries[least].when { least = c }
  return least
}

/// siftDown puts tw at i, which is free, or below.
func siftDown(_ heap: TimerHeapPtr, _ i: Int, _ tw: TimerWhen) {
  let entries = heap[].entries.unsafelyUnwrapped
  let n = heap[].count
  var i = i
  while true {
    let first = 4 &* i &+ 1
    if first >= n { break }
    let least = leastOf(entries, first, n)
    if tw.when <= entries[least].when { break }
    place(entries, i, entries[least])
    i = least
  }
  place(entries, i, tw)
}
