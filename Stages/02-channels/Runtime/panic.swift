// SPDX-License-Identifier: Apache-2.0
//
// How a program ends badly, and what is printed then.
//                            Go: src/runtime/panic.go, traceback.go, print.go
//
// Output goes to standard error by write(2), a line at a time, without locks and
// without buffers shared between threads.

import CLinux
import Synchronization

/// A line being put together. On the stack; cut off when too long.
struct Line: ~Copyable {
  private var bytes = InlineArray<1024, UInt8>(repeating: 0)
  private var n = 0

  mutating func put(_ s: StaticString) {
    s.withUTF8Buffer { for b in $0 { put(byte: b) } }
  }

  mutating func put(_ s: String) {
    for b in s.utf8 { put(byte: b) }
  }

  mutating func put(cString s: UnsafePointer<CChar>) {
    var s = s
    while s.pointee != 0 {
      put(byte: UInt8(bitPattern: s.pointee))
      s += 1
    }
  }

  /// There is always room for the newline.
  mutating func put(byte: UInt8) {
    if n == bytes.count - 1 { return }
    bytes[n] = byte
    n += 1
  }

  mutating func put(_ v: Int64) {
    if v < 0 { put(byte: UInt8(ascii: "-")) }
    put(v.magnitude)
  }

  mutating func put(_ v: UInt64) {
    var digits = InlineArray<20, UInt8>(repeating: 0)
    var v = v
    var i = 0
    repeat {
      digits[i] = UInt8(ascii: "0") + UInt8(v % 10)
      v /= 10
      i += 1
    } while v != 0
    while i > 0 {
      i -= 1
      put(byte: digits[i])
    }
  }

  mutating func put(hex v: UInt) {
    put("0x")
    var shift = 60
    while shift > 0, v >> UInt(shift) == 0 { shift -= 4 }
    while shift >= 0 {
      let d = UInt8(v >> UInt(shift) & 15)
      put(byte: d < 10 ? UInt8(ascii: "0") + d : UInt8(ascii: "a") + d - 10)
      shift -= 4
    }
  }

  /// Writes the line and a newline to where, and empties it.
  mutating func end(_ to: borrowing Output) {
    bytes[n] = UInt8(ascii: "\n")
    let count = n + 1
    n = 0
    withUnsafePointer(to: &bytes) { p in
      p.withMemoryRebound(to: UInt8.self, capacity: count) { to.write($0, count) }
    }
  }
}

/// Where a dump goes.
struct Output: ~Copyable {
  static var standardError: Output { Output() }

  func write(_ p: UnsafePointer<UInt8>, _ n: Int) {
    var done = 0
    while done < n {
      let r = write_(2, p + done, n - done)
      if r <= 0 { return }
      done += Int(r)
    }
  }
}

/// Exit status of a program that panicked or was ended by the runtime, as in Go.
let exitPanic: Int32 = 2

/// Lets one thread print; the others wait for the end of the process.
func startpanic() {
  let first = sched[].panicking.compareExchange(
    expected: 0, desired: 1, ordering: .sequentiallyConsistent
  ).exchanged
  if first {
    sched[].panicker.store(gettid_(), ordering: .relaxed)
    return
  }
  // A fault while printing: that was it.
  if sched[].panicker.load(ordering: .relaxed) == gettid_() { exit_(exitPanic) }
  // The one that prints needs nothing of this thread: it writes and exits.
  while true { usleep_ns(1_000_000_000) }
}

/// throwFatal ends the process: an invariant of the runtime is broken. Go: throw.
@inline(never)
func throwFatal(_ what: StaticString) -> Never {
  startpanic()
  var line = Line()
  line.put("fatal error: ")
  line.put(what)
  line.end(.standardError)
  finish()
}

/// fatal ends the process: the program did what can only be a mistake. Go: fatal.
@inline(never)
func fatal(_ what: String) -> Never {
  startpanic()
  var line = Line()
  line.put("fatal error: ")
  line.put(what)
  line.end(.standardError)
  finish()
}

/// gopanic ends the process as an unrecovered panic does. Go: gopanic.
@inline(never)
func gopanic(_ what: String) -> Never {
  startpanic()
  var line = Line()
  line.put("panic: ")
  line.put(what)
  line.end(.standardError)
  finish()
}

