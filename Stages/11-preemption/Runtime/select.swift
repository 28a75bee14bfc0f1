// SPDX-License-Identifier: Apache-2.0
//
// Select.                                              Go: src/runtime/select.go
//
// Looks which cases are ready and tries a random one of them. If none is ready: waits in
// the queues of all. Whoever comes first wakes the goroutine (selectDone decides), which
// then leaves the other queues.
//
// Go tries the cases in an order drawn beforehand. To draw among those that are
// ready comes to the same, and costs nothing where fewer than two are.
//
// Invariants:
//   gp.selectDone is 0 unless a sudog of gp's select was chosen and gp has not left
//   all queues yet.

import Synchronization

/// A case: a send from elem, or a receive to it. Without c, never ready.
@usableFromInline
struct Scase {
  @usableFromInline
  let c: UnsafeMutableRawPointer?
  @usableFromInline
  let elem: UnsafeMutableRawPointer
  @usableFromInline
  let isSend: Bool

  @inlinable
  init(_ c: UnsafeMutableRawPointer?, _ elem: UnsafeMutableRawPointer, isSend: Bool) {
    self.c = c
    self.elem = elem
    self.isSend = isSend
  }
}

typealias Scases = UnsafeMutablePointer<Scase>

/// Indices of cases in some order.
typealias Order = UnsafeMutableBufferPointer<UInt32>

@inline(__always)
func chan(_ scases: Scases, _ i: UInt32) -> HchanPtr {
  HchanPtr(scases[Int(i)].c.unsafelyUnwrapped)
}

/// block waits for ever.
func block(_ reason: WaitReason) -> Never {
  gopark(nil, nil, reason)
  throwFatal("unreachable")
}

/// ready reports whether cas can be executed; that there is somebody to meet may
/// prove false. Whoever does not hold the lock may be told what has just ceased to
/// be true.
@inline(__always)
private func ready(_ cas: Scase, locked: Bool) -> Bool {
  guard let raw = cas.c else { return false }
  let c = HchanPtr(raw)
  if !locked, let t = c[].timer { maybeRunChan(t) }
  // Relaxed: the answer is a hint, or the lock is held.
  if c[].closed.load(ordering: .relaxed) { return true }
  let q = cas.isSend ? recvq(c) : sendq(c)
  // An atomic has the layout of what it holds, and first is the first field.
  let first = Ptr<Atomic<SudogPtr?>>(q.raw)
  if first[].load(ordering: .relaxed) != nil { return true }
  if c[].dataqsiz == 0 { return false }
  let n = c[].qcount.load(ordering: .relaxed)
  return cas.isSend ? n < c[].dataqsiz : n > 0
}

/// selectready returns one of the cases that are ready, each with the same chance;
/// -1: there is none.
@inline(__always)
func selectready(_ scases: Scases, _ n: Int, locked: Bool) -> Int {
  var chosen = -1
  var nready: UInt32 = 0
  for i in 0..<n where ready(scases[i], locked: locked) {
    nready &+= 1
    if nready == 1 || cheaprandn(nready) == 0 { chosen = i }
  }
  return chosen
}

/// selectgo executes one of n cases and returns its index, and for a receive whether
/// there was a value. -1, which only happens without block: none was ready.
func selectgo(
  _ scases: Scases, _ n: Int, block: Bool
) -> (chosen: Int, received: Bool) {
  let i = selectready(scases, n, locked: false)
  if i >= 0 {
    let result = selectnb(scases[i])
    if result.selected { return (i, result.received) }
  }
  return withScratch(n * MemoryLayout<UInt32>.stride) {
    let order = $0.assumingMemoryBound(to: UInt32.self)
    return selectlocked(scases, lockorder(scases, order, n), n, block: block)
  }
}

/// selectnb executes cas if it is ready.
@inline(__always)
private func selectnb(_ cas: Scase) -> (selected: Bool, received: Bool) {
  let c = HchanPtr(cas.c.unsafelyUnwrapped)
  if cas.isSend { return (chansend(c, cas.elem, block: false), false) }
  return chanrecv(c, cas.elem, block: false)
}

@inline(never)
func sendOnClosed() -> Never { gopanic("send on closed channel") }

