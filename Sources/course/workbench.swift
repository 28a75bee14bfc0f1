// SPDX-License-Identifier: Apache-2.0
//
// Exercises as a learner does them: working copies in Workbench, which git ignores, and a
// file there that says how far somebody is.

import Arguments
import Foundation

let workbench = "Workbench"

/// What a learner has done, in Workbench/progress.txt: a line `05-02 begun, hints: 1` each.
struct LearnerState: Equatable {
  enum Word: String {
    case new = "not begun"
    case begun
    case done
  }

  struct Entry: Equatable {
    var word = Word.new
    var hints = 0
  }

  static let path = "\(workbench)/progress.txt"
  private var entries: [String: Entry] = [:]

  /// Lines that mean nothing here, as they are.
  private var others: [String] = []

  init(_ text: String) {
    for line in text.components(separatedBy: "\n") where !line.isEmpty {
      if let parts = groups(
        #"^(\d\d-\d\d) (not begun|begun|done), hints: ([0-3])$"#, line)
      {
        entries[parts[0]] = Entry(word: Word(rawValue: parts[1])!, hints: Int(parts[2])!)
      } else {
        others.append(line)
      }
    }
  }

  init(_ ladder: Ladder) { self.init(ladder.text(LearnerState.path) ?? "") }

  subscript(_ exercise: Exercise) -> Entry {
    get { entries[exercise.key] ?? Entry() }
    set { entries[exercise.key] = newValue }
  }

  var text: String {
    (others
      + entries.sorted { $0.key < $1.key }.map {
        "\($0.key) \($0.value.word.rawValue), hints: \($0.value.hints)"
      }).map { $0 + "\n" }.joined()
  }

  func save(_ ladder: Ladder) throws {
    let file = ladder.url(LearnerState.path)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file, options: .atomic)
  }
}

extension Ladder {
  /// What an exercise's copy is called.
  func copy(_ exercise: Exercise) -> StageCopy {
    StageCopy(ladder: self, stage: exercise.stage, path: "\(workbench)/\(exercise.key)")
  }

  /// The patches that make an untouched copy, and a solved one.
  func hole(_ exercise: Exercise) -> [String] {
    let patch = "\(exercise.folder)/hole.patch"
    return exists(patch) ? [patch] : []
  }

  func solution(_ exercise: Exercise) -> [String] {
    exercise.kind == .extend
      ? hole(exercise) + ["\(exercise.folder)/solution.patch"] : []
  }

  /// Tests that an exercise adds: their paths, and their names in a copy.
  func added(_ exercise: Exercise) -> [(path: String, name: String)] {
    files(in: "\(exercise.folder)/tests").map {
      ("\(exercise.folder)/tests/\($0)", "exercise\(exercise.number)_\($0)")
    }
  }

  /// The tests of an exercise's stage, with its own.
  func index(_ exercise: Exercise) -> TestIndex {
    var index = TestIndex(self, exercise.stage)
    for (path, name) in added(exercise) {
      if let source = source(path) { index.add(source, name) }
    }
    return index
  }

  private func current(_ options: Options) throws -> Exercise {
    let stage = try stage(options.stages[0])
    return try Collection(self, stage).exercise(stage, options.exercise!)
  }

  // What make calls.

  func listExercises(_ options: Options) throws -> Report {
    let stage = try options.stages.first.map { try self.stage($0) }
    let all = Collection(self, stage).exercises
    let state = LearnerState(self)
    if all.isEmpty {
      return Report(lines: [
        "exercises: there are none\(stage.map { " for \($0.name)" } ?? "")"
      ])
    }
    var report = Report()
    var last: Stage?
    for exercise in all {
      if exercise.stage != last {
        if last != nil { report.lines.append("") }
        report.lines.append(title(exercise.stage))
        last = exercise.stage
      }
      let entry = state[exercise]
      report.lines.append(
        "  \(exercise.dotted)  \(left(exercise.kind.rawValue, 8))"
          + "\(left("\(exercise.minutes) min", 9))\(left(entry.word.rawValue, 11))"
          + exercise.title)
    }
    report.lines += ["", "to begin one: make start \(all[0].arguments)"]
    return report
  }

