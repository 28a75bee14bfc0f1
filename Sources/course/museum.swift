// SPDX-License-Identifier: Apache-2.0
//
// Bugs and exercises proved: each fails as it says it does, and the stage itself does not.
//
// A stage has one package for this in .build/exercises. What is tried is brought there
// over what was tried before, and only files that differ are written, so that only these
// are compiled.

import Arguments
import Foundation

final class Scratch {
  let ladder: Ladder
  let stage: Stage
  let copy: StageCopy
  let collection: Collection
  private(set) var index: TestIndex

  /// Exercises by the tests that they add.
  private var added: [(exercise: Exercise, path: String, name: String)] = []
  private let lock: Int32

  /// What may hang is given as long as this.
  private var silence = patience(30)

  init(_ ladder: Ladder, _ stage: Stage) throws {
    self.ladder = ladder
    self.stage = stage
    collection = Collection(ladder, stage)
    copy = StageCopy(
      ladder: ladder, stage: stage, path: ".build/exercises/\(stage.number)")
    index = TestIndex(ladder, stage)
    for exercise in collection.exercises {
      for (path, name) in ladder.added(exercise) {
        if let source = ladder.source(path) { index.add(source, name) }
        added.append((exercise, path, name))
      }
    }
    try FileManager.default.createDirectory(
      at: copy.folder, withIntermediateDirectories: true)
    lock = open(copy.folder.appendingPathComponent("lock").path, O_CREAT | O_RDWR, 0o644)
    if flock(lock, LOCK_EX | LOCK_NB) != 0 {
      tell("waiting for another make that tries things on stage \(stage.number)")
      flock(lock, LOCK_EX)
    }
    try lay()
  }

  deinit { close(lock) }

  /// The tests that decide of anything in this stage.
  var deciding: [(pattern: String, filter: String, tests: [TestName])] {
    let patterns =
      collection.exercises.flatMap(\.tests)
      + collection.bugs.compactMap { Way($0.test).test }
    return patterns.map { pattern in
      let (filter, tests) = index.matching(pattern)
      return (pattern, filter, tests)
    }
  }

  private func lay() throws {
    let names = Set(added.map(\.name))
    let files = index.needed(
      by: Set(deciding.flatMap(\.tests).map(\.file)).union(names))
    for (_, _, name) in added where !ladder.exists("\(copy.path)/Tests/\(name)") {
      try copy.write("Tests/\(name)", nothing)
    }
    try copy.lay(
      index, files: files.filter { !names.contains($0) }, added: added.map(\.name))
  }

  private let nothing = "// Tests of an exercise stand here while it is tried.\n"

  /// Builds the stage with these patches and the tests of one exercise.
  func build(_ patches: [String], _ exercise: Exercise? = nil) throws -> Verdict {
    try copy.bring(patches)
    for (owner, path, name) in added {
      try copy.write(
        "Tests/\(name)", owner == exercise ? ladder.text(path) ?? "" : nothing)
    }
    let verdict = try copy.build(Ticker.show)
    Ticker.clear()
    return verdict
  }

  /// Builds, and runs these tests. What is to pass may be silent for as long as a test may
  /// take.
  func attempt(
    _ patches: [String], _ exercise: Exercise? = nil, filters: [String],
    passes: Bool = false
  ) throws -> Verdict {
    let built = try build(patches, exercise)
    if !built.passed { return built }
    var verdict = try copy.run(filters, silence: passes ? patience(60) : silence)
    verdict.warnings = built.warnings
    verdict.seconds += built.seconds
    return verdict
  }

  /// The stage as it is passes all of its own tests that decide. From then on something
  /// that is silent for much longer than any of them hangs.
  func reference() throws -> Verdict {
    let names = Set(added.map(\.name))
    let filters = deciding.filter { !$0.tests.allSatisfy { names.contains($0.file) } }
      .map(\.filter)
    let verdict =
      filters.isEmpty
      ? try build([]) : try attempt([], filters: Set(filters).sorted(), passes: true)
    if verdict.passed { silence = patience(max(8, 5 * verdict.longestSilence)) }
    return verdict
  }

  // Bugs.

  /// What finds a bug.
  enum Way {
    case test(String)
    case switcher(String)
    case schedules(String)
    case model(String, mutant: String)

    init(_ text: String) {
      if let parts = groups(#"^switcher: *(\S.*)$"#, text) {
        self = .switcher(parts[0])
      } else if let parts = groups(#"^schedules: *(\S.*)$"#, text) {
        self = .schedules(parts[0])
      } else if let parts = groups(#"^model: *(\S+) +(\S+)$"#, text) {
        self = .model(parts[0], mutant: parts[1])
      } else {
        self = .test(text)
      }
    }

    var test: String? {
      if case .test(let name) = self { name } else { nil }
    }
  }

  /// What a bug does; nil problems mean that it is found as its patch says.
  struct Finding {
    var problem: String?
    var seen = ""
    var skipped: String?
    var seconds = 0.0
  }

