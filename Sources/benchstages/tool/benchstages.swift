// SPDX-License-Identifier: Apache-2.0
//
// What each idea bought: workloads on all stages, interleaved, as a table and a drawing.
//
// Exit status 1: a measurement failed; 2: wrong arguments. Numbers never fail it.

import Arguments
import Foundation

let help = """
  usage: benchstages measure NN=PATH...   measures, and writes numbers.md and numbers.svg
         benchstages draw                 writes them again from the raw numbers beside them
         benchstages check                whether what the environment says makes sense

  NN is a stage, PATH its workloads (benchstages.sh builds them).

  In the environment:
    ROUNDS=5       how often each workload runs on each stage, 1 to 1000
    WORKLOADS=     those to run, separated by spaces; else all
    QUICK=1        a tenth of the work, one round
    OUT=Notes      the folder for numbers.md, numbers.svg and numbers.tsv, the raw numbers;
                   to measure with something left out, or quick, it is
                   .build/benchstages unless this says otherwise
  """

@main
struct BenchStages {
  static func main() {
    do {
      exit(try perform(Array(CommandLine.arguments.dropFirst())))
    } catch let error as CommandLineError {
      switch error {
      case .help: print(help)
      case .wrong(let message):
        complain(message)
        exit(2)
      }
    } catch {
      complain("\(error)")
      exit(1)
    }
  }
}

func complain(_ message: String) {
  FileHandle.standardError.write(Data("bench-stages: \(message)\n".utf8))
}

/// Where the tool reads and writes, and how much it measures.
struct Options {
  static let build = ".build/benchstages"

  var rounds: Int
  var workloads: [String]
  var isQuick: Bool
  /// Nil: it depends.
  var out: String?

  init(_ environment: [String: String]) throws(CommandLineError) {
    func value(_ name: String) -> String? {
      environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
    isQuick = value("QUICK") != nil
    rounds = isQuick ? 1 : 5
    if let text = value("ROUNDS") {
      let range = 1...1000
      guard let n = range.number(text) else {
        throw .wrong("ROUNDS=\(printable(text)): a number from \(range.bounds) is needed")
      }
      rounds = n
    }
    workloads = (value("WORKLOADS") ?? "").split(separator: " ").map(String.init)
    out = value("OUT")
  }
}

func perform(_ arguments: [String]) throws -> Int32 {
  guard let command = arguments.first, !["-h", "--help"].contains(command) else {
    throw CommandLineError.help
  }
  let options = try Options(ProcessInfo.processInfo.environment)
  switch command {
  case "measure":
    let programs = try arguments.dropFirst().map(stageProgram)
    if programs.isEmpty {
      throw CommandLineError.wrong("measure needs stages; see --help")
    }
    let (failures, out) = try measure(programs, options)
    try draw(out)
    for line in failures { complain("FAILED: \(line)") }
    return failures.isEmpty ? 0 : 1
  case "check":
    return 0
  case "draw":
    try draw(options.out ?? "Notes")
    return 0
  default:
    throw CommandLineError.wrong(
      "there is no command '\(printable(command))'; see --help")
  }
}

private func stageProgram(_ argument: String) throws(CommandLineError) -> StageProgram {
  let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
  guard parts.count == 2 else {
    throw .wrong("measure: '\(printable(argument))' is not NN=PATH")
  }
  return StageProgram(stage: parts[0], path: parts[1])
}

/// Writes the table and the drawing of the raw numbers in that folder.
func draw(_ out: String) throws {
  let raw = out + "/numbers.tsv"
  guard let text = try? String(contentsOfFile: raw, encoding: .utf8) else {
    throw CommandLineError.wrong(
      "there is no \(raw) to draw; `make bench-stages` measures")
  }
  let session = try Session(text)
  let why = Why(
    (try? String(contentsOfFile: "Sources/benchstages/why.md", encoding: .utf8)) ?? "")
  let table = out + "/numbers.md"
  let drawing = out + "/numbers.svg"
  try notes(session, why).write(toFile: table, atomically: true, encoding: .utf8)
  try svg(session).write(toFile: drawing, atomically: true, encoding: .utf8)
  for line in unexplained(session, why) { complain(line) }
  print("bench-stages: written: \(table), \(drawing), of \(raw)")
}
