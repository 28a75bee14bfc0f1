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

/// Where a dump goes: standard error, or memory.
struct Output: ~Copyable {
  private let buffer: UnsafeMutablePointer<[UInt8]>?

  static var standardError: Output { Output(buffer: nil) }

  init(buffer: UnsafeMutablePointer<[UInt8]>?) { self.buffer = buffer }

  func write(_ p: UnsafePointer<UInt8>, _ n: Int) {
    if let buffer {
      buffer.pointee.append(contentsOf: UnsafeBufferPointer(start: p, count: n))
      return
    }
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
func fatal(_ what: String, after: String? = nil) -> Never {
  startpanic()
  var line = Line()
  if let after {
    line.put(after)
    line.end(.standardError)
  }
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
  if let g = getgOrNil() {
    var line = Line()
    line.end(.standardError)
    if let gp = g[].m?[].curg.load(ordering: .relaxed) {
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
  let since = gp[].waitsince.load(ordering: .relaxed)
  if status == .waiting || status == .syscall, since != 0 {
    let minutes = (nanotime() - since) / 60_000_000_000
    if minutes >= 1 {
      line.put(", ")
      line.put(minutes)
      line.put(" minutes")
    }
  }
  if racyload(addressOf(&gp[].lockedm)) != nil { line.put(", locked to thread") }
  line.put("]:")
  line.end(out)
}

/// Frames printed from either end of a deep stack. Go: tracebackInnerFrames.
private let traceFrames = 50

/// Prints the frames from fp on, along frame pointers, for as long as they stay in
/// gp's stack (or the thread's own, for nil) and rise. Of a deep stack only both ends.
func traceback(_ fp: UInt, _ gp: GPtr?, _ out: borrowing Output, names: Bool = true) {
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
      printframe(pc, out, names: names)
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

func printframe(_ pc: UInt, _ out: borrowing Output, names: Bool) {
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
          } else if names, demangle(s, p, 512) != 0 {
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

/// The process was asked to show what it does. Runs on sysmon's thread: a signal
/// handler may not allocate, and names are demangled here. Does not return.
func quitdump() -> Never {
  startpanic()
  var line = Line()
  line.put("SIGQUIT: quit")
  line.end(.standardError)
  line.end(.standardError)
  dumpgoroutines(nil, .standardError)
  exit_(exitPanic)
}

/// A goroutine ran into the end of what its stack may be. Runs on a signal stack,
/// wherever the goroutine was: nothing here allocates.
func stackoverflow(_ gp: GPtr, size: UInt, window: Bool, sp: UInt, fp: UInt, pc: UInt)
  -> Never
{
  startpanic()
  var line = Line()
  line.put("runtime: goroutine stack exceeds ")
  line.put(UInt64(size))
  line.put("-byte limit")
  line.end(.standardError)
  line.put("runtime: sp=")
  line.put(hex: sp)
  line.put(" stack=[")
  line.put(hex: gp[].softlo)
  line.put(", ")
  line.put(hex: gp[].stack.hi)
  line.put("]")
  line.end(.standardError)
  if window {
    line.put("runtime: the limit is this stack's window of address space; windows are ")
    line.put("smaller when many goroutines live. GODEBUG=stackwindow=")
    line.put(UInt64(windowClasses[0].window))
    line.put(" gives every goroutine a large one")
  } else {
    line.put("runtime: setMaxStack raises the limit")
  }
  line.end(.standardError)
  line.put("fatal error: stack overflow")
  line.end(.standardError)
  line.end(.standardError)
  header(gp, .standardError, running: true)
  printframe(pc + 1, .standardError, names: false)
  traceback(fp, gp, .standardError, names: false)
  exit_(exitPanic)
}
