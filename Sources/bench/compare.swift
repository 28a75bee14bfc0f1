// SPDX-License-Identifier: Apache-2.0
//
// bench compare: this runtime and others, in one session, as ratios.
//
// The runs of one workload stand together and the order of the programs
// rotates, so that the two halves of a ratio are neighbours in time: a noisy
// hour slows both. One run says nothing, so there are at least two rounds.

import Arguments
import Glibc

/// A program with bench's command line.
struct Peer {
  var name: String
  var path: String
  var workloads: Set<String>
}

struct Options {
  var rounds = 5
  var limit = 120
  var warm = true
  var out: String?
  /// What to compare with.
  var others: [(name: String, path: String)] = []
  /// The same, found, and this program.
  var peers: [Peer] = []
  var chosen: [String] = []
}

/// One run of one workload.
struct Run {
  var round: Int
  var peer: String
  var workload: String
  var ended: Ended
  /// Of the whole machine meanwhile.
  var stealMs: Double
  var othersMs: Double
  /// Keys and values of the result line, "ns" and "n" among them.
  var values: [String: Double]

  /// Why it does not count, if so.
  var failure: String? {
    if ended.timedOut { return "took too long, stopped" }
    if ended.status != 0 { return "status \(ended.status)" }
    if values["ns"] == nil { return "no result line" }
    return nil
  }

  var noisy: Bool {
    stealMs > 0.05 * ended.wallMs + 10 || othersMs > 0.15 * ended.wallMs + 60
  }
}

let ourName = "goroutines"

/// Returns the exit status: 1 when a run failed.
func compare(_ asked: Options) throws(CommandLineError) -> Int32 {
  var options = asked
  options.peers = try peers(options)
  var works = options.chosen
  if works.isEmpty { works = workloads.map(\.name) }
  let started = machineLine()
  complain("bench: \(started)")
  if let out = options.out, mkdir(out, 0o777) != 0, errno != EEXIST {
    throw refuse("cannot make the folder \(out): errno \(errno)")
  }
  var runs: [Run] = []
  var raw = ""
  var errors = ""
  for round in 1...options.rounds {
    for work in works {
      for k in 0..<options.peers.count {
        let peer = options.peers[(k + round - 1) % options.peers.count]
        if !peer.workloads.contains(work) { continue }
        let run = once(peer, work, round, options)
        runs.append(run)
        progress(run, options)
        raw += rawLine(run)
        if !run.ended.errors.isEmpty {
          errors += "== \(peer.name) \(work), round \(round)\n\(run.ended.errors)\n"
        }
        // After every run, so that an interrupted session keeps what it has.
        save(options, "raw.tsv", raw)
        save(options, "stderr.txt", errors)
      }
    }
  }
  let ended = machineLine()
  save(options, "machine.txt", "started: \(started)\nended: \(ended)\n")
  let table = summary(runs, works, options)
  save(options, "summary.md", table)
  print(table, terminator: "")
  return runs.contains { $0.failure != nil } ? 1 : 0
}

func refuse(_ text: String) -> CommandLineError {
  .wrong("compare: \(text); see bench --help")
}

func parseCompare(_ arguments: ArraySlice<String>) throws(CommandLineError) -> Options {
  var options = Options()
  var rest = arguments
  func value(_ option: String) throws(CommandLineError) -> String {
    guard let v = rest.popFirst() else { throw refuse("\(option) needs a value") }
    return v
  }
  func count(_ option: String, in range: ClosedRange<Int>) throws(CommandLineError) -> Int
  {
    let text = try value(option)
    guard let n = range.number(text) else {
      let bounds = range.bounds
      throw refuse("\(option) \(printable(text)): a number from \(bounds) is needed")
    }
    return n
  }
  while let argument = rest.popFirst() {
    switch argument {
    case "-r": options.rounds = try count(argument, in: 2...1_000_000)
    case "-t": options.limit = try count(argument, in: 1...1_000_000)
    case "-o": options.out = try value(argument)
    case "-w": options.warm = false
    case _ where argument.hasPrefix("-"):
      throw refuse("unknown option \(printable(argument))")
    case _ where argument.contains("=") || argument.contains("/"):
      options.others.append(named(argument))
    default: options.chosen.append(argument)
    }
  }
  return options
}