/// An error left a goroutine's body. Goexit asks for no more than this; any other is
/// a panic.
@inline(never)
func uncaught(_ error: any Error) {
  if error is Goexit { return }
  _ = enterRuntime("go")
  gopanic(String(describing: error))
}

/// What goexit throws.
struct Goexit: Error {}

/// The trace of the calling goroutine, and the end.
private func finish() -> Never {
  if let gp = getgOrNil() {
    var line = Line()
    line.end(.standardError)
    if gp != g0 {
      header(gp, .standardError, running: true)
      traceback(UInt(bitPattern: framePointer()), gp, .standardError)
    } else {
      line.put("goroutine 0 [idle]:")
      line.end(.standardError)
      traceback(UInt(bitPattern: framePointer()), nil, .standardError)
    }
  }
  exit_(exitPanic)
}

/// The frame pointer of the function this is written in, which stays valid until that
/// one returns.
@_transparent
func framePointer() -> UnsafeRawPointer? { frame_address() }

/// goroutine N [reason, minutes]:
func header(_ gp: GPtr, _ out: borrowing Output, running: Bool = false) {
  var line = Line()
  line.put("goroutine ")
  line.put(racyload(addressOf(&gp[].goid)))
  line.put(" [")
  let status = gp[].atomicstatus.load(ordering: .relaxed)
  switch running ? .running : status {
  case .waiting: line.put(racyload(addressOf(&gp[].waitreason)).text)
  case let other: line.put(other.text)
  }
  line.put("]:")
  line.end(out)
}

/// Frames printed from either end of a deep stack. Go: tracebackInnerFrames.
private let traceFrames = 50

/// Prints the frames from fp on, along frame pointers, for as long as they stay in
/// gp's stack (or the thread's own, for nil) and rise. Of a deep stack only both ends.
func traceback(_ fp: UInt, _ gp: GPtr?, _ out: borrowing Output) {
  var lo: UInt = 0
  var hi: UInt = .max
  if let gp {
    (lo, hi) = (racyload(addressOf(&gp[].softlo)), gp[].stack.hi)
  } else {
    osstack(&lo, &hi)
  }
  var total = 0
  walkframes(fp, lo, hi) { _ in total += 1 }
  var n = 0
  walkframes(fp, lo, hi) { pc in
    if n < traceFrames || n >= total - traceFrames {
      printframe(pc, out)
    } else if n == traceFrames {
      var line = Line()
      line.put("...")
      line.put(Int64(total - 2 * traceFrames))
      line.put(" frames elided...")
      line.end(out)
    }
    n += 1
  }
}

@inline(__always)
private func walkframes(_ fp: UInt, _ lo: UInt, _ hi: UInt, _ body: (UInt) -> Void) {
  var fp = fp
  while fp >= lo, fp <= hi &- 16, fp % 8 == 0 {
    // The goroutine may have begun to run meanwhile.
    let frame = UnsafeMutablePointer<UInt>(bitPattern: fp).unsafelyUnwrapped
    let next = racyload(frame)
    let pc = racyload(frame + 1)
    if pc == 0 { return }
    body(pc)
    if next <= fp { return }
    fp = next
  }
}

func printframe(_ pc: UInt, _ out: borrowing Output) {
  var line = Line()
  var symbol = InlineArray<512, CChar>(repeating: 0)
  var pretty = InlineArray<512, CChar>(repeating: 0)
  withUnsafeMutablePointer(to: &symbol) { s in
    withUnsafeMutablePointer(to: &pretty) { p in
      s.withMemoryRebound(to: CChar.self, capacity: 512) { s in
        p.withMemoryRebound(to: CChar.self, capacity: 512) { p in
          let offset = symbolize(pc &- 1, s, 512)
          if offset < 0 {
            line.put("?")
          } else if demangle(s, p, 512) != 0 {
            line.put(cString: p)
          } else {
            line.put(cString: s)
          }
          line.end(out)
          line.put("\t")
          line.put(hex: pc)
          if offset >= 0 {
            line.put(" +")
            line.put(hex: UInt(offset) &+ 1)
          }
          line.end(out)
        }
      }
    }
  }
}
