// SPDX-License-Identifier: Apache-2.0
//
// What the scheduler did, event by event.                 Go: src/runtime/trace.go
//
// Every thread writes into a chunk of its own, which is a piece of the file, mapped:
// no lock, no thread that writes, and what was recorded is in the file whatever
// becomes of the process. A chunk that is full is unmapped and another one taken from
// the file's end. When the file has its full size, or the disk has, events are dropped
// and counted. Go keeps chunks in memory, for a reader goroutine to fetch.
//
// An event is written before what it tells of can be seen by another thread: that a
// goroutine is ready comes before it is in a queue. So times, which are the clock's,
// are in the order of causes.
//
// The file, in the machine's byte order:
//   a header of a page, see TraceHeader;
//   chunks: an event of kind chunk, then events, then zeros.
// An event is two words. From the low end, the first is the nanoseconds since the trace
// began (48 bits), kind (8), detail (8); the second arg (32), g (32). Text is an event
// whose arg is the number of bytes, and the bytes next, filled up to whole events.
//
// Invariants:
//   Only its thread, and handlers of signals on it, write into a chunk.
//   The first word of an event is written last, so that its kind is zero until then.

import CLinux
import Synchronization

/// What happened. g is the low half of the id of the goroutine that it happened to,
/// where the list says so. The goroutine that did it is the one that the thread runs.
enum TraceKind: UInt8 {
  /// A chunk begins. g: the thread's id. arg: its M's.
  case chunk = 1

  /// A run begins, ends. Every goroutine that is left then is abandoned.
  case runBegin
  case runEnd

  // Goroutines. arg: the length of the P's queue, and of the global one times 65536,
  // where one becomes runnable or starts.

  /// g was made, and is runnable.
  case goCreate

  /// g runs. detail: 1 if it ran on another P before.
  case goStart

  /// g gave way, and is runnable.
  case goYield

  /// g waits. detail: for what; see reason.
  case goPark

  /// g need not wait any more, and is runnable.
  case goReady

  /// g ended.
  case goExit

  /// g is in a system call, and its P may be taken.
  case syscallEnter

  /// g is back from it and runs; or has no P, and is runnable.
  case syscallExit
  case syscallExitQueued

  // Ps.

  /// P arg is in the state detail, of PStatus.
  case procStatus

  /// detail goroutines were taken from the queue of P arg.
  case steal

  /// P arg is given away by an M that blocks.
  case handoff

  /// P arg is taken from a system call.
  case retake

  // Ms.

  /// The thread begins, ends.
  case mStart
  case mExit

  /// The thread sleeps until it is given a P; it does not any more.
  case mPark
  case mWake

  /// M arg is to wake up, or to begin.
  case mNotify

  /// The thread looks for work; it does not any more.
  case spinBegin
  case spinEnd

  // Preemption.

  /// g, on P arg, is asked to yield.
  case preemptRequest

  /// g yields for that. detail: 0 at a check, 1 where a signal found it.
  case preemptHit

  /// g goes on where a signal found it. detail: why, see Refusal.
  case preemptRefused

  // The world.

  case stwBegin
  case stwStopped
  case stwEnd

  // What wakes goroutines.

  /// arg timers were due.
  case timers

  /// The thread asks the network; detail: 1 if it waits for an answer. Then: arg
  /// goroutines can go on.
  case pollBegin
  case pollEnd

  // Stacks.

  /// The stack of g has arg pages now.
  case stackGrow
  case stackShrink

  // What the program says.

  /// g is called so. Text.
  case label

  /// g begins something. Text. And ends what it began last.
  case spanBegin
  case spanEnd

  // What there is to know.

  /// What goPark's detail means. Text. detail: the number.
  case reason

  /// So far: arg is the low half of a count, g the high half; detail says of what. See
  /// TraceCounter.
  case counter
}