/// selectpark waits in every queue, in this order.
@inline(never)
func selectpark(
  _ scases: Scases, _ order: Order
) -> (chosen: Int, received: Bool) {
  let gp = getg()
  if gp[].waiting != nil { throwFatal("gp.waiting != nil") }
  let n = order.count
  if n == 0 { block(.select) }
  let (i, success) = withScratch(n * MemoryLayout<Sudog>.stride) { raw in
    // Enqueue on all.
    let sudogs = raw.assumingMemoryBound(to: Sudog.self)
    var waiting: SudogPtr? = nil
    var k = n
    while k > 0 {
      k &-= 1
      let i = order[k]
      let cas = scases[Int(i)]
      let c = chan(scases, i)
      let sg = SudogPtr(sudogs + k)
      sg.address.initialize(
        to: Sudog(g: gp, elem: cas.elem, isSelect: true, caseIndex: Int32(i)))
      sg[].c = c
      sg[].waitlink = waiting
      waiting = sg
      enqueue(cas.isSend ? sendq(c) : recvq(c), sg)
    }

    gp[].waiting = waiting
    gp[].param = nil
    // Unlocks all that sellock has locked.
    gopark(selparkcommit, nil, .select)

    guard let param = gp[].param else { throwFatal("selectgo: bad wakeup") }
    gp[].param = nil

    // Leave the queues, where sudogs would pile up on quiet channels. The one it
    // was woken by is on none.
    for k in 0..<n {
      let sg = SudogPtr(sudogs + k)
      let c = chan(scases, order[k])
      if sg.raw == param { continue }
      lock(c[].lock)
      waitqRemove(sg)
      unlock(c[].lock)
    }
    // Nobody has a sudog of this select any more who could take it for one that
    // still waits.
    gp[].selectDone.store(0, ordering: .relaxed)
    gp[].waiting = nil
    let sg = SudogPtr(param)
    return (Int(sg[].caseIndex), sg[].success)
  }
  if scases[i].isSend, !success { sendOnClosed() }
  return (i, success)
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

/// selectcomm executes one of n cases, and says for a receive whether there was a
/// value; that of index dflt, unless negative, if none is ready.
@usableFromInline
func selectcomm(
  _ scases: UnsafeMutablePointer<Scase>, _ n: Int, _ dflt: Int
) -> (chosen: Int, received: Bool) {
  let gp = enterRuntime("select")
  if n == 0 { block(.selectNoCases) }
  let ncomm = dflt < 0 ? n : n &- 1
  var result =
    ncomm > 1
    ? selectgo(scases, n, block: dflt < 0) : selectone(scases, n, block: dflt < 0)
  exitRuntime(gp)
  if result.chosen < 0 { result.chosen = dflt }
  return result
}

/// selectone is a simpler way than selectgo for fewer than two cases and otherwise.
@inline(__always)
private func selectone(
  _ scases: Scases, _ n: Int, block blocking: Bool
) -> (chosen: Int, received: Bool) {
  let i = n > 1 && scases[0].c == nil ? 1 : 0
  let cas = scases[i]
  guard let raw = cas.c else {
    if blocking { block(cas.isSend ? .select : .chanReceiveNilChan) }
    return (-1, false)
  }
  let c = HchanPtr(raw)
  if cas.isSend {
    return (chansend(c, cas.elem, block: blocking) ? i : -1, false)
  }
  let (selected, received) = chanrecv(c, cas.elem, block: blocking)
  return (selected ? i : -1, received)
}

// The face of a select: compiled into the program, where the cases are known.

/// What the whole block comes to: an array, or that a case was executed.
public protocol SelectBlock {
  func execute() throws
}

extension [SelectCase]: SelectBlock {
  public func execute() throws {
    try withUnsafeBufferPointer { try rselect(count, $0.baseAddress.unsafelyUnwrapped) }
  }
}

/// A case was executed; the error of its body.
public struct Selected: SelectBlock {
  @usableFromInline
  let error: (any Error)?

  @inlinable @inline(__always)
  init(_ few: SelectFew) {
    do {
      try few.function(nil)
      error = nil
    } catch {
      self.error = error
    }
  }

  @inlinable @inline(__always)
  public func execute() throws { if let error { throw error } }
}

/// The cases of a select, and its memory: Scases, then values. What is received has
/// one place for all cases, since only one is chosen; what is to be sent has one for
/// each.
@usableFromInline
struct SelectFrame {
  @usableFromInline
  let n: Int

  /// The otherwise case, or -1.
  @usableFromInline
  var dflt = -1

  /// How much memory the values need.
  @usableFromInline
  var received = 0
  @usableFromInline
  var sent = 0

  @inlinable @inline(__always)
  init(_ n: Int) { self.n = n }

  @inlinable @inline(__always)
  var values: Int { n &* MemoryLayout<Scase>.stride }

  @inlinable @inline(__always)
  var size: Int { values &+ received &+ sent }

  @inlinable @inline(__always)
  mutating func add(_ i: Int, _ cas: borrowing SelectCase) {
    if cas.isOtherwise {
      if dflt >= 0 { fatalError("multiple defaults in select") }
      dflt = i
    }
    let size = cas.size &+ cas.align &- 1
    if cas.isSend { sent &+= size } else if size > received { received = size }
  }

  /// Before the choice. next is where a value to be sent may go.
  @inlinable @inline(__always)
  func prepare(
    _ i: Int, _ cas: borrowing SelectCase, _ raw: UnsafeMutableRawPointer,
    _ next: inout UnsafeMutableRawPointer
  ) {
    let free = cas.isSend ? next : raw + values
    let elem = free.alignedUp(toMultipleOf: cas.align)
    (raw.assumingMemoryBound(to: Scase.self) + i).initialize(
      to: Scase(cas.hchan, elem, isSend: cas.isSend))
    guard cas.isSend else { return }
    if cas.hchan != nil { try! cas.perform(.copy, elem) }
    next = elem + cas.size
  }

  /// After it. Of the copies, the chosen one now belongs to a receiver.
  @inlinable @inline(__always)
  func clean(
    _ i: Int, _ cas: borrowing SelectCase, _ scases: UnsafeMutablePointer<Scase>,
    _ chosen: Int
  ) {
    // Until here the channel is in use.
    withExtendedLifetime(cas.channel) {}
    if cas.isSend, cas.hchan != nil, i != chosen {
      try! cas.perform(.drop, scases[i].elem)
    }
  }
}

/// Go: reflect_rselect. Executes one of the first n of these cases, then its body.
@inlinable @inline(__always)
func rselect(
  _ n: Int, _ a: SelectCase, _ b: SelectCase, _ c: SelectCase, _ d: SelectCase,
  _ e: SelectCase
) throws {
  var frame = SelectFrame(n)
  frame.add(0, a)
  if n > 1 { frame.add(1, b) }
  if n > 2 { frame.add(2, c) }
  if n > 3 { frame.add(3, d) }
  if n > 4 { frame.add(4, e) }
  try withUnsafeTemporaryAllocation(byteCount: frame.size, alignment: 16) {
    let raw = $0.baseAddress.unsafelyUnwrapped
    let scases = raw.assumingMemoryBound(to: Scase.self)
    var next = raw + frame.values + frame.received
    frame.prepare(0, a, raw, &next)
    if n > 1 { frame.prepare(1, b, raw, &next) }
    if n > 2 { frame.prepare(2, c, raw, &next) }
    if n > 3 { frame.prepare(3, d, raw, &next) }
    if n > 4 { frame.prepare(4, e, raw, &next) }
    let (i, received) = selectcomm(scases, n, frame.dflt)
    frame.clean(0, a, scases, i)
    if n > 1 { frame.clean(1, b, scases, i) }
    if n > 2 { frame.clean(2, c, scases, i) }
    if n > 3 { frame.clean(3, d, scases, i) }
    if n > 4 { frame.clean(4, e, scases, i) }
    let elem = received ? scases[i].elem : nil
    if i == 0 { try a.perform(.run, elem) }
    if n > 1, i == 1 { try b.perform(.run, elem) }
    if n > 2, i == 2 { try c.perform(.run, elem) }
    if n > 3, i == 3 { try d.perform(.run, elem) }
    if n > 4, i == 4 { try e.perform(.run, elem) }
  }
}

/// The same for n cases at a.
func rselect(_ n: Int, _ a: UnsafePointer<SelectCase>) throws {
  var frame = SelectFrame(n)
  for i in 0..<n { frame.add(i, a[i]) }
  try withScratch(max(frame.size, 1)) { raw in
    let scases = raw.assumingMemoryBound(to: Scase.self)
    var next = raw + frame.values + frame.received
    for i in 0..<n { frame.prepare(i, a[i], raw, &next) }
    let (i, received) = selectcomm(scases, n, frame.dflt)
    for j in 0..<n { frame.clean(j, a[j], scases, i) }
    try a[i].perform(.run, received ? scases[i].elem : nil)
  }
}
