// SPDX-License-Identifier: Apache-2.0
//
// A trace, whatever it is: the reader says what is wrong, and where, or gives events in
// the order of time; written and read once more they are the same. What is
// found out about them, and drawn, does not matter here; it must come to an end.
//
// An input is a whole file, if its first byte is odd. Else that byte and the next are
// the size of a chunk, in events; eight more are the number of events that were dropped,
// and the rest are the chunks.

import Foundation
import TraceFile

@testable import TraceTool

/// An event as it can be compared.
private struct Plain: Equatable {
  var time: Int64
  var kind: Kind
  var detail: UInt8
  var arg: UInt32
  var g: UInt32
  var text: String?
}

func fuzz(_ input: [UInt8]) {
  let data = block(input.first.map { $0 % 2 == 1 } ?? true ? input : traced(input))
  let file: TraceFile
  do {
    file = try TraceFile(path: "trace", data: data)
  } catch let error as TraceError {
    let offset = error.offset ?? -1
    check(0...data.count ~= offset, "\(error), and there are \(data.count) bytes")
    check(!error.description.contains(where: \.isNewline), "\(error)")
    return
  } catch {
    fatalError("\(error)")
  }
  for (event, next) in zip(file.events, file.events.dropFirst()) {
    check(event.time <= next.time, "an event at \(next.time) after one at \(event.time)")
  }
  do {
    let again = try TraceFile(path: "written", data: file.encoded())
    check("the events", plain(again), is: plain(file))
  } catch {
    fatalError("what was written: \(error)")
  }
  _ = check(file)
  let trace = Named(name: "trace", line: Timeline(file))
  let window = Window(Options(), trace.line)
  _ = svg(trace, window)
  do {
    try textLines(trace, window, TextStyle(width: 100, color: true, rows: 100)) { _ in }
  } catch {
    fatalError("\(error)")
  }
}

/// A header, and the input's chunks.
private func traced(_ input: [UInt8]) -> [UInt8] {
  let size = 16 * input.prefix(2).reduce(UInt32(2)) { $0 + UInt32($1) }
  var header = Array("goroutin".utf8)
  for word in [1, 15, size] { withUnsafeBytes(of: word) { header += Array($0) } }
  header += [0, 0, 0, 0] + input.dropFirst(2).prefix(8)
  return header + Array(repeating: 0, count: 4096 - header.count) + input.dropFirst(10)
}

/// A block of its own, so that AddressSanitizer sees whoever reads beyond its end.
private func block(_ bytes: [UInt8]) -> Data {
  let block = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
  block.copyBytes(from: bytes)
  return Data(
    bytesNoCopy: block.baseAddress!, count: bytes.count,
    deallocator: .custom { p, _ in p.deallocate() })
}

/// What each M recorded, in its order.
private func plain(_ file: TraceFile) -> [Int32: [Plain]] {
  var all: [Int32: [Plain]] = [:]
  for event in file.events {
    let text = event.text < 0 ? nil : file.texts[Int(event.text)]
    let plain = Plain(
      time: event.time,
      kind: event.kind,
      detail: event.detail,
      // The number of a text's bytes, which may not all be there, or be no UTF-8.
      arg: text == nil ? event.arg : 0,
      g: event.g,
      text: text
    )
    all[event.m, default: []].append(plain)
  }
  return all
}