/// What a counter event counts, as the runtime has counted it by then.
enum TraceCounter: UInt8 {
  case spawns
  case exits
  case switches
  case steals
  case stolen
  case handoffs
  case preemptions
  case asyncPreemptions
}

/// The g of an event that happened to no goroutine.
let tracenobody = UInt32.max

/// The first bytes of the file.
struct TraceHeader: ~Copyable {
  /// "goroutin"
  let magic: UInt64 = 0x6e69_7475_6f72_6f67
  let version: UInt32 = 1
  let stage = stagenumber()
  let chunkSize = UInt32(traceChunkSize)
  let reserved: UInt32 = 0

  /// Events that were dropped, since there was no chunk for them.
  let dropped = Atomic<UInt64>(0)

  /// Events of handlers that found their thread taking a chunk: such are preemptRefused
  /// and stackGrow.
  let missed = Atomic<UInt64>(0)
}

private let traceHeaderSize = 4096
private let traceChunkSize = 64 << 10
private let traceEventSize = 16

/// Chunks in a file of the greatest size, 1 GB.
private let traceChunks = 16384

/// The most bytes of a text; what is longer is cut.
private let traceTextMax = 15 * traceEventSize

/// A trace. Never freed: a thread may be late in writing to it.
struct Trace: ~Copyable {
  // Fixed at creation.

  let fd: Int32
  let header: Ptr<TraceHeader>

  /// When it began, in nanotime.
  let start: Int64

  // Atomic.

  /// Chunks taken; traceChunks or more: there are no others.
  let taken = Atomic<Int>(0)

  /// Threads that are taking one.
  let taking = Atomic<Int>(0)

  init(fd: Int32, header: Ptr<TraceHeader>, start: Int64) {
    self.fd = fd
    self.header = header
    self.start = start
  }
}

/// The trace that is being made.
let trace = Ptr(allocating: CurrentTrace())
struct CurrentTrace: ~Copyable {
  let current = Atomic<Ptr<Trace>?>(nil)
}

/// A thread's part of a trace. Never freed: threads are few.
struct TraceThread: ~Copyable {
  var chunk: UnsafeMutableRawPointer? = nil

  /// What chunk is a piece of.
  var trace: Ptr<Trace>? = nil

  /// A chunk is being taken: a handler of a signal cannot write.
  var busy = false

  /// Events in chunk. Atomic, as a handler may interrupt its thread anywhere.
  let used = Atomic<Int>(0)
}

/// traceevent records an event.
@inline(never)
func traceevent(
  _ kind: TraceKind,
  g: UInt32 = tracenobody,
  arg: UInt32 = 0,
  detail: UInt8 = 0
) {
  guard let (at, start) = traceslots(1) else { return }
  tracewrite(at, start, kind, g: g, arg: arg, detail: detail)
}

/// tracetext records an event with a text.
func tracetext(_ kind: TraceKind, g: UInt32, detail: UInt8 = 0, _ text: borrowing String)
{
  var text = copy text
  text.withUTF8 { bytes in
    let n = min(bytes.count, traceTextMax)
    let slots = 1 + (n + traceEventSize - 1) / traceEventSize
    guard let (at, start) = traceslots(slots) else { return }
    // Its length goes first: the bytes are not to be taken for events.
    tracewrite(at, start, kind, g: g, arg: UInt32(n), detail: detail)
    if n > 0 { (at + traceEventSize).copyMemory(from: bytes.baseAddress!, byteCount: n) }
  }
}

private func tracewrite(
  _ at: UnsafeMutableRawPointer,
  _ start: Int64,
  _ kind: TraceKind,
  g: UInt32,
  arg: UInt32,
  detail: UInt8
) {
  at.storeBytes(of: UInt64(arg) | UInt64(g) << 32, toByteOffset: 8, as: UInt64.self)
  let time = UInt64(nanotime() - start) & (1 << 48 - 1)
  let word = time | UInt64(kind.rawValue) << 48 | UInt64(detail) << 56
  // release: an event that has a kind is whole.
  at.assumingMemoryBound(to: Atomic<UInt64>.self).pointee
    .store(word, ordering: .releasing)
}

