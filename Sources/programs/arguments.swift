// SPDX-License-Identifier: Apache-2.0
//
// The command line: which program, and the one or two values it takes.

import Arguments

/// What a program takes, and what it does with that.
enum Parameters: Sendable {
  case none(@Sendable () throws -> Void)
  case number(Number, @Sendable (Int) throws -> Void)

  /// A word may stand in place of the number, which is then nil.
  case numberOrWord(Number, String, @Sendable (Int?) throws -> Void)
  case hostAndPort(@Sendable (_ host: String, _ port: Int) throws -> Void)

  /// As the usage shows them.
  var usage: String {
    switch self {
    case .none: ""
    case .number(let number, _): "[\(number.name)]"
    case .numberOrWord(let number, let word, _): "[\(number.name)|\(word)]"
    case .hostAndPort: "HOST PORT"
    }
  }
}

/// A whole number that may be left out.
struct Number: Sendable {
  let name: String
  let standard: Int
  let range: ClosedRange<Int>

  init(_ name: String, default standard: Int, in range: ClosedRange<Int>) {
    self.name = name
    self.standard = standard
    self.range = range
  }
}

/// What a command line asks for.
struct Job {
  var number: Int? = nil
  let run: () throws -> Void
}

func parse(_ arguments: [String]) throws(CommandLineError) -> Job {
  guard let name = arguments.first, name != "--help", name != "-h" else { throw .help }
  guard let program = programs.first(where: { $0.name == name }) else {
    throw .wrong("there is no program '\(printable(name))'")
  }
  let rest = arguments.dropFirst()
  switch program.parameters {
  case .none(let body):
    try expect(rest, atMost: 0)
    return Job(run: body)
  case .number(let number, let body):
    let n = try parse(rest, number)
    return Job(number: n) { try body(n) }
  case .numberOrWord(let number, let word, let body):
    let n = rest == [word] ? nil : try parse(rest, number)
    return Job(number: n) { try body(n) }
  case .hostAndPort(let body):
    try expect(rest, atMost: 2)
    guard let host = rest.first, let text = rest.dropFirst().first else {
      throw .wrong("HOST and PORT are needed")
    }
    let port = try parse(text, "PORT", in: 1...65535)
    return Job(number: port) { try body(host, port) }
  }
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

private func parse(
  _ arguments: ArraySlice<String>,
  _ number: Number
) throws(CommandLineError) -> Int {
  try expect(arguments, atMost: 1)
  guard let text = arguments.first else { return number.standard }
  return try parse(text, number.name, in: number.range)
}

private func parse(
  _ text: String,
  _ name: String,
  in range: ClosedRange<Int>
) throws(CommandLineError) -> Int {
  guard let value = range.number(text) else {
    throw .wrong("\(name) is a number from \(range.bounds), not '\(printable(text))'")
  }
  return value
}
