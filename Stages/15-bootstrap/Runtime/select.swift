// SPDX-License-Identifier: Apache-2.0
//
// Select.                                              Go: src/runtime/select.go
//
// Tries the cases one by one, in random order, so that none is preferred. If none
// is ready: locks every channel, in the order of their addresses, so that two
// selects never wait for each other; tries again; and waits in the queues of all.
// Whoever comes first wakes the goroutine (selectDone decides), which then leaves
// the other queues.
//
// Invariants:
//   gp.waiting lists the sudogs of a parked select in lock order.
//   Once the last lock is released on g0 the goroutine may run elsewhere: nothing
//   of its stack is touched any more.

import Synchronization

/// A case: a send from elem, or a receive to it. Without c, never ready.
struct Scase {
  let c: HchanPtr?
  let elem: UnsafeMutableRawPointer
  let isSend: Bool
}

typealias Scases = UnsafeMutablePointer<Scase>

/// Indices of cases in some order.
typealias Order = UnsafeMutableBufferPointer<UInt32>

@inline(__always)
private func chan(_ scases: Scases, _ i: UInt32) -> HchanPtr {
  scases[Int(i)].c.unsafelyUnwrapped
}

private func sellock(_ scases: Scases, _ lockorder: Order) {
  var last: HchanPtr? = nil
  for i in lockorder {
    let c = chan(scases, i)
    if c != last { lock(c[].lock) }
    last = c
  }
}

private func selunlock(_ scases: Scases, _ lockorder: Order) {
  var last: HchanPtr? = nil
  for i in lockorder {
    let c = chan(scases, i)
    if c != last { unlock(c[].lock) }
    last = c
  }
}

