// SPDX-License-Identifier: Apache-2.0
//
// The table of bench compare: medians, ranges, ratios, goals.
//
// A ratio is the median over the rounds of (this program in that round / the
// base in that round). Trust it and the ranges more than the medians.

/// What this runtime has to reach.
enum Goal {
  /// Times the base, at most.
  case ratio(Double)
  case atMost(Double)
  case atLeast(Double)

  var text: String {
    switch self {
    case .ratio(let limit): "x \(fixed(limit, 1))"
    case .atMost(let limit): "<= \(short(limit))"
    case .atLeast(let limit): ">= \(fixed(limit, 1))"
    }
  }
}

/// A quantity that is worth a line.
struct Metric {
  var key = "ns"
  var label = "ns/op"
  var goal: Goal?
}

/// The lines of a workload; the first is the one that counts.
func metrics(_ workload: String) -> [Metric] {
  let more: [Metric]
  switch workload {
  case "idle-memory", "idle-memory-1m":
    more = [
      Metric(
        key: "memory_per",
        label: "bytes each, RSS and page tables",
        goal: .atMost(4600),
      ),
      Metric(key: "bytes_per", label: "bytes each, RSS"),
      Metric(key: "pte_bytes_per", label: "bytes each, page tables"),
      Metric(key: "release_ns_per", label: "ns to release each"),
    ]
  case "deep-recursion":
    more = [
      Metric(key: "repeat_ns", label: "ns/frame again"),
      Metric(key: "fresh_ns", label: "ns/frame, fresh goroutine"),
      Metric(key: "frame_bytes", label: "frame bytes"),
    ]
  case "steal-fanout":
    more = [
      Metric(
        key: "eff",
        label: "efficiency (more is better)",
        goal: .atLeast(0.8),
      )
    ]
  case "parallel-fib", "parallel-fib-fine", "nqueens":
    more = [
      Metric(key: "serial_ms", label: "ms serial"),
      Metric(key: "eff", label: "efficiency (more is better)"),
    ]
  case "timers":
    more = [
      Metric(key: "late_p50_us", label: "us late, p50"),
      Metric(key: "late_p99_us", label: "us late, p99"),
    ]
  case "preempt-latency":
    more = [
      Metric(key: "late_p50_us", label: "us late, p50"),
      Metric(key: "late_p99_us", label: "us late, p99"),
      Metric(key: "samples", label: "wake-ups (more is better)"),
    ]
  case "syscall-handoff":
    more = [
      Metric(key: "total_ms", label: "ms (65 is ideal)"),
      Metric(key: "cpu_progress", label: "CPU progress (more is better)"),
    ]
  case "echo":
    more = [
      Metric(key: "rps", label: "requests/s (more is better)"),
      Metric(key: "p50_us", label: "us, p50"),
      Metric(key: "p99_us", label: "us, p99"),
    ]
  default:
    more = []
  }
  return [Metric(goal: ratioGoal(workload))] + more
}

func ratioGoal(_ workload: String) -> Goal? {
  switch workload {
  case "yield", "yield-1k", "chan-pingpong", "chan-pingpong-mp", "chan-buffered",
    "chan-buffered-mp", "sieve", "sieve-p1":
    .ratio(0.6)
  case "spawn", "spawn-mp", "select", "select-mp", "preempt-latency", "syscall-handoff":
    .ratio(0.8)
  case "chan-mpmc", "mutex", "mutex-p1", "timers", "deep-recursion", "parallel-fib",
    "parallel-fib-fine", "nqueens", "echo":
    .ratio(1.0)
  case "skynet", "skynet-p1", "idle-memory", "idle-memory-1m":
    .ratio(1.3)
  default:
    nil
  }
}

/// A median and the range around it.
struct Spread {
  var median: Double
  var low: Double
  var high: Double

  init?(_ values: [Double]) {
    let v = values.sorted()
    guard let first = v.first, let last = v.last else { return nil }
    let k = v.count / 2
    median = v.count % 2 == 1 ? v[k] : (v[k - 1] + v[k]) / 2
    low = first
    high = last
  }

  var text: String { "\(short(median)) (\(short(low))..\(short(high)))" }
}

/// Three digits or so; thousands separated.
func short(_ x: Double) -> String {
  let a = abs(x)
  if a >= 1000 {
    var digits = fixed(a, 0)
    var groups: [String] = []
    while digits.count > 3 {
      groups.insert(String(digits.suffix(3)), at: 0)
      digits.removeLast(3)
    }
    return (x < 0 ? "-" : "") + ([digits] + groups).joined(separator: ",")
  }
  return fixed(x, a >= 100 ? 0 : a >= 10 ? 1 : a >= 0.1 || a == 0 ? 2 : 3)
}

/// The runs that count, by workload and program and round.
struct Table {
  private var values: [String: [Int: [String: Double]]] = [:]

  init(_ runs: [Run]) {
    for run in runs where run.failure == nil {
      values["\(run.workload) \(run.peer)", default: [:]][run.round] = run.values
    }
  }

