// SPDX-License-Identifier: Apache-2.0
//
// Each rule between neighbours: kept, and broken.

import Foundation
import Testing

@testable import CourseTool

@Suite("drift")
struct DriftTests {
  @Test func `three stages, an idea apart each, are fine`() throws {
    let repository = try Repository()
    #expect(try repository.problems() == [])
    let report = try repository.run("drift")
    #expect(
      report.lines == [
        "05 to 06-work-stealing: +1 -0, 1 of 300 lines in 1 file; 1 new with 2 lines",
        "06 to 07-spinning: +1 -0, 1 of 300 lines in 1 file",
        "drift: 2 pairs of neighbours, no problem",
      ])
  }

  @Test func `one stage has no neighbour`() throws {
    let repository = try Repository(ladderOfThree.filter { $0.key.hasPrefix(five) })
    let report = try repository.run("drift")
    #expect(report.isGood)
    #expect(
      report.lines[0]
        == "drift: only one stage is here, 05-processors: it has no neighbour")
  }

  @Test func `no stage, or two with one number, is an error`() throws {
    #expect(throws: Failure.self) { try Repository(["README.md": "none"]).run("drift") }
    let repository = try Repository()
    try repository.write("Stages/06-stealing/README.md", "twice\n")
    #expect(throws: Failure.self) { try repository.run("drift") }
  }

  // CHANGES

  @Test func `a file that differs is listed`() throws {
    let repository = try Repository()
    try repository.write("\(six)/CHANGES", "Runtime/steal.swift\n")
    expect(
      try repository.problems(), "\(six)/\(proc) differs", "CHANGES does not list it")
  }

  @Test func `a file that git does not know yet counts`() throws {
    let repository = try Repository()
    for stage in [six, seven] {
      try repository.write("\(stage)/Runtime/extra.swift", "let extra = 1\n")
    }
    expect(try repository.problems(), "\(six)/Runtime/extra.swift is new")
  }

  @Test func `a file that git ignores does not count`() throws {
    let repository = try Repository()
    try repository.write(".gitignore", "*.o\n")
    try repository.write("\(six)/Asm/asm.o", "object")
    #expect(try repository.problems() == [])
  }

  @Test func `a listed file differs`() throws {
    let repository = try Repository()
    try repository.write("\(seven)/CHANGES", "Runtime/proc.swift\nAsm/asm.h\n")
    expect(try repository.problems(), "\(seven)/CHANGES:2: Asm/asm.h is the same")
  }

  @Test func `a listed file exists, and is listed once`() throws {
    let repository = try Repository()
    try repository.write("\(seven)/CHANGES", "Runtime/proc.swift\nRuntime/nobody.swift\n")
    expect(try repository.problems(), "Runtime/nobody.swift does not exist")
    try repository.write("\(seven)/CHANGES", "Runtime/proc.swift\nRuntime/proc.swift\n")
    expect(try repository.problems(), "\(seven)/CHANGES:2", "twice")
  }

  @Test func `every stage after the first has its list`() throws {
    let repository = try Repository()
    try repository.remove("\(seven)/CHANGES")
    let problems = try repository.problems()
    #expect(problems.contains { $0.hasPrefix("\(seven)/CHANGES is missing") })
  }

  @Test func `a file stays, unless CHANGES says that it goes`() throws {
    let repository = try Repository()
    try repository.remove("\(seven)/Runtime/steal.swift")
    expect(try repository.problems(), "\(seven)/Runtime/steal.swift is missing")
    try repository.write(
      "\(seven)/CHANGES", "Runtime/proc.swift\n- Runtime/steal.swift\n")
    #expect(try repository.problems() == [])
    try repository.write("\(seven)/CHANGES", "Runtime/proc.swift\n- Asm/asm.h\n")
    let problems = try repository.problems()
    #expect(
      problems.contains { $0.contains("Asm/asm.h is said to be gone, but it is here") })
  }

  // Size

  @Test func `more lines than the limit are too many`() throws {
    for (count, isGood) in [(299, true), (300, false)] {
      let repository = try Repository()
      let lines = (0..<count).map { "    work(\($0))\n" }.joined()
      try repository.edit("\(seven)/\(proc)", "    stopm()\n", lines + "    stopm()\n")
      let problems = try repository.problems()
      #expect(problems.isEmpty == isGood, "\(problems)")
      if !isGood { expect(problems, "\(seven): 301 lines change", "300 may") }
      let summary = try repository.run("drift").lines[1]
      #expect(
        summary.hasPrefix("06 to 07-spinning: +\(count + 1) -0, \(count + 1) of 300"))
      #expect(summary.hasSuffix("(up to 150 is good)") == isGood)
    }
  }

  @Test func `stage 03 may change 850 lines`() throws {
    var files: [String: String] = [:]
    for (path, text) in ladderOfThree {
      let renamed = path.replacingOccurrences(of: "05-processors", with: "02-channels")
        .replacingOccurrences(of: "06-work-stealing", with: "03-global-queue")
      if renamed != path { files[renamed] = text }
    }
    for (count, isGood) in [(849, true), (850, false)] {
      let repository = try Repository(files)
      let lines = (0..<count).map { "    work(\($0))\n" }.joined()
      try repository.edit(
        "Stages/03-global-queue/\(proc)", "    stopm()\n", lines + "    stopm()\n")
      #expect(try repository.problems().isEmpty == isGood)
    }
  }

  // Hunks

  @Test func `a comment does not change alone`() throws {
    let repository = try Repository()
    try repository.edit("\(seven)/\(proc)", "// The scheduler.", "// A scheduler.")
    expect(try repository.problems(), "\(seven)/\(proc):3: only comments change")
  }

  @Test func `a comment at the end of a line does not change alone`() throws {
    let repository = try Repository()
    try repository.edit("\(seven)/\(proc)", "var nmidle = 0", "var nmidle = 0  // none")
    expect(try repository.problems(), "only comments change")
  }

  @Test func `a comment in C does not change alone`() throws {
    let repository = try Repository()
    try repository.edit("\(seven)/Asm/asm.h", "SP 0", "SP 0 /* the stack */")
    try repository.write("\(seven)/CHANGES", "Runtime/proc.swift\nAsm/asm.h\n")
    expect(try repository.problems(), "\(seven)/Asm/asm.h:2: only comments change")
    // In Swift two slashes in a string are none.
    #expect(
      hunkProblems(
        Source(path: "a.swift", text: "let a = \"//b\"\n"),
        Source(path: "b.swift", text: "let a = \"//c\"\n")) == [])
  }

  @Test func `a comment changes with the code that it is about`() throws {
    let repository = try Repository()
    try repository.edit(
      "\(seven)/\(proc)", "  getg()[].m![].spinning",
      "  // Whoever wakes it is told.\n  getg()[].m![].spinning")
    #expect(try repository.problems() == [])
  }

  @Test func `a comment near another declaration's change is still alone`() throws {
    let repository = try Repository()
    try repository.edit("\(seven)/\(proc)", "/// How many there are.", "/// All.")
    try repository.edit("\(seven)/\(proc)", "var nmidle = 0", "var nmidle = 1")
    expect(try repository.problems(), "only comments of Schedt.mcount change")
  }

  @Test func `blank lines do not change alone`() throws {
    let repository = try Repository()
    try repository.edit("\(seven)/\(proc)", "  let gp = findR", "\n  let gp = findR")
    expect(try repository.problems(), "only blank lines change")
  }

  @Test func `line ends and spaces do not change alone`() throws {
    let repository = try Repository()
    try repository.edit(
      "\(seven)/\(proc)", "execute(gp, inherit", "execute(\n    gp, inherit")
    expect(try repository.problems(), "only spaces or line ends change")
  }

  @Test func `order does not change alone`() throws {
    let repository = try Repository()
    try repository.edit(
      "\(six)/\(proc)",
      "    if let gp = globrunqget() { return gp }\n    if let gp = runqsteal() { return gp }\n",
      "    if let gp = runqsteal() { return gp }\n    if let gp = globrunqget() { return gp }\n"
    )
    expect(try repository.problems(), "\(seven)/\(proc):", "only the order changes")
  }

  // Declarations

  @Test func `declarations keep their order`() throws {
    let repository = try Repository()
    let schedt = """
      struct Schedt {
        /// How many sleep.
        var nmidle = 0

        /// How many there are.
        var mcount = 0
      }


      """
    try repository.edit("\(seven)/\(proc)", schedt, "")
    try repository.edit(
      "\(seven)/\(proc)", "/// schedule runs", schedt + "/// schedule runs")
    let problems = try repository.problems()
    // Of two groups that change places, the smaller one is named.
    let names = ["schedule", "findRunnable"]
    #expect(problems.count == 2)
    for (name, problem) in zip(names, problems) {
      #expect(problem.contains(" \(name) stands elsewhere"))
    }
  }

  @Test func `members keep their order`() {
    let a = Source(path: "a.swift", text: "struct G {\n  var a = 0\n  var b = 0\n}\n")
    let b = Source(
      path: "b.swift", text: "struct G {\n  var b = 0\n  var c = 0\n  var a = 0\n}\n")
    #expect(orderProblems(a, a) == [])
    #expect(orderProblems(a, b).count == 1)
    let c = Source(
      path: "b.swift", text: "struct G {\n  var c = 0\n  var a = 0\n  var b = 1\n}\n")
    #expect(orderProblems(a, c) == [])
  }

  @Test func `an overload that is put between is not a move`() {
    let a = Source(path: "a.swift", text: "func f(a: Int) {}\nfunc g() {}\n")
    let b = Source(
      path: "b.swift", text: "func f(b: Int) {}\nfunc f(a: Int) {}\nfunc g() {}\n")
    #expect(orderProblems(a, b) == [])
    let c = Source(path: "b.swift", text: "func g() {}\nfunc f(a: Int, b: Int) {}\n")
    #expect(orderProblems(a, c).count == 1)
  }

  @Test func `imports keep their order`() {
    let a = Source(path: "a.swift", text: "import A\nimport B\n")
    let b = Source(path: "b.swift", text: "import B\nimport A\nimport C\n")
    #expect(orderProblems(a, b).count == 1)
  }

  @Test func `a declaration stays in its file`() throws {
    let repository = try Repository()
    let function = "func mPark() {\n  notesleep(getg()[].m![].park)\n}\n"
    for stage in [five, six] {
      try repository.edit("\(stage)/\(proc)", "func stopm()", function + "\nfunc stopm()")
    }
    try repository.write("\(seven)/Runtime/park.swift", function)
    try repository.write("\(seven)/CHANGES", "Runtime/proc.swift\nRuntime/park.swift\n")
    expect(
      try repository.problems(),
      "\(seven)/Runtime/park.swift:1: mPark stands in another file")
  }

  @Test func `a function keeps its name`() throws {
    let repository = try Repository()
    let text = try #require(repository.read("\(seven)/\(proc)"))
    try repository.edit("\(seven)/\(proc)", "  getg()[].m![].spinning = true\n", "")
    try repository.write(
      "\(seven)/\(proc)",
      try #require(repository.read("\(seven)/\(proc)"))
        .replacingOccurrences(of: "stopm", with: "parkm"))
    expect(try repository.problems(), "parkm is stopm under another name")
    // With another body it is another function.
    try repository.write(
      "\(seven)/\(proc)", text.replacingOccurrences(of: "stopm", with: "parkm"))
    #expect(try repository.problems() == [])
  }

  @Test func `a type keeps its name, and its members need no mention`() throws {
    let repository = try Repository()
    try repository.edit("\(seven)/\(proc)", "struct Schedt {", "struct Scheduler {")
    expect(try repository.problems(), "Scheduler is Schedt under another name")
  }

  @Test func `a local name stays`() throws {
    let repository = try Repository()
    try repository.edit(
      "\(seven)/\(proc)", "let gp = findRunnable()", "let g = findRunnable()")
    try repository.edit("\(seven)/\(proc)", "execute(gp, inherit", "execute(g, inherit")
    expect(try repository.problems(), "in schedule only names differ, gp is g:")
    // A name that is not its own is another thing.
    let other = try Repository()
    try other.edit("\(seven)/\(proc)", "= findRunnable()", "= findWork()")
    #expect(try other.problems() == [])
  }

  @Test func `a file keeps its name`() throws {
    let repository = try Repository()
    let text = (0..<8).map { "func step\($0)() { work(\($0)) }\n" }.joined()
    for stage in [five, six] {
      try repository.write("\(stage)/Runtime/steps.swift", text)
    }
    try repository.write("\(seven)/Runtime/moves.swift", text + "let more = 1\n")
    try repository.write(
      "\(seven)/CHANGES",
      "Runtime/proc.swift\n- Runtime/steps.swift\nRuntime/moves.swift\n")
    let problems = try repository.problems()
    #expect(
      problems.contains {
        $0.hasPrefix("\(seven)/Runtime/moves.swift is \(six)/Runtime/steps.swift under")
      }, "\(problems)")
  }

  // Committed diffs

  @Test func `a stale, missing or foreign diff is a problem`() throws {
    let repository = try Repository()
    #expect(try repository.problems() == [])
    try repository.edit("\(seven)/\(proc)", "spinning = true", "spinning = false")
    var report = try repository.run("drift")
    #expect(!report.isGood)
    #expect(
      report.lines.contains("  Notes/diffs/06-07.diff is stale: make diffs writes it"))
    try repository.remove("Notes/diffs/06-07.diff")
    try repository.write("Notes/diffs/01-02.diff", "old\n")
    report = try repository.run("drift")
    #expect(
      report.lines.contains("  Notes/diffs/06-07.diff is missing: make diffs writes it"))
    #expect(
      report.lines.contains { $0.hasPrefix("  Notes/diffs/01-02.diff is of stages") })
    report = try repository.run("diffs")
    #expect(
      report.lines == [
        "removed    Notes/diffs/01-02.diff", "unchanged  Notes/diffs/05-06.diff",
        "written    Notes/diffs/06-07.diff",
      ])
    #expect(try repository.run("drift").isGood)
  }
}