  func start(_ options: Options) throws -> Report {
    let exercise = try current(options)
    let copy = copy(exercise)
    if exists(copy.path) {
      throw Failure(
        "\(copy.path) is there already: go on, and make check \(exercise.arguments);"
          + " to begin anew, and keep what is there: make reset \(exercise.arguments)")
    }
    try lay(exercise)
    var state = LearnerState(self)
    if state[exercise].word == .new { state[exercise].word = .begun }
    try state.save(self)
    return Report(lines: advice(exercise))
  }

  private func advice(_ exercise: Exercise) -> [String] {
    let path = copy(exercise).path
    let check = "  then   make check \(exercise.arguments)"
    let stuck = "  stuck  make hint \(exercise.arguments)"
    let head =
      "\(exercise.dotted) \(exercise.title) (\(exercise.kind.rawValue),"
      + " \(exercise.minutes) min) is in \(path)"
    if exercise.kind == .predict {
      return [
        head, "  read   \(path)/README.md",
        "  write  what you expect into \(path)/answer.txt",
        check, stuck,
      ]
    }
    let place = place(exercise)
    return [
      head, "  read   \(path)/README.md, and answer what it asks you to predict",
      place.map { "  write  \(path)/\($0)" } ?? "  write  what the README's task says",
      check, stuck + "; to begin anew: make reset \(exercise.arguments)",
    ]
  }

  /// Where the hole is: file and function. Without a hole, the files that a solution
  /// changes.
  func place(_ exercise: Exercise) -> String? {
    guard exists("\(exercise.folder)/hole.patch") else {
      let files = filesChanged(by: text("\(exercise.folder)/solution.patch") ?? "")
      return files.isEmpty ? nil : files.joined(separator: ", ")
    }
    let files = (try? patched(self, exercise.stage, hole(exercise))) ?? [:]
    let mark = "Exercise \(exercise.dotted)"
    let name = files.keys.sorted().first {
      String(decoding: files[$0]!, as: UTF8.self).contains(mark)
    }
    guard let name else { return nil }
    let source = Source(path: name, data: files[name]!)
    let line = source.lines.firstIndex { $0.text.contains(mark) }
    let function = line.flatMap { line in
      source.declaration(at: line)
        ?? source.declarations.first { $0.lines.lowerBound > line }
    }
    return name + (function.map { ", `\($0.name)`" } ?? "") + ": look for \"\(mark)\""
  }

  /// Writes the working copy. Its build folder, if it has one, stays.
  private func lay(_ exercise: Exercise) throws {
    let copy = copy(exercise)
    try copy.write("README.md", text("\(exercise.folder)/README.md") ?? "")
    if exercise.kind == .predict {
      let question =
        sections(text("\(exercise.folder)/README.md") ?? "")
        .first { $0.title == "Predict first" }?.text ?? ""
      try copy.write(
        "answer.txt",
        "# \(exercise.dotted) \(exercise.title)\n"
          + question.components(separatedBy: "\n").map {
            ("# " + $0).trimmingCharacters(in: .whitespaces) + "\n"
          }.joined() + "#\n# Your prediction goes below this line.\n")
      return
    }
    let index = index(exercise)
    let tests = exercise.tests.flatMap { index.matching($0).tests }
    if tests.isEmpty {
      throw Failure(
        "no test of \(exercise.stage.tests) is called \(exercise.tests.joined(separator: " or "))"
          + ": \(exercise.folder)/exercise.txt is wrong")
    }
    try copy.bring(hole(exercise))
    try copy.lay(index, needed: tests, added: added(exercise))
  }

