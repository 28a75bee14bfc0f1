// SPDX-License-Identifier: Apache-2.0
//
// Queues of waiters, of channels and semaphores.          Go: src/runtime/chan.go
//
// A goroutine that waits is on a queue by a sudog of its own; in a select, on several
// at once, of which whoever wakes it must win it (selectDone).

import Synchronization

/// The first waiter, as those see it who do not hold the lock of the queue.
@inline(__always)
func head(_ q: WaitqPtr) -> Ptr<Atomic<SudogPtr?>> {
  // An atomic has the layout of what it holds, and first is the first field.
  Ptr(q.raw)
}

/// enqueue adds sg at the end of q. The lock of q must be held.
@inline(__always)
func enqueue(_ q: WaitqPtr, _ sg: SudogPtr) {
  sg[].waitq = q
  sg[].next = nil
  sg[].prev = q[].last
  if let last = q[].last {
    last[].next = sg
  } else {
    head(q)[].store(sg, ordering: .relaxed)
  }
  q[].last = sg
}

/// dequeue takes the first waiter that nobody has woken by another case of its
/// select. The lock of q must be held.
@inline(__always)
func dequeue(_ q: WaitqPtr) -> SudogPtr? {
  while let sg = q[].first {
    waitqRemove(sg)
    // Between being woken by one channel and locking the others, a select still
    // has sudogs on their queues; selectDone says so. Relaxed: what is read of
    // the winner was written under this queue's lock.
    if !sg[].isSelect
      || sg[].g[].selectDone.compareExchange(
        expected: 0, desired: 1, ordering: .relaxed
      ).exchanged
    {
      return sg
    }
  }
  return nil
}

/// waitqRemove takes sg off the queue it is on, if any. The lock of that queue must
/// be held, or the world be stopped. Go: dequeueSudoG.
@inline(__always)
func waitqRemove(_ sg: SudogPtr) {
  guard let q = sg[].waitq else { return }
  let next = sg[].next
  let prev = sg[].prev
  if let prev {
    prev[].next = next
  } else {
    head(q)[].store(next, ordering: .relaxed)
  }
  if let next { next[].prev = prev } else { q[].last = prev }
  sg[].waitq = nil
  sg[].next = nil
  sg[].prev = nil
}
