// SPDX-License-Identifier: Apache-2.0
//
// The command line: which program, and the one or two values it takes.

import Arguments

/// What a program takes.
protocol Parameters: Sendable {
  associatedtype Value

  /// As the usage shows them.
  var usage: String { get }

  func parse(_ arguments: ArraySlice<String>) throws(CommandLineError) -> Value
}

struct Nothing: Parameters {
  var usage: String { "" }

  func parse(_ arguments: ArraySlice<String>) throws(CommandLineError) {
    try expect(arguments, atMost: 0)
  }
}

/// A whole number that may be left out.
struct Number: Parameters {
  let name: String
  let standard: Int
  let range: ClosedRange<Int>

  init(_ name: String, default standard: Int, in range: ClosedRange<Int>) {
    self.name = name
    self.standard = standard
    self.range = range
  }

  var usage: String { "[\(name)]" }

  func parse(_ arguments: ArraySlice<String>) throws(CommandLineError) -> Int {
    try expect(arguments, atMost: 1)
    guard let text = arguments.first else { return standard }
    return try number(text, name, in: range)
  }
}

/// A word may stand in place of the number, which is then nil.
struct NumberOrWord: Parameters {
  let number: Number
  let word: String

  init(_ number: Number, _ word: String) {
    self.number = number
    self.word = word
  }

  var usage: String { "[\(number.name)|\(word)]" }

  func parse(_ arguments: ArraySlice<String>) throws(CommandLineError) -> Int? {
    arguments == [word] ? nil : try number.parse(arguments)
  }
}

struct HostAndPort: Parameters {
  var usage: String { "HOST PORT" }

  func parse(
    _ arguments: ArraySlice<String>
  ) throws(CommandLineError) -> (host: String, port: Int) {
    try expect(arguments, atMost: 2)
    guard let host = arguments.first, let text = arguments.dropFirst().first else {
      throw .wrong("HOST and PORT are needed")
    }
    return (host, try number(text, "PORT", in: 1...65535))
  }
}

/// What a command line asks for.
struct Job {
  /// The value that the program is given.
  let value: Any

  /// Nil on a stage that lacks what the program needs.
  let run: (() throws -> Void)?
}

func parse(_ arguments: [String]) throws(CommandLineError) -> Job {
  guard let name = arguments.first, name != "--help", name != "-h" else { throw .help }
  guard let program = Programs.named(name) else {
    throw .wrong("there is no program '\(printable(name))'")
  }
  return try job(program, arguments.dropFirst())
}

private func job<P: Program>(
  _ program: P.Type,
  _ arguments: ArraySlice<String>
) throws(CommandLineError) -> Job {
  let value = try program.takes.parse(arguments)
  return Job(value: value, run: program.body.map { body in { try body(value) } })
}

/// Otherwise says which argument is too many.
private func expect(
  _ arguments: ArraySlice<String>,
  atMost count: Int
) throws(CommandLineError) {
  if let extra = arguments.dropFirst(count).first {
    throw .wrong("unexpected argument '\(printable(extra))'")
  }
}

private func number(
  _ text: String,
  _ name: String,
  in range: ClosedRange<Int>
) throws(CommandLineError) -> Int {
  guard let value = range.number(text) else {
    throw .wrong("\(name) is a number from \(range.bounds), not '\(printable(text))'")
  }
  return value
}
