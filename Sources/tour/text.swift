// SPDX-License-Identifier: Apache-2.0
//
// Text for people.

import Glibc

/// Writes on standard error, after what has been printed so far.
func complain(_ message: String, terminator: String = "\n") {
  fflush(nil)
  let bytes = Array((message + terminator).utf8)
  _ = write(2, bytes, bytes.count)
}

/// 1234567 becomes 1,234,567.
func grouped(_ value: some BinaryInteger) -> String {
  let digits = String(value)
  var text = ""
  for (i, digit) in digits.enumerated() {
    if i > 0 && (digits.count - i) % 3 == 0 { text.append(",") }
    text.append(digit)
  }
  return text
}

/// A number with its noun: 1 file, 2 files.
func plural(
  _ n: some BinaryInteger,
  _ one: String,
  _ many: String? = nil
) -> String {
  "\(grouped(n)) \(n == 1 ? one : many ?? one + "s")"
}

/// With `digits` digits after the point, of a number that is not negative.
func fixed(_ value: Double, _ digits: Int) -> String {
  let scale = (0..<digits).reduce(1) { scale, _ in scale * 10 }
  let n = Int((value * Double(scale)).rounded())
  if digits == 0 { return grouped(n) }
  return grouped(n / scale) + "." + String(scale + n % scale).dropFirst()
}

func right(_ text: String, _ width: Int) -> String {
  String(repeating: " ", count: max(0, width - text.count)) + text
}

func left(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - text.count))
}

/// Bytes from a file or a file's name, fit for a terminal: what is not UTF-8 is
/// repaired, and what would control the terminal is replaced.
func printable(_ bytes: some Sequence<UInt8>, atMost limit: Int = .max) -> String {
  var text = ""
  var length = 0
  for scalar in String(decoding: Array(bytes), as: UTF8.self).unicodeScalars {
    if length == limit { return text + "…" }
    let isControl = scalar.properties.generalCategory == .control
    text.unicodeScalars.append(isControl ? "\u{fffd}" : scalar)
    length += 1
  }
  return text
}

func printable(_ path: Path) -> String {
  printable(path.dropLast().map { UInt8(bitPattern: $0) })
}

/// Bold on a terminal, unless the user objects (no-color.org).
let isColoured =
  isatty(1) == 1 && getenv("NO_COLOR") == nil
  && getenv("TERM").map { strcmp($0, "dumb") != 0 } ?? false

func bold(_ text: String) -> String {
  isColoured ? "\u{1b}[1m\(text)\u{1b}[m" : text
}