  func check(_ options: Options) throws -> Report {
    let exercise = try current(options)
    let reference = options.reference
    if !reference, !exists(copy(exercise).path) {
      throw Failure(
        "there is no \(copy(exercise).path): make start \(exercise.arguments)")
    }
    if exercise.kind == .predict { return try checkPrediction(exercise, reference) }

    let index = index(exercise)
    let matches = exercise.tests.map { index.matching($0) }
    let names = matches.flatMap(\.tests).map(\.name)
    let verdict: Verdict
    if reference {
      tell("\(exercise.dotted) \(exercise.title): the reference")
      let scratch = try Scratch(self, exercise.stage)
      verdict = try scratch.attempt(
        solution(exercise), exercise, filters: matches.map(\.filter), passes: true)
    } else {
      tell("\(exercise.dotted) \(exercise.title): \(copy(exercise).path)")
      verdict = try copy(exercise).attempt(matches.map(\.filter), all: options.all)
    }
    let style = Style(color: Ticker.isColored)
    let expected =
      names.prefix(3).map { "`\($0)`" }.joined(separator: ", ")
      + (names.count > 3 ? " and \(names.count - 3) more" : "")
    if verdict.passed {
      var report = Report(lines: [
        style.paint("passed: ", "32") + "\(plural(verdict.count, "test")), \(expected)"
      ])
      // What an extension is to be measured by.
      if exercise.kind == .extend {
        for (i, line) in verdict.printed.prefix(20).enumerated() {
          report.lines.append((i == 0 ? "printed:  " : "          ") + line)
        }
      }
      if reference { return report }
      var state = LearnerState(self)
      state[exercise].word = .done
      try state.save(self)
      if exercise.kind == .build {
        let files = filesChanged(by: text("\(exercise.folder)/hole.patch") ?? "")
        for file in files {
          report.lines.append(
            "compare:  diff \(copy(exercise).path)/\(file) \(exercise.stage.folder)/\(file)"
          )
        }
      }
      report.lines.append(next(state, after: exercise))
      return report
    }
    var lines = [
      style.paint("not yet", "31"),
      "expected:  \(expected) \(names.count == 1 ? "passes" : "pass")",
      "happened:  "
        + (verdict.kind == .refusedByCompiler
          ? "the compiler refuses it: " : "") + (verdict.happened.first ?? ""),
    ]
    lines += verdict.happened.dropFirst().map { "           " + $0 }
    if reference {
      lines.append(
        "look at:   this is no fault of yours; the exercise does not fit its stage")
    } else {
      lines.append(
        "look at:   \(place(exercise).map { "\(copy(exercise).path)/\($0)" } ?? "the README")"
      )
      lines.append("           make hint \(exercise.arguments)")
    }
    return Report(lines: lines, isGood: false)
  }

  /// Runs what was to be predicted.
  func happening(_ exercise: Exercise) throws -> (taken: String?, output: String) {
    let ended = try execute(
      ["sh", "-c", exercise.run], in: root, silence: 600, limit: 1800, line: Ticker.show)
    Ticker.clear()
    return (groups(exercise.take, ended.output)?.first, ended.output)
  }

  private func checkPrediction(_ exercise: Exercise, _ reference: Bool) throws -> Report {
    let file = "\(copy(exercise).path)/answer.txt"
    let answer = (reference ? "" : text(file) ?? "").components(separatedBy: "\n")
      .filter { !$0.hasPrefix("#") }.joined(separator: "\n")
      .trimmingCharacters(in: .whitespacesAndNewlines)
    if answer.isEmpty, !reference {
      throw Failure(
        "\(file) has no prediction yet: write one below its last line, be it a guess")
    }
    tell("\(exercise.dotted) \(exercise.title): \(exercise.run)")
    let (taken, output) = try happening(exercise)
    guard let taken else {
      return Report(
        lines: output.components(separatedBy: "\n").suffix(20) + [
          "this has not printed what was to be looked at; try it alone: \(exercise.run)"
        ], isGood: false)
    }
    if reference { return Report(lines: ["what happened:  \(inOneLine(taken))"]) }
    let agrees = inOneLine(answer).lowercased() == inOneLine(taken).lowercased()
    var state = LearnerState(self)
    state[exercise].word = .done
    try state.save(self)
    let style = Style(color: Ticker.isColored)
    return Report(lines: [
      "you expected:   \(inOneLine(answer))", "what happened:  \(inOneLine(taken))",
      agrees
        ? style.paint("they agree", "32")
        : style.paint("they differ", "33") + ", or are said in other words",
      "", text("\(exercise.folder)/why.md") ?? "", next(state, after: exercise),
    ])
  }

  func hint(_ options: Options) throws -> Report {
    let exercise = try current(options)
    let hints = hints(self, exercise)
    var state = LearnerState(self)
    let shown = min(state[exercise].hints, hints.count)
    if options.again {
      if shown == 0 {
        throw Failure("no hint was shown yet: make hint \(exercise.arguments)")
      }
    } else if shown == hints.count {
      throw Failure(
        "that were all \(hints.count) hints; once more the last: make hint"
          + " \(exercise.arguments) AGAIN=1; the stage itself is in \(exercise.stage.folder)"
      )
    } else {
      state[exercise].hints = shown + 1
      try state.save(self)
    }
    let number = options.again ? shown : shown + 1
    return Report(lines: [
      "\(exercise.dotted), hint \(number) of \(hints.count):", "", hints[number - 1],
    ])
  }

