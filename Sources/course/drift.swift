// SPDX-License-Identifier: Apache-2.0
//
// The rules between neighbours: what differs is what the step is about.

import Foundation

/// How many lines may change in files that exist on both sides, by the later stage. Two
/// steps are as large as Go's own were: threads, with which all that goroutines share needs
/// a lock, and the scheduler a stack of its own; and Ps. A stage between would be one that
/// nobody ever had.
let lineLimits = ["03": 850, "05": 500]
let lineLimit = 300

/// What is good.
let goodLines = 150

func drift(_ ladder: Ladder) -> Report {
  var report = Report()
  var problems = linkProblems(ladder) + folderProblems(ladder)
  if ladder.pairs.isEmpty {
    report.lines.append(
      "drift: only one stage is here, \(ladder.stages[0].name): it has no neighbour")
  }
  for (a, b) in ladder.pairs {
    let step = Step(ladder, a, b)
    let size = tally(ladder, step)
    let limit = lineLimits[b.number] ?? lineLimit
    report.lines.append(summary(ladder, step, size, limit))
    if size.total > limit {
      problems.append(
        "\(b.folder): \(size.total) lines change in files that \(a.name) has, and"
          + " \(limit) may: take something out, or put a stage between")
    }
    problems += listProblems(ladder, step)
    let folders = (a.folder, b.folder)
    problems += StepRules(ladder, folders, step.changed, step.new, step.gone).problems
    problems += testProblems(ladder, step)
  }
  problems += staleDiffs(ladder)
  report.lines += problems.map { "  " + $0 }
  report.isGood = problems.isEmpty
  let checked = "drift: \(plural(ladder.pairs.count, "pair")) of neighbours"
  report.lines.append(
    problems.isEmpty
      ? "\(checked), no problem" : "\(checked), \(plural(problems.count, "problem"))"
  )
  return report
}

private func summary(_ ladder: Ladder, _ step: Step, _ size: Tally, _ limit: Int)
  -> String
{
  var line =
    "\(step.a.number) to \(step.b.name): \(size.text), \(size.total) of \(limit) lines"
  line += " in \(plural(step.changed.count, "file"))"
  if !step.new.isEmpty {
    let lines = step.new.reduce(0) {
      $0 + (ladder.source("\(step.b.folder)/\($1)")?.lines.count ?? 0)
    }
    line += "; \(step.new.count) new with \(plural(lines, "line"))"
  }
  if !step.gone.isEmpty { line += "; \(step.gone.count) gone" }
  if size.total > goodLines && size.total <= limit {
    line += " (up to \(goodLines) is good)"
  }
  return line
}

/// CHANGES names the files that differ, and no others.
func listProblems(_ ladder: Ladder, _ step: Step) -> [String] {
  let (a, b) = (step.a, step.b)
  let list = "\(b.folder)/CHANGES"
  var problems: [String] = []
  if !ladder.exists(list) {
    problems.append("\(list) is missing: it lists the files that differ from \(a.name)")
  }
  var seen: Set<String> = []
  for entry in step.order.entries {
    let place = "\(list):\(entry.line)"
    if !seen.insert(entry.path).inserted {
      problems.append("\(place): \(entry.path) is listed twice")
    } else if entry.isGone {
      let isTest = entry.path.hasPrefix("Tests/")
      let (old, new) = (ladder.path(entry.path, in: a), ladder.path(entry.path, in: b))
      let isGone =
        isTest
        ? ladder.exists(old) && !ladder.exists(new) : step.gone.contains(entry.path)
      if !isGone {
        problems.append(
          "\(place): \(entry.path) is said to be gone, but "
            + (ladder.exists(new) ? "it is here" : "\(a.name) did not have it"))
      }
    } else if !step.changed.contains(entry.path), !step.new.contains(entry.path) {
      let isHere = ladder.exists("\(b.folder)/\(entry.path)")
      problems.append(
        "\(place): \(entry.path) "
          + (isHere ? "is the same in \(a.name)" : "does not exist")
          + ": take the line out")
    }
  }
  for path in step.changed + step.new where !seen.contains(path) {
    let what = step.new.contains(path) ? "is new" : "differs from \(a.folder)/\(path)"
    problems.append(
      "\(b.folder)/\(path) \(what), and CHANGES does not list it: undo that, or list it")
  }
  let goes = Set(step.order.entries.filter(\.isGone).map(\.path))
  for path in step.gone where !goes.contains(path) {
    problems.append(
      "\(b.folder)/\(path) is missing: \(a.name) has it. If it must go, CHANGES says: - \(path)"
    )
  }
  return problems
}

/// The rules for the text of two folders' files.
struct StepRules {
  private let folders: (a: String, b: String)
  private let changed: [(Source, Source)]
  private let new: [Source]
  private let gone: [Source]
  private(set) var problems: [String] = []