/// Asks every program for its workloads.
func peers(_ options: Options) throws(CommandLineError) -> [Peer] {
  var peers: [Peer] = []
  for other in options.others {
    if other.name == ourName || peers.contains(where: { $0.name == other.name }) {
      throw refuse("two programs are called \(printable(other.name)); use NAME=PATH")
    }
    let list = execute(other.path, ["list"], limit: 10)
    if list.status != 0 {
      throw refuse("\(other.path) list: status \(list.status) \(list.errors)")
    }
    let names = list.output.split(separator: "\n").map(String.init)
    peers.append(Peer(name: other.name, path: other.path, workloads: Set(names)))
  }
  let own = Set(workloads.map(\.name))
  peers.append(Peer(name: ourName, path: ownPath(), workloads: own))
  for work in options.chosen
  where !peers.contains(where: { $0.workloads.contains(work) }) {
    throw refuse("nobody here has a workload \(printable(work))")
  }
  return peers
}

/// `go=.build/bench-go`, or `.build/bench-go` alone.
func named(_ argument: String) -> (name: String, path: String) {
  let parts = argument.split(
    separator: "=", maxSplits: 1, omittingEmptySubsequences: false
  ).map(String.init)
  if parts.count == 2, !parts[0].isEmpty, !parts[0].contains("/") {
    return (parts[0], parts[1])
  }
  let file = argument.split(separator: "/").last.map(String.init) ?? argument
  return (file.hasPrefix("bench-") ? String(file.dropFirst(6)) : file, argument)
}

func once(_ peer: Peer, _ work: String, _ round: Int, _ options: Options) -> Run {
  let megabytes = options.warm ? warmMegabytes(work) : 0
  if megabytes > 0 {
    _ = execute(ownPath(), ["host-prewarm", String(megabytes)], limit: options.limit)
  }
  let before = MachineTime.read()
  let ended = execute(peer.path, [work], limit: options.limit)
  let after = MachineTime.read()
  return Run(
    round: round,
    peer: peer.name,
    workload: work,
    ended: ended,
    stealMs: after.stealMs - before.stealMs,
    othersMs: max(0, after.busyMs - before.busyMs - ended.cpuMs),
    values: values(of: ended.output, work),
  )
}

/// How much memory a run needs at once; no more than the machine has free.
func warmMegabytes(_ work: String) -> Int {
  var megabytes = 0
  let much = [
    "skynet",
    "idle-memory",
    "steal-fanout",
    "deep-recursion",
    "timers",
    "spawn",
  ]
  if work == "parallel-fib-fine" || much.contains(where: { work.hasPrefix($0) }) {
    megabytes = 2048
  }
  if work == "idle-memory-1m" { megabytes = 5120 }
  let available = kilobytes("/proc/meminfo", "MemAvailable") / 1024
  return min(megabytes, available * 3 / 4)
}

/// The keys of `NAME n ns key=value ...`; none when it is not such a line.
func values(of output: String, _ work: String) -> [String: Double] {
  let line = output.split(separator: "\n").last { $0.hasPrefix(work + " ") }
  let fields = (line ?? "").split(separator: " ")
  guard fields.count >= 3, let n = Double(fields[1]), let ns = Double(fields[2]) else {
    return [:]
  }
  var values = ["n": n, "ns": ns]
  for field in fields.dropFirst(3) {
    let parts = field.split(separator: "=", maxSplits: 1)
    if parts.count == 2, let v = Double(parts[1]) { values[String(parts[0])] = v }
  }
  if let rss = values["bytes_per"], let tables = values["pte_bytes_per"] {
    values["memory_per"] = rss + tables
  }
  return values
}

func progress(_ run: Run, _ options: Options) {
  var text = "bench: round \(run.round) of \(options.rounds): "
  text += "\(run.workload) \(run.peer): "
  if let failure = run.failure {
    text += "FAILED, \(failure)"
    let last = run.ended.errors.split(separator: "\n").first
    if let last { text += ": \(last)" }
  } else {
    text += "\(short(run.values["ns"] ?? 0)) ns/op"
  }
  complain(text)
}

func rawLine(_ run: Run) -> String {
  let ended = run.ended
  let fields = [
    String(run.round),
    run.peer,
    run.workload,
    fixed(ended.wallMs, 0),
    fixed(run.stealMs, 0),
    fixed(run.othersMs + ended.cpuMs, 0),
    String(ended.status),
    String(ended.output.split(separator: "\n").last ?? ""),
  ]
  return fields.joined(separator: "\t") + "\n"
}

func save(_ options: Options, _ name: String, _ text: String) {
  guard let out = options.out else { return }
  let fd = open(out + "/" + name, O_WRONLY | O_CREAT | O_TRUNC, 0o666)
  if fd < 0 { fail("compare: cannot write \(out)/\(name): errno \(errno)") }
  defer { close(fd) }
  var bytes = Array(text.utf8)[...]
  while !bytes.isEmpty {
    let n = bytes.withUnsafeBytes { write(fd, $0.baseAddress, $0.count) }
    if n < 0 { fail("compare: cannot write \(out)/\(name): errno \(errno)") }
    bytes = bytes.dropFirst(n)
  }
}
