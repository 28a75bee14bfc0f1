// SPDX-License-Identifier: Apache-2.0
//
// The locks of a select.                                  Go: src/runtime/select.go
//
// Choosing what is ready takes only its own lock; that none is ready can only be said
// with all of them. They are locked in the order of their addresses, so that two selects
// never wait for each other.
//
// Invariants:
//   gp.waiting lists the sudogs of a parked select in lock order.
//   Once the last lock is released on g0 the goroutine may run elsewhere: nothing
//   of its stack is touched any more.

import Synchronization

@inline(__always)
private func sellock(_ scases: Scases, _ lockorder: Order) {
  var last: HchanPtr? = nil
  for i in lockorder {
    let c = chan(scases, i)
    if c != last { lock(c[].lock) }
    last = c
  }
}

@inline(__always)
private func selunlock(_ scases: Scases, _ lockorder: Order) {
  var last: HchanPtr? = nil
  for i in lockorder {
    let c = chan(scases, i)
    if c != last { unlock(c[].lock) }
    last = c
  }
}

/// Unlocks what sellock locked, with the goroutine off its stack.
let selparkcommit: UnlockFunc = { raw, _ in
  // As soon as a channel is unlocked its sudogs may change, so that is done after
  // the last of them has been read.
  var last: HchanPtr? = nil
  var next = GPtr(raw)[].waiting
  while let sg = next {
    let c = sg[].c
    if let last, last != c { unlock(last[].lock) }
    last = c
    next = sg[].waitlink
  }
  if let last { unlock(last[].lock) }
  return true
}

/// The cases that can be ready, by the addresses of their channels: sorted by
/// insertion where they are few, first over long distances where they are many.
@inline(__always)
func lockorder(
  _ scases: Scases, _ order: UnsafeMutablePointer<UInt32>, _ n: Int
) -> Order {
  // From the order of the program, which is the same each time.
  var norder = 0
  for i in 0..<n where scases[i].c != nil {
    order[norder] = UInt32(truncatingIfNeeded: i)
    norder &+= 1
  }
  var gap = norder < 16 ? 1 : norder / 2
  while gap > 0 {
    var i = gap
    while i < norder {
      let o = order[i]
      let key = chan(scases, o).address
      var j = i
      while j >= gap, chan(scases, order[j &- gap]).address > key {
        order[j] = order[j &- gap]
        j &-= gap
      }
      order[j] = o
      i &+= 1
    }
    gap = gap > 2 ? gap * 5 / 11 : gap / 2
  }
  // Those of one channel wait in one queue: a random order for them.
  var first = 0
  for k in 0..<norder {
    if chan(scases, order[k]) != chan(scases, order[first]) { first = k }
    if k > first {
      let j = first &+ Int(cheaprandn(UInt32(truncatingIfNeeded: k &- first &+ 1)))
      (order[j], order[k]) = (order[k], order[j])
    }
  }
  return Order(start: order, count: norder)
}

/// The rest of selectgo, with all locks.
func selectlocked(
  _ scases: Scases, _ lockorder: Order, _ n: Int, block: Bool
) -> (chosen: Int, received: Bool) {
  sellock(scases, lockorder)
  while true {
    let i = selectready(scases, n, locked: true)
    if i < 0 { break }
    let result = selectheld(scases, i, lockorder)
    if result.selected { return (i, result.received) }
    // Those who waited there were being woken by others, and are off the queue.
  }
  if block { return selectpark(scases, lockorder) }
  selunlock(scases, lockorder)
  return (-1, false)
}

/// selectheld executes case i if somebody or something is there to meet. The
/// channels must be locked; they are unlocked if so.
@inline(never)
private func selectheld(
  _ scases: Scases, _ i: Int, _ lockorder: Order
) -> (selected: Bool, received: Bool) {
  let cas = scases[i]
  let c = HchanPtr(cas.c.unsafelyUnwrapped)
  let closed = c[].closed.load(ordering: .relaxed)
  let qcount = c[].qcount.load(ordering: .relaxed)
  if cas.isSend {
    if closed {
      selunlock(scases, lockorder)
      sendOnClosed()
    }
    if let sg = dequeue(recvq(c)) {
      let gp = send(c, sg, cas.elem)
      selunlock(scases, lockorder)
      goready(gp)
      return (true, false)
    }
    if qcount == c[].dataqsiz { return (false, false) }
    bufsend(c, cas.elem)
  } else {
    if let sg = dequeue(sendq(c)) {
      let gp = recv(c, sg, cas.elem)
      selunlock(scases, lockorder)
      goready(gp)
      return (true, true)
    }
    if qcount == 0, !closed { return (false, false) }
    if qcount > 0 { bufrecv(c, cas.elem) }
  }
  selunlock(scases, lockorder)
  return (true, !cas.isSend && qcount > 0)
}
