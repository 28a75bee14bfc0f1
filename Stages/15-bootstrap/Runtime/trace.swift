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
  /// tracecounters.
  case counter
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

struct Trace: ~Copyable {
  // Written while nothing is traced.

  var fd: Int32 = -1
  var start: Int64 = 0
  var header: Ptr<TraceHeader>? = nil

  // Atomic.

  /// Traces so far: a chunk of another one is not written to.
  let number = Atomic<UInt32>(0)

  /// Chunks taken; traceChunks or more: there are no others.
  let taken = Atomic<Int>(traceChunks)

  /// Threads that are taking one.
  let taking = Atomic<Int>(0)
}

let trace = Ptr(allocating: Trace())

/// A thread's part of a trace. Never freed: threads are few.
struct TraceThread: ~Copyable {
  var chunk: UnsafeMutableRawPointer? = nil

  /// The trace that chunk belongs to.
  var number: UInt32 = 0

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
  guard let at = traceslots(1) else { return }
  tracewrite(at, kind, g: g, arg: arg, detail: detail)
}

/// tracetext records an event with a text.
func tracetext(_ kind: TraceKind, g: UInt32, detail: UInt8 = 0, _ text: borrowing String)
{
  var text = copy text
  text.withUTF8 { bytes in
    let n = min(bytes.count, traceTextMax)
    guard let at = traceslots(1 + (n + traceEventSize - 1) / traceEventSize) else {
      return
    }
    // Its length goes first: the bytes are not to be taken for events.
    tracewrite(at, kind, g: g, arg: UInt32(n), detail: detail)
    if n > 0 { (at + traceEventSize).copyMemory(from: bytes.baseAddress!, byteCount: n) }
  }
}

private func tracewrite(
  _ at: UnsafeMutableRawPointer,
  _ kind: TraceKind,
  g: UInt32,
  arg: UInt32,
  detail: UInt8
) {
  at.storeBytes(of: UInt64(arg) | UInt64(g) << 32, toByteOffset: 8, as: UInt64.self)
  let time = UInt64(nanotime() - trace[].start) & (1 << 48 - 1)
  let word = time | UInt64(kind.rawValue) << 48 | UInt64(detail) << 56
  // release: an event that has a kind is whole.
  at.assumingMemoryBound(to: Atomic<UInt64>.self).pointee
    .store(word, ordering: .releasing)
}

/// Room for n events, one after the other, in the calling thread's chunk; nil: drop
/// them.
private func traceslots(_ n: Int) -> UnsafeMutableRawPointer? {
  let tls = tracetls()
  if tls.pointee == nil { tls.pointee = Ptr(allocating: TraceThread()).raw }
  let mine = Ptr<TraceThread>(tls.pointee.unsafelyUnwrapped)
  // acquire: pairs with tracestart.
  let number = trace[].number.load(ordering: .acquiring)
  if mine[].busy {
    trace[].header?[].missed.add(UInt64(n), ordering: .relaxed)
    return nil
  }
  if mine[].number == number, let chunk = mine[].chunk {
    let i = mine[].used.add(n, ordering: .relaxed).oldValue
    let offset = i * traceEventSize
    if offset + n * traceEventSize <= traceChunkSize { return chunk + offset }
  }
  guard let chunk = takechunk(mine, number) else {
    trace[].header?[].dropped.add(UInt64(n), ordering: .relaxed)
    return nil
  }
  tracewrite(
    chunk, .chunk, g: UInt32(gettid_()), arg: UInt32(bitPattern: tracewho().m), detail: 0)
  mine[].used.store(1 + n, ordering: .relaxed)
  mine[].chunk = chunk
  compilerBarrier()
  mine[].busy = false
  return chunk + traceEventSize
}

/// Takes the next chunk of the file, and leaves mine busy; nil if there is none.
@inline(never)
private func takechunk(
  _ mine: Ptr<TraceThread>, _ number: UInt32
) -> UnsafeMutableRawPointer? {
  mine[].busy = true
  compilerBarrier()
  if let old = mine[].chunk {
    mine[].chunk = nil
    file_unmap(old, traceChunkSize)
  }
  // seq-cst: traceStop takes all chunks, and then looks who is taking one.
  trace[].taking.add(1, ordering: .sequentiallyConsistent)
  mine[].number = number
  let i = trace[].taken.add(1, ordering: .sequentiallyConsistent).oldValue
  var chunk: UnsafeMutableRawPointer? = nil
  if i < traceChunks {
    let offset = traceHeaderSize + i * traceChunkSize
    chunk = file_map(trace[].fd, UInt64(offset), traceChunkSize)
  }
  trace[].taking.subtract(1, ordering: .sequentiallyConsistent)
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
  trace[].fd = fd
  trace[].header = h
  trace[].start = nanotime()
  // release: whoever sees the number sees what is above.
  trace[].number.add(1, ordering: .releasing)
  // seq-cst, as all that is done to taken.
  trace[].taken.store(0, ordering: .sequentiallyConsistent)
  setTracing(true)
  return 0
}

/// tracestop ends it. No run may be in progress.
func tracestop() {
  setTracing(false)
  // seq-cst: after this nobody takes a chunk, but for those that are at it.
  _ = trace[].taken.exchange(traceChunks, ordering: .sequentiallyConsistent)
  while trace[].taking.load(ordering: .sequentiallyConsistent) != 0 { osyield() }
  // The chunks stay mapped until their threads want others: one may be written to.
  if trace[].fd >= 0 { file_close(trace[].fd) }
  trace[].fd = -1
}
