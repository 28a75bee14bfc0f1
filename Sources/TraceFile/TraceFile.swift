// SPDX-License-Identifier: Apache-2.0
//
// Reads a trace. The format is described in a stage's Runtime/trace.swift, which has
// the kinds of events, too; here they are once more, since a tool reads the traces of
// every stage.

import Foundation

/// What happened; see TraceKind in a stage's Runtime/trace.swift.
public enum Kind: UInt8, CaseIterable, Sendable {
  case chunk = 1
  case runBegin
  case runEnd
  case goCreate
  case goStart
  case goYield
  case goPark
  case goReady
  case goExit
  case syscallEnter
  case syscallExit
  case syscallExitQueued
  case procStatus
  case steal
  case handoff
  case retake
  case mStart
  case mExit
  case mPark
  case mWake
  case mNotify
  case spinBegin
  case spinEnd
  case preemptRequest
  case preemptHit
  case preemptRefused
  case stwBegin
  case stwStopped
  case stwEnd
  case timers
  case pollBegin
  case pollEnd
  case stackGrow
  case stackShrink
  case label
  case spanBegin
  case spanEnd
  case reason
  case counter

  /// Whether the event's text follows it.
  var hasText: Bool { self == .label || self == .spanBegin || self == .reason }
}

public enum ProcStatus: UInt8, Sendable {
  case idle
  case running
  case syscall
  case gcstop
  case dead
}

/// Why a goroutine that a signal found goes on; see Refusal in Runtime/signal.swift.
public let refusals = [
  "none", "not asked", "in the runtime", "in a library", "stack too deep",
  "called by a library", "address of a thread-local", "no room on the stack",
]

/// What the events of kind counter count, by detail.
public let counters = [
  "spawns", "exits", "switches", "steals", "stolen", "handoffs", "preemptions",
  "asyncPreemptions",
]

public struct Event: Sendable {
  /// Nanoseconds since the trace began.
  public var time: Int64

  /// The M whose thread recorded it; -1: a thread that is no M.
  public var m: Int32
  public var kind: Kind
  public var detail: UInt8
  public var arg: UInt32

  /// The goroutine it happened to; nobody: to none.
  public var g: UInt32

  /// Where its text is in TraceFile.texts; negative: it has none.
  public var text: Int32

  /// Where it is in the file, in bytes.
  public var offset: Int

  public init(
    time: Int64,
    m: Int32,
    kind: Kind,
    detail: UInt8 = 0,
    arg: UInt32 = 0,
    g: UInt32 = nobody,
    text: Int32 = -1,
    offset: Int = 0
  ) {
    self.time = time
    self.m = m
    self.kind = kind
    self.detail = detail
    self.arg = arg
    self.g = g
    self.text = text
    self.offset = offset
  }
}

/// The g of an event that happened to no goroutine.
public let nobody = UInt32.max

/// The g of the runtime's own goroutine.
public let runtimeG: UInt32 = 0

/// What is wrong with a file, and where.
public struct TraceError: Error, CustomStringConvertible {
  public let path: String
  public let message: String

  /// In bytes; nil: nothing of it was read.
  public let offset: Int?

  public var description: String {
    "\(path): \(message)" + (offset.map { " at offset \($0)" } ?? "")
  }
}

public struct TraceFile: Sendable {
  public var stage: Int

  /// Events that were not recorded, since the file had its full size.
  public var dropped: UInt64 = 0

  /// Events of handlers of signals that came at a bad moment. They change no state.
  public var missed: UInt64 = 0

  /// In the order of time; those of one M, in the order of recording where times are
  /// equal.
  public var events: [Event] = []
  public var texts: [String] = []

  /// What a goPark's detail means.
  public var reasons: [UInt8: String] = [:]

  /// The last label of each goroutine.
  public var labels: [UInt32: String] = [:]

  public init(stage: Int) { self.stage = stage }

  public init(path: String) throws {
    let data: Data
    do {
      errno = 0
      data = try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
    } catch {
      let why = errno == 0 ? "no regular file" : String(cString: strerror(errno))
      throw TraceError(path: path, message: "cannot be read: \(why)", offset: nil)
    }
    try self.init(path: path, data: data)
  }