  func spread(_ workload: String, _ peer: String, _ key: String) -> Spread? {
    Spread((values["\(workload) \(peer)"] ?? [:]).values.compactMap { $0[key] })
  }

  /// Of the rounds in which both ran.
  func ratio(
    _ workload: String,
    _ peer: String,
    to base: String,
    _ key: String,
  ) -> Spread? {
    let bases = values["\(workload) \(base)"] ?? [:]
    var ratios: [Double] = []
    for (round, mine) in values["\(workload) \(peer)"] ?? [:] {
      if let a = mine[key], let b = bases[round]?[key], b != 0 { ratios.append(a / b) }
    }
    return Spread(ratios)
  }
}

func row(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |\n" }

func summary(_ runs: [Run], _ works: [String], _ options: Options) -> String {
  let table = Table(runs)
  let ours = ourName
  let names = options.peers.map(\.name)
  // Without another program there is nothing to compare with.
  let base = names.first == ours ? nil : names.first
  let others = names.dropFirst().filter { $0 != ours }
  var head = ["workload", "quantity"]
  if let base { head.append(base) }
  head.append(ours)
  if base != nil { head.append("ratio") }
  head += ["goal", "met"]
  for other in others { head += [other, "\(other) ratio"] }
  var text = row(head) + "|" + String(repeating: "---|", count: head.count) + "\n"
  var missed: [String] = []
  for work in works {
    for metric in metrics(work) {
      let mine = table.spread(work, ours, metric.key)
      var cells = [work, metric.label]
      if let base { cells.append(table.spread(work, base, metric.key)?.text ?? "") }
      cells.append(mine?.text ?? "")
      let ratio = base.flatMap { table.ratio(work, ours, to: $0, metric.key) }
      if base != nil { cells.append(ratio?.text ?? "") }
      let verdict = metric.goal.map { judge($0, mine, ratio) } ?? ""
      cells += [metric.goal?.text ?? "", verdict]
      if verdict.hasPrefix("NO") { missed.append("\(work), \(metric.label)") }
      for other in others {
        cells.append(table.spread(work, other, metric.key)?.text ?? "")
        let r = base.flatMap { table.ratio(work, other, to: $0, metric.key) }
        cells.append(r?.text ?? "")
      }
      if cells.dropFirst(2).contains(where: { !$0.isEmpty }) { text += row(cells) }
    }
  }
  return text + notes(runs, missed, base, options)
}

func judge(_ goal: Goal, _ mine: Spread?, _ ratio: Spread?) -> String {
  let spread: Spread?
  let limit: Double
  var less = true
  switch goal {
  case .ratio(let x): (spread, limit) = (ratio, x)
  case .atMost(let x): (spread, limit) = (mine, x)
  case .atLeast(let x): (spread, limit, less) = (mine, x, false)
  }
  if mine == nil { return "NO (no result)" }
  guard let spread else { return "" }
  let met = less ? spread.median <= limit : spread.median >= limit
  // Some rounds say one thing and some the other.
  let mixed = spread.low < limit && spread.high > limit
  return (met ? "yes" : "NO") + (mixed ? " (mixed)" : "")
}

func notes(
  _ runs: [Run],
  _ missed: [String],
  _ base: String?,
  _ options: Options,
) -> String {
  let rounds = options.rounds
  var text = "\nMedian (lowest..highest) of \(rounds) rounds, the programs interleaved"
  text += " and their order rotated."
  if let base {
    text += " The ratio is to \(base): the median of the ratios round by round,"
    text += " and their range."
    text += " Goals are for \(ourName); mixed: not the same in every round."
  }
  text += "\n\n\(machineLine()).\n"
  let wall = runs.reduce(0) { $0 + $1.ended.wallMs }
  let steal = runs.reduce(0) { $0 + $1.stealMs }
  let busy = runs.reduce(0) { $0 + $1.othersMs }
  text += "While the programs ran, \(short(wall / 1e3)) s in all, the host took"
  text += " \(short(steal / 1e3)) s of CPU time (steal)"
  text += " and other processes \(short(busy / 1e3)) s.\n"
  text += section("Goals missed", missed)
  text += section(
    "Failed runs",
    runs.compactMap { run in
      run.failure.map { "\(run.peer) \(run.workload), round \(run.round): \($0)" }
    },
  )
  text += section(
    "Noisy runs (steal above 5 % of the wall time, or others above 15 %)",
    runs.filter(\.noisy).map {
      "\($0.peer) \($0.workload), round \($0.round): wall \(short($0.ended.wallMs)) ms,"
        + " steal \(short($0.stealMs)) ms, others \(short($0.othersMs)) ms"
    },
  )
  return text
}

func section(_ title: String, _ lines: [String]) -> String {
  if lines.isEmpty { return "" }
  return "\n\(title): \(lines.count)\n\n" + lines.map { "- \($0)\n" }.joined()
}
