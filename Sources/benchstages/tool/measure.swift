// SPDX-License-Identifier: Apache-2.0
//
// Measuring: a process for each number, the stages of a workload one after the other, in
// another order in each round, so that a noisy minute is not one stage's alone.

import Arguments
import Foundation

struct StageProgram {
  let stage: String
  let path: String
}

/// Writes the raw numbers; returns a line for each run that failed, and the folder that has
/// the numbers in the end.
func measure(
  _ programs: [StageProgram],
  _ options: Options
) throws -> (failures: [String], out: String) {
  let all = try catalogue(of: programs)
  let chosen = try choose(options.workloads, of: all, on: programs)
  // Until all are there; what stands in Notes is never half of a session.
  let unfinished = Options.build + "/unfinished.tsv"
  let raw = try Raw(unfinished)
  let before = MachineTime()
  for (key, value) in about(options) {
    raw.write(["about", key, value])
  }
  for p in programs { raw.write(["stage", p.stage, stageName(p.stage)]) }
  for w in chosen { raw.write(["workload"] + w.fields) }

  var failures: [String] = []
  let total =
    options.rounds
    * chosen.map { w in programs.count { w.runs(on: $0.stage) } }
    .reduce(0, +)
  var count = 0
  for round in 1...options.rounds {
    for w in chosen {
      for program in order(programs.filter { w.runs(on: $0.stage) }, round) {
        count += 1
        let head = "\(count) of \(total): \(w.name) on \(program.stage): "
        switch once(program, w, options) {
        case .success(let number):
          raw.write(["run", String(round), w.name, program.stage, String(number)])
          complain(head + "\(short(number)) \(w.unit)")
        case .failure(let failed):
          raw.write(["run", String(round), w.name, program.stage, "failed"])
          complain(head + "FAILED")
          failures.append("\(w.name) on stage \(program.stage): \(failed.message)")
        }
      }
    }
  }
  raw.write(["about", "load-after", load()])
  raw.write(["about", "meanwhile", before.text(until: MachineTime())])
  let isWhole = chosen.count == all.count && !options.isQuick && options.rounds >= 3
  let out = options.out ?? (isWhole && isEveryStage(programs) ? "Notes" : Options.build)
  try FileManager.default.createDirectory(
    atPath: out, withIntermediateDirectories: true)
  try? FileManager.default.removeItem(atPath: out + "/numbers.tsv")
  try FileManager.default.moveItem(atPath: unfinished, toPath: out + "/numbers.tsv")
  return (failures, out)
}

private func isEveryStage(_ programs: [StageProgram]) -> Bool {
  let folders = (try? FileManager.default.contentsOfDirectory(atPath: "Stages")) ?? []
  return programs.count == folders.count { $0.wholeMatch(of: /[0-9][0-9]-.*/) != nil }
}

/// Turned by one in each round, and every second round backwards.
func order<T>(_ items: [T], _ round: Int) -> [T] {
  if items.isEmpty { return items }
  let k = (round - 1) % items.count
  let turned = Array(items[k...] + items[..<k])
  return round % 2 == 1 ? turned : turned.reversed()
}

/// What the stages say of their workloads, which must be the same, and which of them each
/// runs: those whose stage is not later.
private func catalogue(of programs: [StageProgram]) throws -> [Workload] {
  var all: [Workload] = []
  for program in programs {
    let (status, output, errors) = try execute(program.path, ["list"])
    if status != 0 {
      throw CommandLineError.wrong("\(program.path) list: status \(status) \(errors)")
    }
    all = []
    for line in output.split(separator: "\n").map(String.init) {
      var fields = line.components(separatedBy: "\t")
      let isHere = fields.count > 1 ? fields.remove(at: 1) : ""
      guard let w = Workload(fields) else {
        throw CommandLineError.wrong("stage \(program.stage): \(line)")
      }
      guard isHere == (w.runs(on: program.stage) ? "here" : "later") else {
        throw CommandLineError.wrong(
          "\(w.name) is said to need \(w.first), and on stage \(program.stage) it is "
            + "'\(isHere)': its code is in another stage's file")
      }
      all.append(w)
    }
  }
  return all
}

private func choose(
  _ names: [String],
  of all: [Workload],
  on programs: [StageProgram]
) throws(CommandLineError) -> [Workload] {
  let runnable = all.filter { w in programs.contains { w.runs(on: $0.stage) } }
  if names.isEmpty { return runnable }
  for name in names where !runnable.contains(where: { $0.name == name }) {
    guard let w = all.first(where: { $0.name == name }) else {
      let known = all.map(\.name).joined(separator: " ")
      throw .wrong("there is no workload '\(printable(name))'; there are: \(known)")
    }
    throw .wrong("\(name) needs stage \(w.first) or later (\(w.need))")
  }
  return all.filter { names.contains($0.name) }
}

/// The name of the stage's folder.
private func stageName(_ number: String) -> String {
  let folders = (try? FileManager.default.contentsOfDirectory(atPath: "Stages")) ?? []
  return folders.first { $0.hasPrefix(number + "-") } ?? number
}

// MARK: - One measurement

private struct Failed: Error {
  let message: String
}

