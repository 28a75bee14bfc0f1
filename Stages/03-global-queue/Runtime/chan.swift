// SPDX-License-Identifier: Apache-2.0
//
// Channels.                                            Go: src/runtime/chan.go
//
// A channel is a ring of slots and two queues of waiting goroutines. The
// code is untyped: a value is moved as bytes, from the sender's memory to a slot
// or straight to the receiver's memory, which may lie on another goroutine's
// stack. Ownership moves with the bytes: afterwards the source is uninitialised
// and the destination initialised; where nothing was sent or received, neither
// has changed.
//
// Invariants, while nobody is at it:
//   At most one of sendq and recvq has waiters, unless one goroutine waits in both
//   by a select over an unbuffered channel.
//   qcount > 0 implies that recvq is empty.
//   qcount < dataqsiz implies that sendq is empty.
//   A sudog is on a queue exactly when its waitq names that queue.
//   The qcount slots from recvx on, around the ring, are initialised.

import Synchronization

/// The lock and the queues fill the first cache line, to which a channel is aligned.
struct Hchan: ~Copyable {
  /// Protects what follows, and the sudogs queued here. First, so that the address
  /// of a channel is that of its lock.
  let lock = Mutex()

  // Protected by lock.

  var recvq = Waitq()
  var sendq = Waitq()

  // Atomic: read by anybody, who may be late.

  /// Slots in use.
  let qcount = Atomic(0)

  let closed = Atomic(false)

  // Fixed at creation.

  /// Slots.
  let dataqsiz: Int

  /// The slots, which are part of the channel's own memory.
  let buf: UnsafeMutableRawPointer

  /// From one slot to the next, and what is copied to move a value; -1: the bytes
  /// must not be moved, ask the type.
  let elemsize: Int
  let movesize: Int
  let elemalign: Int
  let elemtype: Any.Type

  // Protected as the queues are.

  /// The slot for the next value sent, and the slot of the next one received.
  var sendx = 0
  var recvx = 0
}

/// The largest buffer, in bytes.
private let maxAlloc = 1 << 47

/// makechan returns a channel of T with size slots. Can be executed on any thread.
@usableFromInline
func makechan<T>(_: T.Type, _ size: Int) -> UnsafeMutableRawPointer {
  // Without bytes there is nothing to keep: the slots share an address.
  let elemsize = MemoryLayout<T>.size == 0 ? 0 : MemoryLayout<T>.stride
  let (mem, overflow) = elemsize.multipliedReportingOverflow(by: size)
  if size < 0 || overflow || mem > maxAlloc {
    fatalError("makechan: size out of range")
  }
  let align = max(MemoryLayout<T>.alignment, 64)
  let header = (MemoryLayout<Hchan>.size + align - 1) & -align
  let raw = UnsafeMutableRawPointer.allocate(
    byteCount: header + mem, alignment: align)
  raw.initializeMemory(
    as: Hchan.self,
    to: Hchan(
      dataqsiz: size,
      buf: raw + header,
      elemsize: elemsize,
      movesize: _isBitwiseTakable(T.self) ? elemsize : -1,
      elemalign: MemoryLayout<T>.alignment,
      elemtype: T.self
    )
  )
  return raw
}

/// chanfree ends a channel that nobody can reach any more, with the values in it.
/// Can be executed on any thread.
@usableFromInline
func chanfree(_ raw: UnsafeMutableRawPointer) {
  let c = HchanPtr(raw)
  var n = c[].qcount.load(ordering: .relaxed)
  while n > 0 {
    typedmemclr(c, chanbuf(c, c[].recvx))
    c[].recvx = next(c, c[].recvx)
    n &-= 1
  }
  c.address.deinitialize(count: 1)
  raw.deallocate()
}

@inline(__always)
func recvq(_ c: HchanPtr) -> WaitqPtr {
  withUnsafeMutablePointer(to: &c[].recvq) { WaitqPtr($0) }
}

@inline(__always)
func sendq(_ c: HchanPtr) -> WaitqPtr {
  withUnsafeMutablePointer(to: &c[].sendq) { WaitqPtr($0) }
}

@inline(__always)
func chanlock(_ c: HchanPtr) -> UnsafeMutablePointer<Mutex> {
  c.raw.assumingMemoryBound(to: Mutex.self)
}

/// The i-th slot.
@inline(__always)
private func chanbuf(_ c: HchanPtr, _ i: Int) -> UnsafeMutableRawPointer {
  c[].buf + i &* c[].elemsize
}

/// The slot after the i-th.
@inline(__always)
private func next(_ c: HchanPtr, _ i: Int) -> Int {
  i &+ 1 == c[].dataqsiz ? 0 : i &+ 1
}

// Values.

