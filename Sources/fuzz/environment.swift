// SPDX-License-Identifier: Apache-2.0
//
// A variable of the environment, and what is reported of it.

import Glibc
import Wrap

/// Runs body while the environment has name=value, and returns what it writes to
/// standard error.
///
/// The variable is a block of its own, so that AddressSanitizer sees whoever reads
/// beyond its end.
func withEnvironment(_ name: String, _ value: [UInt8], _ body: () -> Void) -> [UInt8] {
  let variable = Array(name.utf8) + [UInt8(ascii: "=")] + value + [0]
  let block = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: variable.count)
  _ = block.initialize(fromContentsOf: variable)
  block.withMemoryRebound(to: CChar.self) { _ = putenv($0.baseAddress!) }
  wrap_keep_output()
  body()
  let output = wrap_kept_output()
  unsetenv(name)
  block.deallocate()
  return Array(UnsafeBufferPointer(start: output.bytes, count: output.count))
}

/// What the environment can hold of an input.
func cString(_ bytes: [UInt8]) -> [UInt8] { Array(bytes.prefix { $0 != 0 }) }

/// The line that reports a value, which is cut where it gets too long.
func report(_ name: String, _ value: [UInt8], _ why: String) -> [UInt8] {
  let line = Array("runtime: \(name)=".utf8) + value + Array(" ignored: \(why)".utf8)
  return line.prefix(1023) + [UInt8(ascii: "\n")]
}

/// A decimal number of at most `limit`, another way than the runtime's: by its length
/// and its digits.
func decimal(_ text: some Collection<UInt8>, atMost limit: Int64) -> Int64? {
  let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
  guard !text.isEmpty, text.allSatisfy(digits.contains) else { return nil }
  let figures = Array(text.drop { $0 == UInt8(ascii: "0") })
  let most = Array(String(limit).utf8)
  if figures.count > most.count { return nil }
  if figures.count == most.count, most.lexicographicallyPrecedes(figures) { return nil }
  var value: Int64 = 0
  var unit: Int64 = 1
  for figure in figures.reversed() {
    value += Int64(figure - UInt8(ascii: "0")) * unit
    unit = unit.multipliedReportingOverflow(by: 10).partialValue
  }
  return value
}
