// SPDX-License-Identifier: Apache-2.0
//
// A change that was made in one stage, carried into all later ones.
//
// Each later stage's file is merged with the change: base is the file as committed.
// All merges are made before anything is written, and a file is replaced whole.

import Arguments
import Foundation

let attemptFolder = ".build/propagate"

private enum Outcome {
  case merged(Data)
  case identical
  case conflict(attempt: String, hunks: [String])
  case new(Data)
  case absent
  case link(String)

  var word: String {
    switch self {
    case .merged: "merged"
    case .identical: "identical"
    case .conflict: "CONFLICT"
    case .new: "new"
    case .absent: "absent"
    case .link: "a link"
    }
  }
}

func propagate(_ ladder: Ladder, _ options: Options) throws -> Report {
  let from = try ladder.stage(options.stages[0])
  let name = options.file!
  let path = ladder.path(name, in: from)
  let short = path.dropFirst(
    (path.hasPrefix("Tests/") ? from.tests : from.folder).count + 1)
  if let target = ladder.linked(path) {
    throw Failure("\(path) is a link to \(target): change that; the link shows it")
  }
  guard let new = ladder.data(path) else {
    throw Failure("\(path) cannot be read: FILE is named as in FILE=Runtime/chan.swift")
  }
  if ["README.md", "CHANGES"].contains(short), path.hasPrefix("Stages/") {
    throw Failure("\(path) is each stage's own")
  }
  if hasMarkers(new) {
    throw Failure("\(path) has marks of a conflict in it: resolve that first")
  }
  let base = try ladder.git.file(path, at: options.since)
  if base == new {
    throw Failure(
      "\(path) is as in \(options.since): change it, then propagate, then commit."
        + " For a change that is committed: SINCE=HEAD~1")
  }
  let merge = Merge(ladder: ladder, from: from, base: base, new: new)
  let number = from.number
  let later = ladder.stages.filter { $0.number > number }
  if later.isEmpty {
    return Report(lines: ["propagate: \(from.name) is the last stage: nothing to do"])
  }

  var report = Report(lines: ["\(path), since \(options.since):"])
  var outcomes: [(stage: Stage, path: String, outcome: Outcome)] = []
  for stage in later {
    let there = (path.hasPrefix("Tests/") ? stage.tests : stage.folder) + "/\(short)"
    let outcome = try merge.outcome(stage, there)
    outcomes.append((stage, there, outcome))
    var line = "  \(left(stage.name, 24)) \(outcome.word)"
    if case .link(let target) = outcome { line += " to \(target)" }
    report.lines.append(line)
  }
  for stage in ladder.stages where stage.number < number {
    let there = (path.hasPrefix("Tests/") ? stage.tests : stage.folder) + "/\(short)"
    if case .merged = try merge.outcome(stage, there, keepsAttempt: false) {
      report.lines.append(
        "  \(left(stage.name, 24)) earlier, and the change fits there, too")
    }
  }

  var writes: [(String, Data)] = []
  var conflicts: [Stage] = []
  for (stage, there, outcome) in outcomes {
    switch outcome {
    case .merged(let data), .new(let data):
      writes.append((there, data))
    case .conflict(let attempt, let hunks):
      conflicts.append(stage)
      report.lines += ["", "\(there):"] + hunks.map { "  " + $0 }
      report.lines.append("  the attempt: \(attempt)")
    case .identical, .absent, .link:
      break
    }
  }
  report.isGood = conflicts.isEmpty
  report.lines.append("")
  let count = plural(conflicts.count, "conflict")
  if let first = conflicts.first {
    report.lines.append(
      "By hand in \(first.folder) first, and from there on: FROM=\(first.number)")
  }
  if !conflicts.isEmpty && !options.keepGoing {
    report.lines.append(
      "propagate: \(count), nothing written; KEEP_GOING=1 writes the others")
    return report
  }
  try replace(ladder, writes)
  report.lines.append(
    "propagate: \(plural(writes.count, "file")) written"
      + (conflicts.isEmpty ? "" : ", \(count) left")
      + (writes.isEmpty ? "" : ". Then: make parity, make diffs, make drift, make test"))
  return report
}

private struct Merge {
  let ladder: Ladder
  let from: Stage
  let base: Data?
  let new: Data