/// typedmemmove moves the value at src to dst.
@inline(__always)
private func typedmemmove(
  _ c: HchanPtr, _ dst: UnsafeMutableRawPointer, _ src: UnsafeMutableRawPointer
) {
  switch c[].movesize {
  case 8:
    dst.storeBytes(of: src.loadUnaligned(as: UInt64.self), as: UInt64.self)
  case 16:
    dst.storeBytes(of: src.loadUnaligned(as: Words.self), as: Words.self)
  default:
    typedmemmove1(c, dst, src)
  }
}

private typealias Words = SIMD2<UInt64>

@inline(never)
private func typedmemmove1(
  _ c: HchanPtr, _ dst: UnsafeMutableRawPointer, _ src: UnsafeMutableRawPointer
) {
  switch c[].movesize {
  case 0:
    break
  case 1:
    dst.storeBytes(of: src.load(as: UInt8.self), as: UInt8.self)
  case 4:
    dst.storeBytes(of: src.loadUnaligned(as: UInt32.self), as: UInt32.self)
  case -1:
    moveInitialize(c[].elemtype, dst, src)
  case let n:
    dst.copyMemory(from: src, byteCount: n)
  }
}

private func moveInitialize<T>(
  _: T.Type, _ dst: UnsafeMutableRawPointer, _ src: UnsafeMutableRawPointer
) {
  dst.moveInitializeMemory(
    as: T.self, from: src.assumingMemoryBound(to: T.self), count: 1)
}

/// typedmemclr destroys the value at p.
private func typedmemclr(_ c: HchanPtr, _ p: UnsafeMutableRawPointer) {
  deinitialize(c[].elemtype, p)
}

private func deinitialize<T>(_: T.Type, _ p: UnsafeMutableRawPointer) {
  p.assumingMemoryBound(to: T.self).deinitialize(count: 1)
}

// Sending.

/// chansend sends the value at ep; false, which only happens without block: it was
/// not possible at once.
@inline(__always)
func chansend(_ c: HchanPtr, _ ep: UnsafeMutableRawPointer, block: Bool) -> Bool {
  // Failing without the lock. A closed channel cannot become full, so if it was
  // open and then seen full, or seen full and then open, there was a moment at
  // which it was both.
  if !block, !c[].closed.load(ordering: .relaxed), full(c) { return false }

  prefetchwaiter(recvq(c))
  lock(c[].lock)
  if c[].closed.load(ordering: .relaxed) { sendOnClosed(c) }

  if let sg = dequeue(recvq(c)) {
    // Past the buffer, which is empty.
    let gp = send(c, sg, ep)
    // A goroutine is never readied while a channel's lock is held.
    unlock(c[].lock)
    goready(gp)
    return true
  }
  if c[].qcount.load(ordering: .relaxed) < c[].dataqsiz {
    bufsend(c, ep)
    unlock(c[].lock)
    return true
  }
  if !block {
    unlock(c[].lock)
    return false
  }
  chansendpark(c, ep)
  return true
}

@inline(never)
private func sendOnClosed(_ c: HchanPtr) -> Never {
  unlock(c[].lock)
  gopanic("send on closed channel")
}

/// The rest of chansend: waits until a receiver takes the value.
@inline(never)
private func chansendpark(_ c: HchanPtr, _ ep: UnsafeMutableRawPointer) {
  let success = chanpark(c, ep, sendq(c), .chanSend)
  if success { return }
  if !c[].closed.load(ordering: .relaxed) { throwFatal("chansend: spurious wakeup") }
  gopanic("send on closed channel")
}

/// chanpark waits in q; true: for a value that has moved from or to ep; false: the
/// channel was closed.
@inline(__always)
private func chanpark(
  _ c: HchanPtr,
  _ ep: UnsafeMutableRawPointer?,
  _ q: WaitqPtr,
  _ reason: WaitReason
) -> Bool {
  let gp = getg()
  gp[].sudog = Sudog(g: gp, elem: ep)
  let mysg = SudogPtr(addressOf(&gp[].sudog))
  mysg[].c = c
  gp[].waiting = mysg
  gp[].param = nil
  enqueue(q, mysg)
  goparkunlock(chanlock(c), reason)

  if gp[].waiting != mysg { throwFatal("G waiting list is corrupted") }
  gp[].waiting = nil
  gp[].param = nil
  return mysg[].success
}

/// send gives the value at ep to sg, a receiver that was taken off the queue of c,
/// which must be empty. Returns the goroutine, for the caller to ready. Nobody else may
/// be at c.
@inline(__always)
func send(_ c: HchanPtr, _ sg: SudogPtr, _ ep: UnsafeMutableRawPointer) -> GPtr {
  if let dst = sg[].elem { typedmemmove(c, dst, ep) } else { typedmemclr(c, ep) }
  return woken(sg, success: true)
}

/// woken tells sg's goroutine by which of its sudogs it was woken, and returns it.
@inline(__always)
private func woken(_ sg: SudogPtr, success: Bool) -> GPtr {
  let gp = sg[].g
  sg[].elem = nil
  sg[].success = success
  gp[].param = sg.raw
  return gp
}