  func find(_ bug: Bug) throws -> Finding {
    var finding = Finding()
    let clock = ContinuousClock()
    let began = clock.now
    defer { finding.seconds = (clock.now - began) / .seconds(1) }
    func judge(_ verdict: Verdict) {
      if verdict.kind == .refusedByCompiler {
        finding.problem = "does not compile: " + (verdict.happened.first ?? "")
      } else if verdict.passed {
        finding.problem = "is not found: \(bug.test) passes"
      } else if verdict.kind == .noTests {
        finding.problem = "no test is called \(bug.test)"
      } else if !verdict.output.contains(bug.seen), !verdict.says(bug.seen) {
        finding.problem =
          "is found, but \"\(bug.seen)\" is not in what it prints: "
          + verdict.happened.prefix(3).joined(separator: " / ")
      } else if let warning = verdict.warnings.first {
        finding.problem = "the compiler warns of it: \(warning)"
      }
      let lines = (verdict.output.components(separatedBy: "\n") + verdict.happened)
      let line = lines.first { $0.contains(bug.seen) } ?? ""
      finding.seen = around(bug.seen, line.trimmingCharacters(in: .whitespaces))
    }
    switch Way(bug.test) {
    case .test(let name):
      let (filter, tests) = index.matching(name)
      if tests.isEmpty {
        finding.problem = "no test of \(stage.tests) is called \(name)"
        return finding
      }
      judge(try attempt([bug.patch], filters: [filter]))
    case .switcher(let name):
      judge(try switcher([bug.patch], name))
      if finding.problem == nil, case let verdict = try switcher([], name),
        !verdict.passed
      {
        finding.problem = "the switcher's test \(name) fails without it, too"
      }
    case .schedules(let scenario):
      judge(try schedules([bug.patch], scenario))
      if finding.problem == nil, case let verdict = try schedules([], scenario),
        !verdict.passed
      {
        finding.problem = "make schedules finds something without it, too"
      }
    case .model(let model, let mutant):
      let built = try build([bug.patch])
      if !built.passed {
        judge(built)
        return finding
      }
      if try execute(["which", "spin"], in: ladder.root, silence: 30, limit: 30).status
        != 0
      {
        finding.skipped = "there is no spin here to search the model \(model)"
        return finding
      }
      let ended = try execute(
        ["sh", "Sources/models/models.sh", stage.number, model], in: ladder.root,
        environment: ["MUTANT": mutant, "TRACE": "1"], silence: 900, limit: 1800)
      // That a mutant is rejected is what the script calls good.
      var verdict = Verdict(output: ended.output)
      verdict.kind = ended.status == 0 ? .failed : .passed
      judge(verdict)
    }
    return finding
  }

  /// The C test of the switcher, one check of it, with the switcher patched.
  private func switcher(_ patches: [String], _ name: String) throws -> Verdict {
    try copy.bring(patches)
    let which = try execute(
      ["sh", "-c", "dirname \"$(readlink -f \"$(command -v swift)\")\""], in: ladder.root,
      silence: 30, limit: 30)
    let beside = which.output.trimmingCharacters(in: .whitespacesAndNewlines) + "/clang"
    let clang = FileManager.default.isExecutableFile(atPath: beside) ? beside : "clang"
    let test = "\(stage.tests)/switcher"
    let asm = "\(copy.path)/Asm"
    func sources(_ folder: String, _ endings: [String]) -> [String] {
      ((try? FileManager.default.contentsOfDirectory(atPath: ladder.url(folder).path))
        ?? [])
        .filter { name in endings.contains { name.hasSuffix($0) } }.sorted()
        .map { "\(folder)/\($0)" }
    }
    let program = "\(copy.path)/switcher-test"
    let built = try execute(
      [
        clang, "-O2", "-g", "-Wall", "-Wextra", "-fno-omit-frame-pointer",
        "-fno-optimize-sibling-calls", "-funwind-tables", "-ffunction-sections",
        "-I", "\(asm)/include", "-I", "Sources/CLinux/include",
      ] + sources(test, [".c", ".S"]) + sources(asm, [".S", ".c"]) + [
        "Sources/CLinux/linux.c", "-Wl,--gc-sections", "-pthread", "-o", program,
      ], in: ladder.root, silence: 300, limit: 600)
    if built.status != 0 { return compiled(built) }
    return plain(
      try execute(
        [ladder.url(program).path, name], in: ladder.root, silence: silence, limit: 300))
  }

  /// One scenario of make schedules, on the stage patched: in a folder that looks like the
  /// repository to it.
  private func schedules(_ patches: [String], _ scenario: String) throws -> Verdict {
    let root = StageCopy(
      ladder: ladder, stage: stage, path: ".build/exercises/\(stage.number)-schedules")
    try FileManager.default.createDirectory(
      at: root.folder, withIntermediateDirectories: true)
    try root.link("Sources", to: "../../../Sources")
    let inner = StageCopy(
      ladder: ladder, stage: stage, path: "\(root.path)/\(stage.folder)")
    try inner.bring(patches)
    let ended = try execute(
      ["sh", "Sources/schedules/schedules.sh", stage.number, "-t", "60", scenario],
      in: root.folder, silence: 900, limit: 1800, line: Ticker.show)
    Ticker.clear()
    if ended.status != 0, ended.output.contains("error: ") { return compiled(ended) }
    return plain(ended)
  }