  init(
    _ ladder: Ladder, _ folders: (String, String), _ changed: [String], _ new: [String],
    _ gone: [String]
  ) {
    self.folders = folders
    self.changed = changed.compactMap { path in
      guard let a = ladder.source("\(folders.0)/\(path)"),
        let b = ladder.source("\(folders.1)/\(path)")
      else { return nil }
      return (a, b)
    }
    self.new = new.compactMap { ladder.source("\(folders.1)/\($0)") }
    self.gone = gone.compactMap { ladder.source("\(folders.0)/\($0)") }
    for (a, b) in self.changed {
      problems += hunkProblems(a, b) + orderProblems(a, b)
    }
    checkNames()
    for file in self.gone { checkRenamed(file) }
  }

  // Declarations of the whole step, each by its name if that occurs once.

  private struct Placed {
    let source: Source
    let declaration: Declaration
  }

  private func placed(_ sources: [Source]) -> [String: Placed] {
    var result: [String: Placed] = [:]
    var twice: Set<String> = []
    for source in sources {
      for declaration in source.declarations
      where declaration.keyword != "import" && declaration.keyword != "extension" {
        let name = declaration.name
        if result[name] != nil { twice.insert(name) }
        result[name] = Placed(source: source, declaration: declaration)
      }
    }
    return result.filter { !twice.contains($0.key) }
  }

  /// No declaration moves to another file, and none gets another name.
  private mutating func checkNames() {
    let oldFiles = changed.map(\.0) + gone
    let newFiles = changed.map(\.1) + new
    let (old, now) = (placed(oldFiles), placed(newFiles))
    for (name, was) in old.sorted(by: { $0.key < $1.key }) {
      guard let `is` = now[name] else { continue }
      if below(was.source.path, folders.a) != below(`is`.source.path, folders.b) {
        problems.append(
          "\(place(`is`)): \(name) stands in another file than before,"
            + " \(was.source.path): let it stay there")
      } else if let names = renamedWithin(was, `is`) {
        problems.append(
          "\(place(`is`)): in \(name) only names differ, \(names): let them be the same")
      }
    }
    func names(_ sources: [Source]) -> Set<String> {
      Set(sources.flatMap { $0.declarations.map(\.name) })
    }
    let (oldNames, newNames) = (names(oldFiles), names(newFiles))
    var bodies: [[Token]: Placed] = [:]
    for source in oldFiles {
      for declaration in source.declarations where !newNames.contains(declaration.name) {
        if let body = body(source, declaration) {
          bodies[body] = Placed(source: source, declaration: declaration)
        }
      }
    }
    // Members of what was renamed have another name, too, which needs no mention.
    var renamed: Set<String> = []
    for source in newFiles {
      for declaration in source.declarations where !oldNames.contains(declaration.name) {
        let outer = declaration.name.split(separator: ".").dropLast().joined(
          separator: ".")
        if renamed.contains(outer) {
          renamed.insert(declaration.name)
        } else if let body = body(source, declaration), let was = bodies[body] {
          renamed.insert(declaration.name)
          problems.append(
            "\(place(Placed(source: source, declaration: declaration))):"
              + " \(declaration.name) is \(was.declaration.name) under another name:"
              + " a thing keeps its name in all stages")
        }
      }
    }
  }

  private func place(_ placed: Placed) -> String {
    "\(placed.source.path):\(placed.declaration.lines.lowerBound + 1)"
  }

  private func below(_ path: String, _ folder: String) -> Substring {
    path.dropFirst(folder.count + 1)
  }

  /// What a declaration consists of without its own name; nil if that is too little
  /// to tell it from others.
  private func body(_ source: Source, _ declaration: Declaration) -> [Token]? {
    let last = declaration.name.split(separator: ".").last.map(String.init)
    let body = source.lexed.tokens[declaration.tokens].map {
      Token(kind: $0.kind, text: $0.text == last ? "" : $0.text, line: 0)
    }
    return body.count >= 12 && body.contains { $0.text == "{" } ? body : nil
  }

  /// A function in which names of its own, and nothing else, were replaced.
  private func renamedWithin(_ was: Placed, _ now: Placed) -> String? {
    guard was.declaration.isLeaf else { return nil }
    let a = Array(was.source.lexed.tokens[was.declaration.tokens])
    let b = Array(now.source.lexed.tokens[now.declaration.tokens])
    guard a.count == b.count, a != b else { return nil }
    var names: [String: String] = [:]
    for (x, y) in zip(a, b) {
      guard x.kind == y.kind, x.kind == .word || x == y else { return nil }
      if x.kind == .word, names.updateValue(y.text, forKey: x.text) ?? y.text != y.text {
        return nil
      }
    }
    let replaced = names.filter { $0.key != $0.value }
    let own = { (name: String) in
      a.indices.contains { i in
        a[i].text == name && i > 0 && i + 1 < a.count
          && (["let", "var", "for"].contains(a[i - 1].text) || a[i + 1].text == ":")
      }
    }
    guard Set(names.values).count == names.count, replaced.keys.allSatisfy(own) else {
      return nil
    }
    return replaced.sorted { $0.key < $1.key }.map { "\($0) is \($1)" }
      .joined(separator: ", ")
  }