/// bufsend puts the value at ep into a free slot. Nobody else may be at c.
@inline(__always)
func bufsend(_ c: HchanPtr, _ ep: UnsafeMutableRawPointer) {
  typedmemmove(c, chanbuf(c, c[].sendx), ep)
  c[].sendx = next(c, c[].sendx)
  let n = c[].qcount.load(ordering: .relaxed)
  c[].qcount.store(n &+ 1, ordering: .relaxed)
}

/// Go: close(c).
@usableFromInline
func closechan(_ raw: UnsafeMutableRawPointer) {
  let entered = enterRuntime("Channel.close")
  let c = HchanPtr(raw)
  lock(c[].lock)
  if c[].closed.load(ordering: .relaxed) {
    unlock(c[].lock)
    gopanic("close of closed channel")
  }
  // release: whoever only looks at it sees the values sent before.
  c[].closed.store(true, ordering: .releasing)

  // The receivers, then the senders, which will panic.
  var glist = GList()
  while let sg = dequeue(recvq(c)) { glist.push(woken(sg, success: false)) }
  while let sg = dequeue(sendq(c)) { glist.push(woken(sg, success: false)) }
  unlock(c[].lock)

  while let gp = glist.pop() { goready(gp) }
  exitRuntime(entered)
}

// Receiving.

/// chanrecv receives a value into ep; where ep is nil it is destroyed. Not selected,
/// which only happens without block: it was not possible at once. Selected but not
/// received: the channel is closed and empty, and ep has not been touched.
@inline(__always)
func chanrecv(
  _ c: HchanPtr, _ ep: UnsafeMutableRawPointer?, block: Bool
) -> (selected: Bool, received: Bool) {
  // Failing without the lock. Open after it was empty: it was both. Closed and
  // then still empty: it stays so.
  if !block, empty(c) {
    // seq-cst: neither look at empty may move past this one.
    if !c[].closed.load(ordering: .sequentiallyConsistent) { return (false, false) }
    if empty(c) { return (true, false) }
  }

  prefetchwaiter(sendq(c))
  lock(c[].lock)
  if c[].closed.load(ordering: .relaxed) {
    if c[].qcount.load(ordering: .relaxed) == 0 {
      unlock(c[].lock)
      return (true, false)
    }
  } else if let sg = dequeue(sendq(c)) {
    let gp = recv(c, sg, ep)
    unlock(c[].lock)
    goready(gp)
    return (true, true)
  }
  if c[].qcount.load(ordering: .relaxed) > 0 {
    bufrecv(c, ep)
    unlock(c[].lock)
    return (true, true)
  }
  if !block {
    unlock(c[].lock)
    return (false, false)
  }
  return (true, chanrecvpark(c, ep))
}

/// The rest of chanrecv: waits for a value or for close.
@inline(never)
private func chanrecvpark(_ c: HchanPtr, _ ep: UnsafeMutableRawPointer?) -> Bool {
  chanpark(c, ep, recvq(c), .chanReceive)
}

/// recv takes the oldest value to ep and makes room for that of sg, a sender that
/// was taken off the queue of c, which must be full. Returns the goroutine, for the
/// caller to ready. Nobody else may be at c.
@inline(__always)
func recv(_ c: HchanPtr, _ sg: SudogPtr, _ ep: UnsafeMutableRawPointer?) -> GPtr {
  let src = sg[].elem.unsafelyUnwrapped
  if c[].dataqsiz == 0 {
    if let ep { typedmemmove(c, ep, src) } else { typedmemclr(c, src) }
  } else {
    // In a full ring the oldest slot is also the next to be filled.
    let qp = chanbuf(c, c[].recvx)
    if let ep { typedmemmove(c, ep, qp) } else { typedmemclr(c, qp) }
    typedmemmove(c, qp, src)
    c[].recvx = next(c, c[].recvx)
    c[].sendx = c[].recvx
  }
  return woken(sg, success: true)
}

/// bufrecv takes the oldest value from its slot to ep. Nobody else may be at c.
@inline(__always)
func bufrecv(_ c: HchanPtr, _ ep: UnsafeMutableRawPointer?) {
  let qp = chanbuf(c, c[].recvx)
  if let ep { typedmemmove(c, ep, qp) } else { typedmemclr(c, qp) }
  c[].recvx = next(c, c[].recvx)
  let n = c[].qcount.load(ordering: .relaxed)
  c[].qcount.store(n &- 1, ordering: .relaxed)
}

/// Go: len(c). Can be executed on any thread.
@usableFromInline
func chanlen(_ raw: UnsafeMutableRawPointer) -> Int {
  HchanPtr(raw)[].qcount.load(ordering: .relaxed)
}

/// Go: cap(c). Can be executed on any thread.
@usableFromInline
func chancap(_ raw: UnsafeMutableRawPointer) -> Int {
  HchanPtr(raw)[].dataqsiz
}