private func once(
  _ program: StageProgram,
  _ workload: Workload,
  _ options: Options
) -> Result<Double, Failed> {
  let arguments = (options.isQuick ? ["--quick"] : []) + [workload.name]
  guard
    let (status, output, errors) = try? execute(
      program.path, arguments, procs: workload.procs)
  else { return .failure(Failed(message: "cannot start \(program.path)")) }
  let last = errors.split(separator: "\n").first.map { ": \($0)" } ?? ""
  if status == 124 || status == 137 {
    return .failure(Failed(message: "took more than \(limit) s\(last)"))
  }
  if status != 0 { return .failure(Failed(message: "status \(status)\(last)")) }
  let words = output.split(whereSeparator: \.isWhitespace)
  guard words.count == 2, words[0] == workload.name, let number = Double(words[1]),
    number.isFinite
  else { return .failure(Failed(message: "printed no number: \(printable(output))")) }
  return .success(number)
}

/// The longest that a measurement may take, in seconds.
private let limit = 60

/// With a stage's own settings, none of the caller's.
private func execute(
  _ path: String,
  _ arguments: [String],
  procs: Int = 1
) throws -> (status: Int32, output: String, errors: String) {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = ["timeout", "-k", "5", String(limit), path] + arguments
  process.environment = [
    "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin",
    "GOMAXPROCS": String(procs),
  ]
  process.standardInput = FileHandle.nullDevice
  let out = Pipe()
  process.standardOutput = out
  let errors = Options.build + "/errors.txt"
  let file = try emptyFile(errors)
  defer { try? file.close() }
  process.standardError = file
  try process.run()
  let output = out.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  let isSignal = process.terminationReason == .uncaughtSignal
  return (
    isSignal ? 128 + process.terminationStatus : process.terminationStatus,
    String(decoding: output, as: UTF8.self),
    (try? String(contentsOfFile: errors, encoding: .utf8)) ?? ""
  )
}

/// The file of raw numbers, complete after every line.
private struct Raw {
  let file: FileHandle

  init(_ path: String) throws {
    try FileManager.default.createDirectory(
      atPath: Options.build, withIntermediateDirectories: true)
    file = try emptyFile(path)
  }

  func write(_ fields: [String]) {
    file.write(Data((fields.joined(separator: "\t") + "\n").utf8))
  }
}

private func emptyFile(_ path: String) throws(CommandLineError) -> FileHandle {
  guard FileManager.default.createFile(atPath: path, contents: nil),
    let file = FileHandle(forWritingAtPath: path)
  else { throw .wrong("cannot write \(path)") }
  return file
}

// MARK: - The machine

private func about(_ options: Options) -> [(String, String)] {
  let environment = ProcessInfo.processInfo.environment
  let set = ["STAGES", "WORKLOADS", "ROUNDS", "QUICK"].compactMap { name in
    environment[name].flatMap {
      $0.isEmpty ? nil : " \(name)=" + ($0.contains(" ") ? "'\($0)'" : $0)
    }
  }
  let version = try? execute("swift", ["--version"]).output
  return [
    ("command", "make bench-stages" + set.joined()),
    ("date", Date().formatted(.iso8601.year().month().day())),
    ("machine", machine()),
    ("compiler", version?.split(separator: "\n").first.map(String.init) ?? ""),
    ("rounds", String(options.rounds)),
    ("quick", options.isQuick ? "yes" : "no"),
    ("load-before", load()),
  ]
}

/// Processor, number of cores, kernel.
private func machine() -> String {
  let cpuinfo = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
  let model = cpuinfo.split(separator: "\n").first { $0.hasPrefix("model name") }?
    .split(separator: ":").last?.trimmingCharacters(in: .whitespaces)
  let release = try? String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8)
  return "\(model ?? "unknown processor"), "
    + "\(ProcessInfo.processInfo.activeProcessorCount) cores, "
    + "Linux \(release?.trimmingCharacters(in: .whitespacesAndNewlines) ?? "")"
}

private func load() -> String {
  let text = (try? String(contentsOfFile: "/proc/loadavg", encoding: .utf8)) ?? ""
  return text.split(separator: " ").first.map(String.init) ?? ""
}

/// Where the machine's time has gone, in ticks of 10 ms; and this process's children's.
private struct MachineTime {
  var all = 0.0
  var busy = 0.0
  var stolen = 0.0
  var ours = 0.0

  init() {
    let stat = (try? String(contentsOfFile: "/proc/stat", encoding: .utf8)) ?? ""
    // user nice system idle iowait irq softirq steal
    let t = stat.prefix { $0 != "\n" }.split(separator: " ").dropFirst().prefix(8)
      .compactMap { Double($0) }
    if t.count == 8 {
      all = t.reduce(0, +)
      busy = t[0] + t[1] + t[2] + t[5] + t[6]
      stolen = t[7]
    }
    var usage = rusage()
    // RUSAGE_CHILDREN
    getrusage(-1, &usage)
    for part in [usage.ru_utime, usage.ru_stime] {
      ours += Double(part.tv_sec) * 100 + Double(part.tv_usec) / 1e4
    }
  }

  /// Percent of the machine's time that others used, and that the host took.
  func text(until end: MachineTime) -> String {
    let whole = max(1, end.all - all)
    let others = max(0, end.busy - busy - (end.ours - ours))
    return "\(Int(100 * others / whole)) \(Int(100 * (end.stolen - stolen) / whole))"
  }
}