  func reset(_ options: Options) throws -> Report {
    let exercise = try current(options)
    let copy = copy(exercise)
    guard exists(copy.path) else {
      throw Failure("there is no \(copy.path): make start \(exercise.arguments)")
    }
    let manager = FileManager.default
    var n = 1
    while exists("\(workbench)/.backup/\(exercise.key)-\(n)") { n += 1 }
    let backup = "\(workbench)/.backup/\(exercise.key)-\(n)"
    try manager.createDirectory(
      at: url("\(workbench)/.backup"), withIntermediateDirectories: true)
    try manager.moveItem(at: copy.folder, to: url(backup))
    // What was built is no work of anybody's, and saves time.
    if exists("\(backup)/.build") {
      try manager.createDirectory(at: copy.folder, withIntermediateDirectories: true)
      try manager.moveItem(
        at: url("\(backup)/.build"), to: copy.folder.appendingPathComponent(".build"))
    }
    try lay(exercise)
    return Report(lines: ["what was there is in \(backup)"] + advice(exercise))
  }

  func progress() throws -> Report {
    let all = Collection(self).exercises
    let state = LearnerState(self)
    var report = Report()
    for stage in stages {
      let here = all.filter { $0.stage == stage }
      if here.isEmpty { continue }
      let done = here.filter { state[$0].word == .done }.count
      let begun = here.filter { state[$0].word == .begun }.count
      report.lines.append(
        "\(left(stage.name, 20)) \(done) of \(here.count) done"
          + (begun > 0 ? ", \(begun) begun" : ""))
    }
    report.lines.append(next(state))
    return report
  }

  /// The first that is begun, or else the first that is not: of those after an exercise
  /// that is done, if there are any.
  private func next(_ state: LearnerState, after last: Exercise? = nil) -> String {
    let all = Collection(self).exercises
    let place = all.firstIndex { $0.key == last?.key }.map { $0 + 1 } ?? 0
    let inOrder = all[place...] + all[..<place]
    if last == nil, let begun = inOrder.first(where: { state[$0].word == .begun }) {
      return "to go on:  \(begun.dotted) \(begun.title): make check \(begun.arguments)"
    }
    if let new = inOrder.first(where: { state[$0].word != .done }) {
      let command = state[new].word == .begun ? "check" : "start"
      return "next:      \(new.dotted) \(new.title): make \(command) \(new.arguments)"
    }
    return all.isEmpty ? "there are no exercises here" : "all exercises are done"
  }
}

private func inOneLine(_ text: String) -> String {
  text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
}

/// How long a test may print nothing before it counts as one that hangs.
func patience(_ seconds: Double) -> Double {
  let factor = ProcessInfo.processInfo.environment["DEADLINE_FACTOR"].flatMap {
    Double($0)
  }
  return seconds * max(1, factor ?? 1)
}

extension StageCopy {
  /// Links the files of the package, and those tests that an exercise adds.
  func lay(
    _ index: TestIndex, needed tests: [TestName],
    added: [(path: String, name: String)] = []
  ) throws {
    let names = added.map(\.name)
    let files = index.needed(by: Set(tests.map(\.file)).union(names))
    try lay(index, files: files.filter { !names.contains($0) }, added: names)
    for (path, name) in added {
      try link("Tests/\(name)", to: "\(up)../\(path)", from: "../")
    }
  }

  /// Builds the copy, then runs its tests.
  func attempt(_ filters: [String], all: Bool) throws -> Verdict {
    if !ladder.exists("\(path)/.build") {
      tell("  building, which takes a minute or some the first time")
    }
    let built = try build(all: all, Ticker.show)
    Ticker.clear()
    if !built.passed { return built }
    tell("  built in \(Int(built.seconds)) s; running the tests")
    return try run(
      all ? ["^Stage\(stage.number)Tests\\."] : filters, silence: patience(30))
  }
}
