// SPDX-License-Identifier: Apache-2.0
//
// Files that are written piece by piece: a picture of a large trace is never in memory
// as a whole.

import Foundation

final class Output {
  private let handle: FileHandle
  private let path: String
  private var buffer: [UInt8] = []
  private(set) var count = 0

  /// Makes or empties the file.
  init(path: String) throws {
    self.path = path
    guard FileManager.default.createFile(atPath: path, contents: nil),
      let handle = FileHandle(forWritingAtPath: path)
    else { throw Failure("cannot write \(path); is its folder there?") }
    self.handle = handle
    buffer.reserveCapacity(1 << 16)
  }

  func write(_ text: String) throws {
    buffer.append(contentsOf: text.utf8)
    try flush(over: 1 << 16)
  }

  func write(_ bytes: some Sequence<UInt8>) throws {
    buffer.append(contentsOf: bytes)
    try flush(over: 1 << 16)
  }

  func close() throws {
    try flush(over: 0)
    try handle.close()
  }

  private func flush(over limit: Int) throws {
    if buffer.count <= limit { return }
    do {
      try handle.write(contentsOf: buffer)
    } catch {
      throw Failure("cannot write \(path); is the disk full?")
    }
    count += buffer.count
    buffer.removeAll(keepingCapacity: true)
  }
}

/// What is wrong, in one line.
struct Failure: Error {
  let message: String

  init(_ message: String) { self.message = message }
}

/// A string of JSON, quotes included. "<" is escaped, as it may stand in HTML.
func quoted(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": result += "\\\""
    case "\\": result += "\\\\"
    case "<": result += "\\u003c"
    case _
    where scalar.value < 0x20 || scalar.value == 0x7f || scalar.value == 0x2028
      || scalar.value == 0x2029:
      result += "\\u" + hex4(scalar.value)
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result + "\""
}

private func hex4(_ value: UInt32) -> String {
  let digits = String(value, radix: 16)
  return String(repeating: "0", count: 4 - digits.count) + digits
}
