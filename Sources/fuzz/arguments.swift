// SPDX-License-Identifier: Apache-2.0
//
// The arguments of every tool, whatever they are: options within the ranges that the
// usage names and with values that stand in the arguments, or a message of one line.
// An input is the arguments, a zero byte between two.

import Arguments

@testable import BenchTool
@testable import ProgramsTool
@testable import SchedulesTool
@testable import StressTool
@testable import TourTool
@testable import TraceTool

func fuzz(_ input: [UInt8]) {
  let arguments =
    input.isEmpty
    ? []
    : input.split(separator: 0, omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
  areAllListed
  tell("tour") { () throws(CommandLineError) in try tour(arguments) }
  tell("bench") { () throws(CommandLineError) in try bench(arguments) }
  tell("stress") { () throws(CommandLineError) in try stress(arguments) }
  tell("schedules") { () throws(CommandLineError) in try schedules(arguments) }
  tell("trace") { () throws(CommandLineError) in try trace(arguments) }
  tell("programs") { () throws(CommandLineError) in try programs(arguments) }
}

/// What is wrong must be told in one line that a terminal can show.
private func tell(_ tool: String, _ body: () throws(CommandLineError) -> Void) {
  do {
    try body()
  } catch {
    guard case .wrong(let message) = error else { return }
    check(!message.isEmpty, "\(tool) does not say what is wrong")
    let controls = message.unicodeScalars.contains {
      $0.value < 0x20 || 0x7f...0x9f ~= $0.value
    }
    check(!controls && !message.contains(where: \.isNewline), "\(tool): \(message)")
  }
}

/// A value that is not the default must be in range, and be one of the arguments.
private func check<T: Comparable & LosslessStringConvertible>(
  _ name: String,
  _ value: T?,
  in range: ClosedRange<T>,
  default standard: T?,
  _ arguments: some Sequence<String>
) {
  if value == standard { return }
  guard let value else { fatalError("\(name) is nil") }
  check(range.contains(value), "\(name) is \(value)")
  check(arguments.contains { T($0) == value }, "\(name) is \(value): from where?")
}

private func tour(_ arguments: [String]) throws(CommandLineError) {
  let options = try TourTool.parse(arguments)
  let values = arguments.map { $0.hasPrefix("--top=") ? String($0.dropFirst(6)) : $0 }
  check("--top", options.top, in: 0...Int.max, default: 20, values)
  let directory = options.directory
  check(
    directory == "." || arguments.contains(directory), "\(directory) is not an argument")
  if let record = options.record {
    check(arguments.contains(record), "\(record) is not an argument")
  }
}

private func bench(_ arguments: [String]) throws(CommandLineError) {
  let number = 1...1_000_000_000
  switch try BenchTool.parse(arguments) {
  case .list:
    check("the command", arguments[0], is: "list")
  case .prewarm(let megabytes):
    check("the megabytes", megabytes, in: number, default: 2048, arguments)
  case .run(let workload, let n):
    check("the workload", workload.name, is: arguments[0])
    check("N", n, in: number, default: workload.n, arguments)
  case .unsupported(let name):
    check(!workloads.contains { $0.name == name }, "\(name) is a workload")
  case .compare(let options):
    check("-r", options.rounds, in: 2...1_000_000, default: 5, arguments)
    check("-t", options.limit, in: 1...1_000_000, default: 120, arguments)
    for name in options.chosen + [options.out].compactMap(\.self) {
      check(arguments.contains(name), "\(name) is not an argument")
    }
    for (name, path) in options.others {
      check(
        arguments.contains { $0 == path || $0 == "\(name)=\(path)" },
        "\(name) at \(path) is not an argument")
    }
  }
}

private func stress(_ arguments: [String]) throws(CommandLineError) {
  let options = try StressTool.parse(arguments)
  check("-t", options.seconds, in: 0...1_000_000, default: 20, arguments)
  check("-n", options.rounds, in: 1...1_000_000_000, default: nil, arguments)
  check("-s", options.seed, in: 0...(.max), default: nil, arguments)
  check("-p", options.procs, in: 1...1024, default: nil, arguments)
}

private func schedules(_ arguments: [String]) throws(CommandLineError) {
  let scenarios = ["wake-up", "system calls"]
  let options = try SchedulesTool.parse(arguments, scenarios: scenarios)
  check("-t", options.seconds, in: 0...1_000_000, default: 20, arguments)
  check("-n", options.runs, in: 1...1_000_000_000, default: nil, arguments)
  check("-s", options.seed, in: 0...(.max), default: nil, arguments)
  for name in options.chosen {
    check(arguments.contains(name), "\(name) is not an argument")
  }
}

private func trace(_ arguments: [String]) throws(CommandLineError) {
  let options = try TraceTool.parse(arguments)
  check("--rows", options.rows, in: 0...1_000_000_000, default: 100, arguments)
  check("--width", options.width, in: 40...10_000, default: nil, arguments)
  // A thousand million milliseconds, in nanoseconds.
  for time in [options.from, options.to].compactMap(\.self) {
    check(0...1_000_000_000_000_000 ~= time, "\(time) ns")
  }
  check(options.from ?? -1 < options.to ?? .max, "nothing is left")
  let files = [options.file, options.compare, options.page, options.json, options.svg]
  for file in files.compactMap(\.self) + options.names {
    check(arguments.contains(file), "\(file) is not an argument")
  }
}

/// The number that a program takes, and what it is when left out.
private let numbers: [String: (range: ClosedRange<Int>, standard: Int?)] = [
  "turns": (1...1_000_000, 3),
  "sieve": (1...10_000, 25),
  "ping-pong": (1...1_000_000_000, 1_000_000),
  "skynet": (1...10_000_000, 100_000),
  "threads": (10...20_000, 1_000),
  "pool": (1...100_000, 12),
  "maps": (1...100_000_000, 400_000),
  "blockers": (1...1_000, 4),
  "echo": (1...10_000, 1_000),
  "echo-server": (0...65535, 7007),
  "echo-client": (1...65535, nil),
  "deep-recursion": (1...10_000_000, 1_000_000),
  "states": (0...1_000_000, 0),
]

/// Fails if a program takes a number that is not listed here.
private let areAllListed: Void = {
  for program in ProgramsTool.Programs.all where !(program.takes is Nothing) {
    check(numbers[program.name] != nil, "\(program.name) takes a number: list it here")
  }
}()

private func programs(_ arguments: [String]) throws(CommandLineError) {
  let job = try ProgramsTool.parse(arguments)
  let given = arguments.dropFirst()
  let number = (job.value as? (host: String, port: Int))?.port ?? job.value as? Int
  guard let (range, standard) = numbers[arguments[0]] else {
    check("the number of \(arguments[0])", number, is: nil)
    check(given.isEmpty, "\(arguments[0]) takes no arguments")
    return
  }
  guard let number else {
    check("the arguments", arguments, is: ["deep-recursion", "overflow"])
    return
  }
  check("the number of \(arguments[0])", number, in: range, default: standard, given)
  check("the last argument", given.last.map { Int($0) } ?? standard, is: number)
}