  /// A program that says by its status whether all is well.
  private func plain(_ ended: Ended) -> Verdict {
    var verdict = Verdict(output: ended.output, seconds: ended.seconds)
    verdict.count = 1
    verdict.happened = ended.output.components(separatedBy: "\n").filter { !$0.isEmpty }
      .suffix(4)
    if let silent = ended.silent {
      verdict.kind = .hung
      verdict.happened.append("deadline exceeded: nothing was printed for \(silent) s")
    } else if let signal = ended.signal {
      verdict.kind = .crashed
      verdict.happened.append("the process ended with signal \(signal)")
    } else if ended.status != 0 {
      verdict.kind = .failed
    }
    return verdict
  }
}

/// A long line, cut to what stands around a text in it.
func around(_ text: String, _ line: String, _ width: Int = 100) -> String {
  guard line.count > width, let range = line.range(of: text) else { return line }
  let before = line[..<range.lowerBound]
  let room = max(0, width - text.count) / 2
  let start = before.count > room ? "... " + before.suffix(room) : before
  let after = line[range.upperBound...]
  return start + text + after.prefix(room) + (after.count > room ? " ..." : "")
}

func museum(_ ladder: Ladder, _ options: Options) throws -> Report {
  let style = Style(color: Ticker.isColored)
  guard let number = options.stages.first else {
    if options.bug != nil { throw CommandLineError.wrong("BUG needs its stage: N=05") }
    return listBugs(ladder)
  }
  let stage = try ladder.stage(number)
  let collection = Collection(ladder, stage)
  if let slug = options.bug { return try showBug(ladder, collection.bug(stage, slug)) }
  if collection.bugs.isEmpty {
    return Report(lines: ["museum: stage \(number) has no bugs"])
  }
  tell("building stage \(stage.name) as it is, and running the tests that find its bugs")
  let scratch = try Scratch(ladder, stage)
  let reference = try scratch.reference()
  if !reference.passed {
    return Report(
      lines: ["the stage itself fails:"] + reference.happened.map { "  " + $0 },
      isGood: false)
  }
  var report = Report()
  for bug in collection.bugs {
    let finding = try scratch.find(bug)
    if let problem = finding.problem {
      report.isGood = false
      tell("  \(style.paint("WRONG", "31"))  \(left(bug.slug, 28))  \(problem)")
    } else if let reason = finding.skipped {
      tell("  skipped  \(left(bug.slug, 28))  \(reason)")
    } else {
      tell("  \(style.paint("found", "32"))  \(left(bug.slug, 28))  \(finding.seen)")
    }
  }
  report.lines = [
    report.isGood
      ? "museum: each of \(plural(collection.bugs.count, "bug")) is found; to look at one:"
        + " make museum N=\(stage.number) BUG=\(collection.bugs[0].slug)"
      : "museum: not each of \(plural(collection.bugs.count, "bug")) is found as it should be"
  ]
  return report
}

private func listBugs(_ ladder: Ladder) -> Report {
  let bugs = Collection(ladder).bugs
  if bugs.isEmpty { return Report(lines: ["museum: there are no bugs here"]) }
  var report = Report()
  for stage in ladder.stages {
    let here = bugs.filter { $0.stage == stage }
    if here.isEmpty { continue }
    report.lines.append(ladder.title(stage))
    report.lines += here.map { "  \(left($0.slug, 28))  \($0.title)" }
    report.lines.append("")
  }
  report.lines.append(
    "to see how each is found: make museum N=\(bugs[0].stage.number); to look at one:"
      + " make museum N=\(bugs[0].stage.number) BUG=\(bugs[0].slug)")
  return report
}

private func showBug(_ ladder: Ladder, _ bug: Bug) throws -> Report {
  let path = "\(workbench)/\(bug.stage.number)-\(bug.slug)"
  let copy = StageCopy(ladder: ladder, stage: bug.stage, path: path)
  let index = TestIndex(ladder, bug.stage)
  try copy.bring([bug.patch])
  var run = "its test is no Swift test: \(bug.test)"
  if let name = Scratch.Way(bug.test).test {
    let (filter, tests) = index.matching(name)
    try copy.lay(index, needed: tests)
    run = "cd \(path) && swift test --disable-xctest --filter '\(filter)'"
  }
  return Report(lines: [
    ladder.text(bug.page) ?? "\(bug.page) is missing", "---",
    "the stage with this bug is in \(path)",
    "  what it changes:  diff -r \(bug.stage.folder)/Runtime \(path)/Runtime",
    "  how it fails:     \(run)",
  ])
}