  public init(path: String, data: Data) throws {
    func wrong(_ message: String, _ offset: Int) -> TraceError {
      TraceError(path: path, message: message, offset: offset)
    }
    self.stage = 0
    try data.withUnsafeBytes { bytes in
      guard bytes.count >= 8, bytes.prefix(8).elementsEqual("goroutin".utf8) else {
        throw wrong("no trace: it does not begin with \"goroutin\"", 0)
      }
      func load<T: FixedWidthInteger>(_ offset: Int, as type: T.Type) -> T {
        bytes.loadUnaligned(fromByteOffset: offset, as: type)
      }
      guard bytes.count >= headerSize else { throw wrong("the header ends", bytes.count) }
      let version = load(8, as: UInt32.self)
      guard version == 1 else {
        throw wrong("a trace of version \(version), and this reads version 1", 8)
      }
      stage = Int(load(12, as: UInt32.self))
      let chunkSize = Int(load(16, as: UInt32.self))
      guard chunkSize >= 2 * eventSize, chunkSize <= 1 << 30, chunkSize % eventSize == 0
      else { throw wrong("a chunk size of \(chunkSize)", 16) }
      dropped = load(24, as: UInt64.self)
      missed = load(32, as: UInt64.self)

      // Chunks are filled one by one, but by many threads.
      var chunk = headerSize
      while chunk < bytes.count {
        let end = min(chunk + chunkSize, bytes.count)
        // A process that ended may have taken a chunk and not written to it.
        if end - chunk < eventSize || load(chunk, as: UInt64.self) == 0 {
          chunk = end
          continue
        }
        guard load(chunk, as: UInt64.self) >> 48 & 0xff == UInt64(Kind.chunk.rawValue)
        else { throw wrong("no chunk begins", chunk) }
        let m = Int32(bitPattern: load(chunk + 8, as: UInt32.self))
        var at = chunk + eventSize
        while at + eventSize <= end {
          let word = load(at, as: UInt64.self)
          let number = UInt8(truncatingIfNeeded: word >> 48)
          // Not written, or not wholly: its thread was stopped in the middle.
          if number == 0 {
            at += eventSize
            continue
          }
          guard let kind = Kind(rawValue: number), kind != .chunk else {
            throw wrong("an event of unknown kind \(number)", at)
          }
          var event = Event(
            time: Int64(word & (1 << 48 - 1)),
            m: m,
            kind: kind,
            detail: UInt8(truncatingIfNeeded: word >> 56),
            arg: load(at + 8, as: UInt32.self),
            g: load(at + 12, as: UInt32.self),
            offset: at
          )
          at += eventSize
          if kind.hasText {
            let n = Int(event.arg)
            // A file that was cut may end in the middle of a text.
            guard at + n <= chunk + chunkSize else {
              throw wrong("a text of \(n) bytes", at)
            }
            let present = min(n, end - at)
            let text = String(decoding: bytes[at..<at + present], as: UTF8.self)
            event.text = Int32(texts.count)
            texts.append(text)
            at += (n + eventSize - 1) / eventSize * eventSize
            if kind == .reason { reasons[event.detail] = text }
          }
          events.append(event)
        }
        chunk += chunkSize
      }
    }
    sort()
    for event in events where event.kind == .label {
      labels[event.g] = texts[Int(event.text)]
    }
  }

  /// Puts events in order. Within an M's, times may be out of order by a handler of a
  /// signal that came in between.
  public mutating func sort() {
    var order = Array(events.indices)
    events.withUnsafeBufferPointer { events in
      order.sort {
        events[$0].time != events[$1].time ? events[$0].time < events[$1].time : $0 < $1
      }
    }
    events = order.map { events[$0] }
  }

  /// The file, for tests: what init(path:data:) reads, with a chunk for each M.
  public func encoded(chunkSize: Int = 64 << 10) -> Data {
    var data = Data(count: headerSize)
    data.replaceSubrange(0..<8, with: Data("goroutin".utf8))
    func put<T: FixedWidthInteger>(_ value: T, at offset: Int) {
      withUnsafeBytes(of: value.littleEndian) {
        data.replaceSubrange(offset..<offset + $0.count, with: $0)
      }
    }
    put(UInt32(1), at: 8)
    put(UInt32(stage), at: 12)
    put(UInt32(chunkSize), at: 16)
    put(dropped, at: 24)
    func append(_ event: Event) {
      let at = data.count
      data.append(Data(count: eventSize))
      let word =
        UInt64(event.time) | UInt64(event.kind.rawValue) << 48 | UInt64(event.detail)
        << 56
      put(word, at: at)
      put(event.arg, at: at + 8)
      put(event.g, at: at + 12)
    }
    var byM: [Int32: [Event]] = [:]
    for event in events { byM[event.m, default: []].append(event) }
    for (m, events) in byM.sorted(by: { $0.key < $1.key }) {
      var end = data.count
      for event in events {
        let text = event.text >= 0 ? Data(texts[Int(event.text)].utf8) : Data()
        let slots = 1 + (text.count + eventSize - 1) / eventSize
        if data.count + slots * eventSize > end {
          data.append(Data(count: end - data.count))
          end = data.count + chunkSize
          append(Event(time: event.time, m: m, kind: .chunk, arg: UInt32(bitPattern: m)))
        }
        var event = event
        if event.text >= 0 { event.arg = UInt32(text.count) }
        append(event)
        data.append(text)
        data.append(Data(count: (slots - 1) * eventSize - text.count))
      }
      data.append(Data(count: end - data.count))
    }
    return data
  }
}

private let headerSize = 4096
private let eventSize = 16