/// Unlocks what sellock locked, with the goroutine off its stack.
private let selparkcommit: UnlockFunc = { raw, _ in
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

/// block waits for ever.
func block(_ reason: WaitReason) -> Never {
  gopark(nil, nil, reason)
  throwFatal("unreachable")
}

/// selectgo executes one of n cases and returns its index, and for a receive whether
/// there was a value. -1, which only happens without block: none was ready. order is
/// memory for twice n indices.
func selectgo(
  _ scases: Scases, _ order: UnsafeMutablePointer<UInt32>, _ n: Int, block: Bool
) -> (chosen: Int, received: Bool) {
  // A random order of those that can be ready.
  var norder = 0
  for i in 0..<n where scases[i].c != nil {
    let j = Int(cheaprandn(UInt32(truncatingIfNeeded: norder &+ 1)))
    order[norder] = order[j]
    order[j] = UInt32(truncatingIfNeeded: i)
    norder &+= 1
  }
  let pollorder = Order(start: order, count: norder)

  // Pass 0: one by one. Choosing what is ready takes only its own lock; that none
  // is ready can only be said with all of them.
  for i in pollorder {
    let result = selectnb(scases[Int(i)])
    if result.selected { return (Int(i), result.received) }
  }

  let lockorder = Order(start: order + n, count: norder)
  _ = lockorder.initialize(fromContentsOf: pollorder)
  sortByChannel(scases, lockorder)
  sellock(scases, lockorder)

  // Pass 1: something that is already waiting.
  for i in pollorder {
    let cas = scases[Int(i)]
    let c = cas.c.unsafelyUnwrapped
    let closed = c[].closed.load(ordering: .relaxed)
    let qcount = c[].qcount.load(ordering: .relaxed)
    if cas.isSend {
      if closed { sendOnClosed(scases, lockorder) }
      if let sg = dequeue(recvq(c)) {
        let gp = send(c, sg, cas.elem)
        selunlock(scases, lockorder)
        goready(gp)
        return (Int(i), false)
      }
      if qcount < c[].dataqsiz {
        bufsend(c, cas.elem)
        selunlock(scases, lockorder)
        return (Int(i), false)
      }
    } else {
      if let sg = dequeue(sendq(c)) {
        let gp = recv(c, sg, cas.elem)
        selunlock(scases, lockorder)
        goready(gp)
        return (Int(i), true)
      }
      if qcount > 0 {
        bufrecv(c, cas.elem)
        selunlock(scases, lockorder)
        return (Int(i), true)
      }
      if closed {
        selunlock(scases, lockorder)
        return (Int(i), false)
      }
    }
  }

  if !block {
    selunlock(scases, lockorder)
    return (-1, false)
  }
  return selectpark(scases, lockorder)
}

/// selectnb executes cas if it is ready.
private func selectnb(_ cas: Scase) -> (selected: Bool, received: Bool) {
  let c = cas.c.unsafelyUnwrapped
  if cas.isSend { return (chansend(c, cas.elem, block: false), false) }
  return chanrecv(c, cas.elem, block: false)
}

@inline(never)
private func sendOnClosed(_ scases: Scases, _ lockorder: Order) -> Never {
  selunlock(scases, lockorder)
  gopanic("send on closed channel")
}

/// Sorts by the addresses of the channels, in place: by insertion where they are
/// few, first over long distances where they are many.
private func sortByChannel(_ scases: Scases, _ lockorder: Order) {
  let n = lockorder.count
  var gap = n < 16 ? 1 : n / 2
  while gap > 0 {
    for i in gap..<max(n, gap) {
      let o = lockorder[i]
      let key = chan(scases, o).address
      var j = i
      while j >= gap, chan(scases, lockorder[j - gap]).address > key {
        lockorder[j] = lockorder[j - gap]
        j -= gap
      }
      lockorder[j] = o
    }
    gap = gap > 2 ? gap * 5 / 11 : gap / 2
  }
}

/// The rest of selectgo: waits in every queue. The channels must be locked; they
/// are unlocked.
@inline(never)
private func selectpark(
  _ scases: Scases, _ lockorder: Order
) -> (chosen: Int, received: Bool) {
  let gp = getg()
  if gp[].waiting != nil { throwFatal("gp.waiting != nil") }
  let n = lockorder.count
  if n == 0 { block(.select) }
  let woken = withScratch(n * MemoryLayout<Sudog>.stride) { raw -> Woken in
    // Pass 2: enqueue on all.
    let sudogs = raw.assumingMemoryBound(to: Sudog.self)
    var k = n
    while k > 0 {
      k &-= 1
      let i = lockorder[k]
      let cas = scases[Int(i)]
      let sg = SudogPtr(sudogs + k)
      sg.address.initialize(
        to: Sudog(g: gp, elem: cas.elem, isSelect: true, caseIndex: Int32(i)))
      sg[].c = cas.c
      sg[].waitlink = gp[].waiting
      gp[].waiting = sg
      let c = cas.c.unsafelyUnwrapped
      enqueue(cas.isSend ? sendq(c) : recvq(c), sg)
      if c[].timer != nil { blockTimerChan(c) }
    }

    gp[].param = nil
    gopark(selparkcommit, nil, .select)

    sellock(scases, lockorder)
    gp[].selectDone.store(0, ordering: .relaxed)
    let param = gp[].param
    gp[].param = nil
    gp[].waiting = nil

    // Pass 3: leave the queues, where sudogs would pile up on quiet channels. The
    // one it was woken by is on none.
    for k in 0..<n {
      let sg = SudogPtr(sudogs + k)
      let c = chan(scases, lockorder[k])
      if c[].timer != nil { unblockTimerChan(c) }
      waitqRemove(sg)
    }
    guard let param else { throwFatal("selectgo: bad wakeup") }
    let sg = SudogPtr(param)
    return Woken(chosen: Int(sg[].caseIndex), success: sg[].success)
  }

  if scases[woken.chosen].isSend, !woken.success { sendOnClosed(scases, lockorder) }
  selunlock(scases, lockorder)
  return (woken.chosen, woken.success)
}

private struct Woken {
  let chosen: Int
  let success: Bool
}

/// Memory of the calling frame, if size is small, else of the heap.
@inline(__always)
func withScratch<R>(
  _ size: Int, _ body: (UnsafeMutableRawPointer) throws -> R
) rethrows -> R {
  try withUnsafeTemporaryAllocation(byteCount: size, alignment: 16) {
    try body($0.baseAddress.unsafelyUnwrapped)
  }
}

/// Go: reflect_rselect. Executes one of the cases, then its body.
@usableFromInline
func rselect(_ cases: UnsafeBufferPointer<SelectCase>) throws {
  if cases.isEmpty {
    _ = enterRuntime("select")
    block(.selectNoCases)
  }
  let plan = SelectPlan(cases)
  try withScratch(plan.size) { try rselect1(cases, plan, $0) }
}

/// What cases there are, and how the memory for them is laid out: Scases, orders,
/// values. What is received has one place for all cases, since only one is chosen;
/// what is to be sent has one for each.
private struct SelectPlan {
  /// The otherwise case, or -1.
  var dflt = -1

  /// How many others there are, and one of them.
  var ncomm = 0
  var comm = -1

  /// Where orders and values begin.
  let order: Int
  let values: Int

  /// Sizes of the places, and the alignment of all.
  var received = 0
  var sent = 0
  var align = 16

  var size: Int { values + (align - 16) + received + sent }

  init(_ cases: UnsafeBufferPointer<SelectCase>) {
    order = cases.count * MemoryLayout<Scase>.stride
    values = (order + cases.count * 2 * MemoryLayout<UInt32>.stride + 15) & -16
    for i in cases.indices {
      if let c = cases[i].hchan { align = max(align, HchanPtr(c)[].elemalign) }
    }
    for i in cases.indices {
      let n = place(cases[i].hchan)
      switch cases[i].kind {
      case .otherwise:
        if dflt >= 0 { fatalError("multiple defaults in select") }
        dflt = i
        continue
      case .receive:
        received = max(received, n)
      case .send:
        sent += n
      }
      ncomm += 1
      comm = i
    }
  }

  /// The size of a place for a value of channel c: never 0, since a case may store
  /// all of its bits.
  func place(_ c: UnsafeMutableRawPointer?) -> Int {
    guard let c else { return 0 }
    return (max(HchanPtr(c)[].elemsize, 1) + align - 1) & -align
  }
}

private func rselect1(
  _ cases: UnsafeBufferPointer<SelectCase>,
  _ plan: SelectPlan,
  _ raw: UnsafeMutableRawPointer
) throws {
  let scases = raw.assumingMemoryBound(to: Scase.self)
  let received = (raw + plan.values).alignedUp(toMultipleOf: plan.align)
  var next = received + plan.received
  for i in cases.indices {
    let c = cases[i].hchan
    let isSend = cases[i].kind == .send
    (scases + i).initialize(
      to: Scase(
        c: c.map { HchanPtr($0) }, elem: isSend ? next : received, isSend: isSend))
    guard isSend, c != nil else { continue }
    try step(cases, i, .copy, next)
    next += plan.place(c)
  }

  let gp = enterRuntime("select")
  let result = selectcomm(scases, cases.count, plan, raw)
  exitRuntime(gp)

  // Of the copies, the chosen one now belongs to a receiver.
  for i in cases.indices where i != result.chosen {
    guard scases[i].isSend, scases[i].c != nil else { continue }
    try step(cases, i, .drop, scases[i].elem)
  }
  let chosen = result.chosen < 0 ? plan.dflt : result.chosen
  try step(cases, chosen, .run, result.received ? received : nil)
}

@inline(__always)
private func step(
  _ cases: UnsafeBufferPointer<SelectCase>,
  _ i: Int,
  _ step: SelectCase.Step,
  _ elem: UnsafeMutableRawPointer?
) throws {
  let cas = cases.baseAddress.unsafelyUnwrapped + i
  try cas.pointee.witness(cas, step, elem)
}

/// selectcomm executes one of the cases, by a simpler way than selectgo if there are
/// fewer than two beside otherwise.
private func selectcomm(
  _ scases: Scases, _ n: Int, _ plan: SelectPlan, _ raw: UnsafeMutableRawPointer
) -> (chosen: Int, received: Bool) {
  let blocking = plan.dflt < 0
  if plan.ncomm == 0 { return (-1, false) }
  if plan.ncomm > 1 {
    let order = (raw + plan.order).assumingMemoryBound(to: UInt32.self)
    return selectgo(scases, order, n, block: blocking)
  }
  let cas = scases[plan.comm]
  guard let c = cas.c else {
    if blocking { block(cas.isSend ? .select : .chanReceiveNilChan) }
    return (-1, false)
  }
  if cas.isSend {
    return (chansend(c, cas.elem, block: blocking) ? plan.comm : -1, false)
  }
  let (selected, received) = chanrecv(c, cas.elem, block: blocking)
  return (selected ? plan.comm : -1, received)
}
