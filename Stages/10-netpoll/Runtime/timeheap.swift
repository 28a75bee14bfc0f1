// SPDX-License-Identifier: Apache-2.0
//
// The timers of a P: the heap, and running them.         Go: src/runtime/time.go
//
// The heap has four children to a node: it is shallow, and what is compared with one
// another lies in one cache line.

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

/// insertHeap adds an entry. For this and what follows pp's timers must be locked.
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

// Running.

/// timerswakeTime returns when the next timer of pp is due; 0: there is none. Can be
/// executed by any P. Go: timers.wakeTime.
@inline(__always)
func timerswakeTime(_ pp: PPtr) -> Int64 {
  // seq_cst: who is about to sleep has announced that before it looks here, and
  // who adds a timer looks for announcements after it; see updateMinWhen.
  pp[].timers.minWhen.load(ordering: .sequentiallyConsistent)
}

/// timersempty reports whether pp has no timers.
func timersempty(_ pp: PPtr) -> Bool {
  // acquire: as the unlock that let the last one go left it.
  pp[].timers.len.load(ordering: .acquiring) == 0
}

/// timerscheck runs the timers of pp that are due, and returns the time, when the
/// next is due (0: there is none), and whether it ran any. now is the time, or 0:
/// not known. Runs on g0. Can be executed by any P. Go: timers.check.
@inline(__always)
func timerscheck(_ pp: PPtr, _ now: Int64) -> (now: Int64, pollUntil: Int64, ran: Bool) {
  let next = timerswakeTime(pp)
  if next == 0 { return (now, 0, false) }
  let now = now == 0 ? nanotime() : now
  if now < next { return (now, next, false) }
  let (pollUntil, ran) = timersrun(pp, now)
  return (now, pollUntil, ran)
}

/// timersrun is the part of timerscheck that takes the lock. Go: timers.run.
@inline(never)
func timersrun(_ pp: PPtr, _ now: Int64) -> (pollUntil: Int64, ran: Bool) {
  withUnsafeTemporaryAllocation(of: DueTimer.self, capacity: timerBatch) { due in
    let heap = pp[].timers.heap
    var ran = false
    while true {
      lock(pp[].timers.lock)
      var n = 0
      while n < timerBatch, heap[].count > 0, heap[].entries[0].when <= now {
        due.initializeElement(at: n, to: takeDue(pp, 0, now))
        n &+= 1
      }
      let next = updateMinWhen(pp)
      unlock(pp[].timers.lock)

      if tracing, n > 0 { traceevent(.timers, arg: UInt32(n)) }
      for i in 0..<n { fire(due[i]) }
      ran = ran || n > 0
      if n < timerBatch { return (next, ran) }
    }
  }
}

/// takeDue takes the timer at index i out of pp's heap, or moves it on if it has a
/// period, and copies what is needed to fire it. pp's timers must be locked.
func takeDue(_ pp: PPtr, _ i: Int, _ now: Int64) -> DueTimer {
  let tw = pp[].timers.heap[].entries[i]
  let t = tw.timer
  let delay = now &- tw.when
  let due = DueTimer(
    f: t[].f,
    arg: t[].arg,
    seq: t[].seq,
    delay: delay,
    channelTimer: t[].kind == .channel ? t : nil,
  )
  if t[].period > 0 {
    let steps = 1 &+ delay / t[].period
    let (ahead, over1) = t[].period.multipliedReportingOverflow(by: steps)
    let (when, over2) = tw.when.addingReportingOverflow(ahead)
    moveHeap(pp, i, over1 || over2 ? maxWhen : when)
  } else {
    deleteHeap(pp, i)
  }
  return due
}

/// fire calls a timer's function, unless it is a channel's that was stopped or
/// changed since. No lock of timers may be held. Go: timer.unlockAndRun.
func fire(_ due: DueTimer) {
  guard let t = due.channelTimer else { return due.f(due.arg, due.seq, due.delay) }
  lock(t[].lock)
  if t[].seq == due.seq {
    if t[].period == 0 { t[].armed = false }
    due.f(due.arg, due.seq, due.delay)
  }
  unlock(t[].lock)
}

// Serial tasks.

/// timersreset drops all timers of pp, at the end of a run: nobody is left to wake.
/// The world must be stopped.
func timersreset(_ pp: PPtr) {
  while true {
    lock(pp[].timers.lock)
    let heap = pp[].timers.heap
    var dropped: UnsafeMutableRawPointer? = nil
    while dropped == nil, heap[].count > 0 {
      let i = heap[].count &- 1
      let tw = heap[].entries[i]
      deleteHeap(pp, i)
      if !tw.tracked { continue }
      switch tw.timer[].kind {
      case .channel: tw.timer[].armed = false
      case .function: dropped = tw.timer[].arg
      case .sleep, .deadline: break
      }
    }
    updateMinWhen(pp)
    unlock(pp[].timers.lock)
    guard let dropped else { return }
    // Released by run's caller: that may run the program's code.
    boot[].dropped.append(AfterFunc.take(UInt(bitPattern: dropped)))
  }
}
