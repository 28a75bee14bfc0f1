// SPDX-License-Identifier: Apache-2.0
//
// Numbers and causes in words, the part of a trace that is asked for, and counts.

import TraceFile

/// A trace, and how it is called in pictures.
struct Named {
  let name: String
  let line: Timeline
}

/// The part of a trace that is asked for, in nanoseconds.
struct Window {
  let from: Int64
  let to: Int64

  init(_ options: Options, _ line: Timeline) {
    from = options.from ?? 0
    to = max(from + 1, options.to ?? line.end)
  }

  func shows(_ start: Int64, _ end: Int64) -> Bool { start <= to && end >= from }
}

/// "12,345".
func grouped(_ n: Int) -> String {
  var digits = String(n.magnitude)
  var at = digits.endIndex
  while digits.distance(from: digits.startIndex, to: at) > 3 {
    at = digits.index(at, offsetBy: -3)
    digits.insert(",", at: at)
  }
  return n < 0 ? "-" + digits : digits
}

/// "12,345.678": n / scale, with that many digits after the point.
func decimal(_ n: Int64, per scale: Int64, digits: Int) -> String {
  var power: Int64 = 1
  for _ in 0..<digits { power *= 10 }
  let (whole, rest) = n.quotientAndRemainder(dividingBy: scale)
  if digits == 0 { return grouped(Int(whole)) }
  let part = String(rest * power / scale)
  return grouped(Int(whole)) + "." + String(repeating: "0", count: digits - part.count)
    + part
}

func duration(_ ns: Int64) -> String {
  switch ns {
  case ..<1000: "\(ns) ns"
  case ..<10_000: decimal(ns, per: 1000, digits: 2) + " us"
  case ..<1_000_000: decimal(ns, per: 1000, digits: 1) + " us"
  case ..<1_000_000_000: decimal(ns, per: 1_000_000, digits: 2) + " ms"
  default: decimal(ns, per: 1_000_000_000, digits: 2) + " s"
  }
}

/// "1 steal", "2 steals".
func count(_ n: Int, _ thing: String) -> String {
  "\(grouped(n)) \(thing)\(n == 1 ? "" : "s")"
}

extension Timeline {
  /// How a stint began.
  func beginning(_ stint: Stint) -> String {
    let by = stint.wake.by
    let who = by >= 0 ? name(stints[Int(by)].goroutine) : ""
    switch stint.wake.cause {
    case .unknown: return ""
    case .created: return by >= 0 ? "made by \(who)" : "made by the runtime"
    case .readied: return "woken by \(who)"
    case .timer: return "woken by a timer"
    case .network: return "woken by the network"
    case .scheduler: return "woken by the scheduler"
    case .yielded: return "goes on"
    case .queued: return "was in a system call"
    case .entered: return ""
    case .returned: return "was in a system call"
    }
  }

  /// How it ended.
  func ending(_ stint: Stint) -> String {
    switch stint.ending {
    case .open: "the trace ends"
    case .yielded: "yields"
    case .preemptedAtCheck: "preempted at a check"
    case .preemptedBySignal: "preempted by a signal"
    case .parked: reasons[stint.reason] ?? "waits"
    case .exited: "ends"
    case .entered: "system call"
    case .returned: "returns"
    case .queued: "returns to no P"
    case .abandoned: "abandoned"
    case .lost: "unknown"
    }
  }

  func summary(_ title: String) -> String {
    var parts: [String] = []
    if !ps.isEmpty { parts.append(count(ps.count, "P")) }
    parts += [count(ms.count, "M"), count(goroutines.count, "goroutine")]
    let lost = dropped > 0 ? ", and \(grouped(Int(clamping: dropped))) were dropped" : ""
    return
      "\(title): stage \(stage), \(count(eventCount, "event")) in \(duration(end))\(lost); "
      + parts.joined(separator: ", ")
  }
}

/// How many lanes and arrows a picture has; viewer.html counts the same by itself.
func counts(_ line: Timeline) -> String {
  func arrows(_ kind: Arrow.Kind) -> Int { line.arrows.count { $0.kind == kind } }
  let all: [(String, Int)] = [
    ("events", line.eventCount),
    ("ps", line.ps.count), ("ms", line.ms.count), ("goroutines", line.goroutines.count),
    ("stints", line.stints.count), ("go", line.wakes(.created)),
    ("wake", line.wakes(.readied)), ("timer", line.wakes(.timer)),
    ("network", line.wakes(.network)), ("scheduler", line.wakes(.scheduler)),
    ("steal", arrows(.steal)), ("handoff", arrows(.handoff)), ("notify", arrows(.notify)),
  ]
  return all.map { "\($0.0) \($0.1)" }.joined(separator: "\n")
}
