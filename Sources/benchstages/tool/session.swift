// SPDX-License-Identifier: Apache-2.0
//
// What was measured: the file of raw numbers, and what can be said of it.
//
// A line of the file is one of these, its fields separated by tabs:
//
//   about     KEY       VALUE
//   stage     NN        NN-slug
//   workload  NAME      STAGE  NEED  PROCS  less|more  UNIT  WHAT
//   run       ROUND     NAME  NN  NUMBER|failed

import Foundation

struct Stage {
  let number: String
  let name: String
}

struct Workload {
  let name: String
  /// The first stage that has what it needs, and what that is.
  let first: String
  let need: String
  let procs: Int
  let lessIsBetter: Bool
  let unit: String
  let what: String

  /// From the fields of a line, the name first.
  init?(_ fields: [String]) {
    guard fields.count == 7, let procs = Int(fields[3]) else { return nil }
    name = fields[0]
    first = fields[1]
    need = fields[2]
    self.procs = procs
    lessIsBetter = fields[4] == "less"
    unit = fields[5]
    what = fields[6]
  }

  var fields: [String] {
    [name, first, need, String(procs), lessIsBetter ? "less" : "more", unit, what]
  }

  func runs(on stage: String) -> Bool { first.prefix(2) <= stage }
}

struct NotRaw: Error, CustomStringConvertible {
  let line: String

  var description: String { "a line that is none of raw numbers: \(line)" }
}

struct Session {
  private(set) var about: [String: String] = [:]
  private(set) var stages: [Stage] = []
  private(set) var workloads: [Workload] = []
  /// By workload, stage and round; nil: it failed.
  private var values: [String: [String: [Int: Double?]]] = [:]

  init(_ text: String) throws {
    for line in text.split(separator: "\n").map(String.init) {
      let fields = line.components(separatedBy: "\t")
      switch (fields[0], fields.count) {
      case ("about", 3): about[fields[1]] = fields[2]
      case ("stage", 3): stages.append(Stage(number: fields[1], name: fields[2]))
      case ("workload", _):
        guard let w = Workload(Array(fields.dropFirst())) else {
          throw NotRaw(line: line)
        }
        workloads.append(w)
      case ("run", 5):
        guard let round = Int(fields[1]) else { throw NotRaw(line: line) }
        let value: Double?? = fields[4] == "failed" ? .some(nil) : Double(fields[4])
        guard let value else { throw NotRaw(line: line) }
        values[fields[2], default: [:]][fields[3], default: [:]][round] = .some(value)
      default: throw NotRaw(line: line)
      }
    }
  }

  func stages(of workload: Workload) -> [Stage] {
    stages.filter { values[workload.name]?[$0.number] != nil }
  }

  func spread(_ workload: Workload, _ stage: Stage) -> Spread? {
    Spread(numbers(workload, stage).map(\.value))
  }

  /// How its number is to that of the stage before, round by round.
  func change(_ workload: Workload, _ stage: Stage) -> Change? {
    let here = stages(of: workload)
    guard let i = here.firstIndex(where: { $0.number == stage.number }), i > 0 else {
      return nil
    }
    let before = numbers(workload, here[i - 1])
    guard let old = spread(workload, here[i - 1]), let new = spread(workload, stage)
    else { return nil }
    let ratios = numbers(workload, stage).compactMap { round, value in
      before[round].flatMap { $0 > 0 ? value / $0 : nil }
    }
    let overlaps = old.least <= new.most && new.least <= old.most
    return Spread(ratios).map {
      Change(ratio: $0, lessIsBetter: workload.lessIsBetter, overlaps: overlaps)
    }
  }

  private func numbers(_ workload: Workload, _ stage: Stage) -> [Int: Double] {
    (values[workload.name]?[stage.number] ?? [:]).compactMapValues { $0 }
  }
}

/// A median and the range around it.
struct Spread {
  let median: Double
  let least: Double
  let most: Double
  let count: Int

  init?(_ values: [Double]) {
    let v = values.sorted()
    guard let first = v.first, let last = v.last else { return nil }
    let k = v.count / 2
    median = v.count % 2 == 1 ? v[k] : (v[k - 1] + v[k]) / 2
    least = first
    most = last
    count = v.count
  }
}

/// A stage beside the one before.
struct Change {
  enum Verdict: String {
    case better
    case worse
    /// The rounds do not agree, or the difference is small.
    case same = ""
  }

  let ratio: Spread
  let lessIsBetter: Bool
  /// Whether the ranges of the two stages meet.
  let overlaps: Bool

  /// A difference of which all rounds say the same, and each at least 5 %, while the ranges
  /// do not meet. Fewer than three rounds say nothing.
  var verdict: Verdict {
    if ratio.count < 3 || overlaps { return .same }
    if ratio.most < 0.95 { return lessIsBetter ? .better : .worse }
    if ratio.least > 1.05 { return lessIsBetter ? .worse : .better }
    return .same
  }
}

/// Three digits, thousands separated: 0.0123, 1.23, 12.3, 123, 12,345.
func short(_ x: Double) -> String {
  let a = abs(x)
  guard a.isFinite, a < 1e15 else { return "\(x)" }
  if a >= 999.5 {
    var digits = String(Int(a.rounded()))
    var groups: [String] = []
    while digits.count > 3 {
      groups.insert(String(digits.suffix(3)), at: 0)
      digits.removeLast(3)
    }
    return (x < 0 ? "-" : "") + ([digits] + groups).joined(separator: ",")
  }
  let places = a == 0 ? 0 : a >= 99.95 ? 0 : a >= 9.995 ? 1 : a >= 0.9995 ? 2 : 3
  return String(format: "%.\(places)f", x)
}
