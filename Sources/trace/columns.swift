// SPDX-License-Identifier: Apache-2.0
//
// A timeline as columns of small numbers, for viewer.html: what is stored is mostly the
// difference to the number before, seven bits a byte, the last byte of a number without
// the top bit. Then base 64. An interval takes about 15 bytes.

import Foundation
import TraceFile

struct Columns {
  /// What a column's numbers mean.
  enum Form: String {
    /// The number itself; or what is given, plus one, so that -1 can be stored.
    case plain = "u"
    case plusOne = "m"

    /// The difference to the one before, its sign in the low bit.
    case delta = "d"
  }

  private(set) var bytes: [UInt8] = []

  /// [name, form, where it begins, how many numbers], of each.
  private(set) var index: [String] = []

  mutating func add<S: Collection, N: BinaryInteger>(
    _ name: String, _ form: Form, _ items: S, _ value: (S.Element) -> N
  ) {
    index.append("[\"\(name)\",\"\(form.rawValue)\",\(bytes.count),\(items.count)]")
    var last: Int64 = 0
    for item in items {
      let n = Int64(value(item))
      switch form {
      case .plain: put(UInt64(max(0, n)))
      case .plusOne: put(UInt64(max(0, n + 1)))
      case .delta:
        let difference = n - last
        put(UInt64(bitPattern: difference << 1 ^ difference >> 63))
        last = n
      }
    }
  }

  private mutating func put(_ number: UInt64) {
    var rest = number
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  mutating func add(_ name: String, _ curve: Curve) {
    add(name + ".t", .delta, curve.times) { $0 }
    add(name + ".v", .plain, curve.values) { $0 }
  }

  init(_ line: Timeline) {
    addStints(line)
    addGoroutines(line)
    let procs = line.procIntervals
    add("proc.p", .plain, procs) { $0.p }
    add("proc.start", .delta, procs) { $0.start }
    add("proc.time", .plain, procs) { $0.end - $0.start }
    add("proc.status", .plain, procs) { $0.status.rawValue }
    add("proc.m", .plusOne, procs) { $0.m }
    add("proc.stint", .plusOne, procs) { $0.stint }

    let ms = line.mIntervals
    add("m.m", .plusOne, ms) { $0.m }
    add("m.start", .delta, ms) { $0.start }
    add("m.time", .plain, ms) { $0.end - $0.start }
    add("m.status", .plain, ms) { $0.status.rawValue }

    let arrows = line.arrows
    add("arrow.kind", .plain, arrows) { $0.kind.rawValue }
    add("arrow.from", .plusOne, arrows) { $0.from }
    add("arrow.to", .plusOne, arrows) { $0.to }
    add("arrow.end", .delta, arrows) { $0.end }
    add("arrow.time", .plain, arrows) { $0.end - $0.start }
    add("arrow.n", .plain, arrows) { $0.n }

    let marks = line.marks
    add("mark.kind", .plain, marks) { $0.kind.rawValue }
    add("mark.time", .delta, marks) { $0.time }
    add("mark.m", .plusOne, marks) { $0.m }
    add("mark.p", .plusOne, marks) { $0.p }
    add("mark.g", .plusOne, marks) { $0.goroutine }
    add("mark.arg", .plain, marks) { $0.arg }
    add("mark.detail", .plain, marks) { $0.detail }

    let spans = line.spans
    add("span.g", .plain, spans) { $0.goroutine }
    add("span.start", .delta, spans) { $0.start }
    add("span.time", .plain, spans) { $0.end - $0.start }
    add("span.text", .plain, spans) { $0.text }
    add("span.depth", .plain, spans) { $0.depth }

    let stops = line.stops
    add("stop.begin", .delta, stops) { $0.begin }
    add("stop.stopped", .plain, stops) { $0.stopped - $0.begin }
    add("stop.end", .plain, stops) { $0.end - $0.begin }

    for (i, queue) in line.queues.enumerated() { add("queue\(i)", queue) }
    add("globalQueue", line.globalQueue)
    add("runnable", line.runnable)
    add("spinning", line.spinning)
  }

  private mutating func addStints(_ line: Timeline) {
    let stints = line.stints
    add("stint.start", .delta, stints) { $0.start }
    add("stint.time", .plain, stints) { $0.end - $0.start }
    add("stint.g", .delta, stints) { $0.goroutine }
    add("stint.m", .plusOne, stints) { $0.m }
    add("stint.p", .plusOne, stints) { $0.p }
    add("stint.ending", .plain, stints) { $0.ending.rawValue | ($0.inCall ? 0x80 : 0) }
    add("stint.reason", .plain, stints) { $0.reason }
    add("stint.cause", .plain, stints) { $0.wake.cause.rawValue }
    add("stint.waited", .plusOne, stints) {
      $0.wake.time < 0 ? -1 : $0.start - $0.wake.time
    }
    add("stint.by", .plain, stints.indices) { i in
      stints[i].wake.by < 0 ? 0 : i - Int(stints[i].wake.by)
    }
    add("stint.byM", .plusOne, stints) { $0.wake.m }
    add("stint.byP", .plusOne, stints) { $0.wake.p }
  }

  private mutating func addGoroutines(_ line: Timeline) {
    let goroutines = line.goroutines
    add("g.run", .delta, goroutines) { $0.run }
    add("g.id", .delta, goroutines) { $0.id }
    add("g.label", .plusOne, goroutines) { $0.label }
    add("g.created", .delta, goroutines) { $0.created.time }
    add("g.by", .plusOne, goroutines) { $0.created.by }
    add("g.life", .plusOne, goroutines) {
      $0.exited < 0 ? -1 : $0.exited - $0.created.time
    }
    add("g.ready", .plusOne, goroutines) { g in
      g.waking.map { max(0, $0.time - g.created.time) } ?? -1
    }
  }
}

/// Writes bytes in base 64.
func writeBase64(_ bytes: [UInt8], to output: Output) throws {
  let step = 3 << 14
  for start in stride(from: 0, to: bytes.count, by: step) {
    let part = Data(bytes[start..<min(start + step, bytes.count)])
    try output.write(part.base64EncodedData())
  }
}