  /// Would the change fit? `there` is the file in the other stage.
  func outcome(_ stage: Stage, _ there: String, keepsAttempt: Bool = true) throws
    -> Outcome
  {
    if let target = ladder.linked(there) { return .link(target) }
    let ours = data(new, stage)
    guard let current = ladder.data(there) else {
      return base == nil ? .new(ours) : .absent
    }
    if current == ours { return .identical }
    let scratch = FileManager.default.temporaryDirectory
      .appendingPathComponent("propagate-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
      at: scratch, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: scratch) }
    func scratchFile(_ name: String, _ data: Data) throws -> String {
      let file = scratch.appendingPathComponent(name)
      try data.write(to: file)
      return file.path
    }
    let result = try ladder.git.run([
      "merge-file", "-p", "-q", "--diff3",
      "-L", stage.name, "-L", "\(from.name), before", "-L", "\(from.name), changed",
      try scratchFile("current", current),
      try scratchFile("base", base.map { data($0, stage) } ?? Data()),
      try scratchFile("changed", ours),
    ])
    // The number of conflicts, up to 127; anything above is an error.
    if result.status > 127 {
      throw Failure("git cannot merge \(there): \(result.complaint)")
    }
    if result.status == 0 {
      return result.output == current ? .identical : .merged(result.output)
    }
    let attempt = "\(attemptFolder)/\(there)"
    if keepsAttempt {
      let file = ladder.url(attempt)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try result.output.write(to: file, options: .atomic)
    }
    return .conflict(attempt: attempt, hunks: conflictHunks(result.output))
  }

  /// The text as the other stage would have it: the lines that name a stage name that.
  private func data(_ data: Data, _ stage: Stage) -> Data {
    let lines = data.split(separator: newline, omittingEmptySubsequences: false)
    let result = lines.map { line -> Data in
      let text = String(decoding: line, as: UTF8.self)
      let other = renumbered(text, stage.number)
      return other == text ? Data(line) : Data(other.utf8)
    }
    return Data(result.joined(separator: [newline]))
  }
}

private let opening = "<<<<<<< "
private let closing = ">>>>>>> "

private func hasMarkers(_ data: Data) -> Bool {
  let lines = String(decoding: data, as: UTF8.self).components(separatedBy: "\n")
  return lines.contains { $0.hasPrefix(opening) || $0.hasPrefix(closing) }
}

private func conflictHunks(_ data: Data) -> [String] {
  var result: [String] = []
  var inside = false
  for line in String(decoding: data, as: UTF8.self).components(separatedBy: "\n") {
    if line.hasPrefix(opening) { inside = true }
    if inside { result.append(line) }
    if line.hasPrefix(closing) { inside = false }
  }
  return result
}

/// Replaces all of these files, or none: each is first written beside its place.
private func replace(_ ladder: Ladder, _ writes: [(path: String, data: Data)]) throws {
  let files = FileManager.default
  var temporary: [(from: String, to: String)] = []
  do {
    for (path, data) in writes {
      let place = ladder.url(path).path
      let beside = place + ".propagate~"
      temporary.append((beside, place))
      try files.createDirectory(
        atPath: (place as NSString).deletingLastPathComponent,
        withIntermediateDirectories: true)
      try data.write(to: URL(fileURLWithPath: beside))
      if let mode = try? files.attributesOfItem(atPath: place)[.posixPermissions] {
        try files.setAttributes([.posixPermissions: mode], ofItemAtPath: beside)
      }
    }
  } catch {
    for (beside, _) in temporary { try? files.removeItem(atPath: beside) }
    throw Failure("nothing written: \(error.localizedDescription)")
  }
  let before = writes.map { (path: $0.path, data: ladder.data($0.path)) }
  for (i, (beside, place)) in temporary.enumerated() where rename(beside, place) != 0 {
    let reason = String(cString: strerror(errno))
    for (rest, _) in temporary { try? files.removeItem(atPath: rest) }
    for (path, data) in before.prefix(i) {
      if let data {
        try data.write(to: ladder.url(path))
      } else {
        unlink(ladder.url(path).path)
      }
    }
    throw Failure("nothing written: \(place) cannot be replaced: \(reason)")
  }
}