  /// A file that went, and one that came with mostly the same lines.
  private mutating func checkRenamed(_ file: Source) {
    let lines = Set(file.neutral.filter { !$0.isBlank })
    for other in new where lines.count >= 5 {
      let same = Set(other.neutral).intersection(lines).count
      if same * 2 > lines.count {
        problems.append(
          "\(other.path) is \(file.path) under another name: a file keeps its name in all stages"
        )
      }
    }
  }
}

/// No hunk changes comments, blank lines, spaces or order only. A hunk is what
/// `make diff` shows as one, with three lines around it. Within a declaration comments
/// change only if its code does.
func hunkProblems(_ a: Source, _ b: Source) -> [String] {
  let all = changes(a, b)
  let changesCode = all.map { a.tokens($0.a) != b.tokens($0.b) }
  var problems: [String] = []
  func report(_ change: Change, _ what: String, _ advice: String = "") {
    problems.append(
      "\(b.path):\(min(change.b.lowerBound, max(0, b.lines.count - 1)) + 1):"
        + " only \(what) here: let it be as in \(a.path)\(advice)")
  }
  for hunk in hunks(all, a, b) {
    if a.tokens(hunk.a) == b.tokens(hunk.b) {
      let lines = hunk.changes.flatMap { a.lines[$0.a] + b.lines[$0.b] }
      let comments = hunk.changes.contains { change in
        change.a.contains(where: a.lexed.commented.contains)
          || change.b.contains(where: b.lexed.commented.contains)
      }
      report(
        hunk.changes[0],
        lines.allSatisfy(\.isBlank)
          ? "blank lines change"
          : comments ? "comments change" : "spaces or line ends change",
        comments ? ", or say it at the line of code that it is about" : "")
    } else if isReordered(hunk, a, b) {
      report(hunk.changes[0], "the order changes")
    } else {
      for change in hunk.changes where a.tokens(change.a) == b.tokens(change.b) {
        if let name = quietDeclaration(change, all, changesCode, a, b) {
          report(change, "comments of \(name) change, whose code is the same")
        }
      }
    }
  }
  return problems
}

private func isReordered(_ hunk: Hunk, _ a: Source, _ b: Source) -> Bool {
  func lines(_ source: Source, _ ranges: [Range<Int>]) -> [String] {
    ranges.flatMap { range in
      range.map { source.code[$0].map(\.text).joined(separator: " ") }
    }.filter { !$0.isEmpty }.sorted()
  }
  return lines(a, hunk.changes.map(\.a)) == lines(b, hunk.changes.map(\.b))
}

/// The declaration whose comment a change is, if none of its code changes.
private func quietDeclaration(
  _ change: Change, _ all: [Change], _ changesCode: [Bool], _ a: Source, _ b: Source
) -> String? {
  let (source, range) = change.b.isEmpty ? (a, change.a) : (b, change.b)
  guard range.contains(where: source.lexed.commented.contains),
    let declaration = source.declaration(at: range.lowerBound)
  else { return nil }
  let lines = declaration.lines
  let isTouched = zip(all, changesCode).contains { other, isCode in
    let there = change.b.isEmpty ? other.a : other.b
    // An empty range stands between two lines.
    return isCode && there.lowerBound < lines.upperBound
      && there.upperBound > lines.lowerBound
      || isCode && there.isEmpty && lines.contains(there.lowerBound)
  }
  return isTouched ? nil : declaration.name
}

/// Declarations that both files have stand in the same order.
func orderProblems(_ a: Source, _ b: Source) -> [String] {
  func names(_ source: Source, _ key: (Declaration) -> String) -> [String: Int] {
    source.declarations.reduce(into: [:]) { $0[key($1), default: 0] += 1 }
  }
  let (shortA, shortB) = (names(a, \.name), names(b, \.name))
  // By its name if that is the only one on both sides, else with its labels.
  func key(_ declaration: Declaration) -> String {
    let name = declaration.name
    return shortA[name] == 1 && shortB[name] == 1 ? name : declaration.signature
  }
  let (countA, countB) = (names(a, key), names(b, key))
  func survivors(_ source: Source) -> [(key: String, declaration: Declaration)] {
    var seen: [String: Int] = [:]
    return source.declarations.compactMap { declaration in
      let name = key(declaration)
      guard let n = countA[name], n == countB[name] else { return nil }
      seen[name, default: 0] += 1
      return ("\(name)#\(seen[name]!)", declaration)
    }
  }
  let places = Dictionary(
    uniqueKeysWithValues: survivors(a).enumerated().map { ($1.key, $0) })
  let inB = survivors(b)
  let kept = Set(longestIncreasing(inB.map { places[$0.key]! }))
  return inB.indices.filter { !kept.contains($0) }.map { i in
    let declaration = inB[i].declaration
    return
      "\(b.path):\(declaration.lines.lowerBound + 1): \(declaration.name) stands elsewhere"
      + " than in \(a.path): keep the order"
  }
}