/// Room for n events, one after the other, in the calling thread's chunk, and when the
/// trace began; nil: drop them.
private func traceslots(_ n: Int) -> (at: UnsafeMutableRawPointer, start: Int64)? {
  // acquire: pairs with tracestart.
  guard let t = trace[].current.load(ordering: .acquiring) else { return nil }
  let tls = tracetls()
  if tls.pointee == nil { tls.pointee = Ptr(allocating: TraceThread()).raw }
  let mine = Ptr<TraceThread>(tls.pointee.unsafelyUnwrapped)
  if mine[].busy {
    t[].header[].missed.add(UInt64(n), ordering: .relaxed)
    return nil
  }
  if mine[].trace == t, let chunk = mine[].chunk {
    let i = mine[].used.add(n, ordering: .relaxed).oldValue
    let offset = i * traceEventSize
    if offset + n * traceEventSize <= traceChunkSize {
      return (chunk + offset, t[].start)
    }
  }
  guard let chunk = takechunk(mine, t) else {
    t[].header[].dropped.add(UInt64(n), ordering: .relaxed)
    return nil
  }
  tracewrite(
    chunk, t[].start, .chunk, g: UInt32(gettid_()), arg: UInt32(bitPattern: tracewho().m),
    detail: 0)
  mine[].used.store(1 + n, ordering: .relaxed)
  mine[].chunk = chunk
  compilerBarrier()
  mine[].busy = false
  return (chunk + traceEventSize, t[].start)
}

/// Takes the next chunk of t's file, and leaves mine busy; nil if there is none.
@inline(never)
private func takechunk(
  _ mine: Ptr<TraceThread>, _ t: Ptr<Trace>
) -> UnsafeMutableRawPointer? {
  mine[].busy = true
  compilerBarrier()
  if let old = mine[].chunk {
    mine[].chunk = nil
    file_unmap(old, traceChunkSize)
  }
  mine[].trace = t
  // seq-cst: tracestop takes all chunks, and then looks who is taking one.
  t[].taking.add(1, ordering: .sequentiallyConsistent)
  let i = t[].taken.add(1, ordering: .sequentiallyConsistent).oldValue
  var chunk: UnsafeMutableRawPointer? = nil
  if i < traceChunks {
    let offset = traceHeaderSize + i * traceChunkSize
    chunk = file_map(t[].fd, UInt64(offset), traceChunkSize)
  }
  t[].taking.subtract(1, ordering: .sequentiallyConsistent)
  if chunk == nil { mine[].busy = false }
  return chunk
}

/// tracestart begins a trace in a new file; 0, or a negative errno. No run may be in
/// progress, and no other trace.
func tracestart(_ path: UnsafePointer<CChar>) -> Int32 {
  let fd = file_create(path)
  if fd < 0 { return fd }
  guard let header = file_map(fd, 0, traceHeaderSize) else {
    file_close(fd)
    return -Int32(E_NOSPC)
  }
  let h = Ptr<TraceHeader>(header)
  h.address.initialize(to: TraceHeader())
  // release: whoever sees it sees it whole.
  trace[].current.store(
    Ptr(allocating: Trace(fd: fd, header: h, start: nanotime())), ordering: .releasing)
  setTracing(true)
  return 0
}

/// tracestop ends it, if there is one. No run may be in progress.
func tracestop() {
  guard let t = trace[].current.exchange(nil, ordering: .acquiring) else { return }
  setTracing(false)
  // seq-cst: after this nobody takes a chunk, but for those that are at it.
  _ = t[].taken.exchange(traceChunks, ordering: .sequentiallyConsistent)
  while t[].taking.load(ordering: .sequentiallyConsistent) != 0 { osyield() }
  // Chunks stay mapped until their threads want others: one may be written to.
  file_close(t[].fd)
}
