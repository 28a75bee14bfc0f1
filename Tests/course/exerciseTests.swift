// SPDX-License-Identifier: Apache-2.0
//
// Exercises as a learner meets them, and what is wrong with how one is written. Nothing is
// compiled here; make prove-exercises does that with those that there are.

import Foundation
import Testing

@testable import CourseTool

private let here = "Exercises/05-processors"

private func exercisePage(_ number: String, _ more: String = "") -> String {
  """
  # 05.\(number) A title

  ## Task

  One.

  ## Keep

  Two.

  ## Predict first

  How many?

  ## Check

  `make check N=05 E=\(number)`.
  \(more)
  """
}

private let hintPage = "## 1\n\nOne.\n\n## 2\n\nTwo.\n\n## 3\n\nThree.\n"

private let hole = """
  --- a/Runtime/proc.swift
  +++ b/Runtime/proc.swift
  @@ -8,9 +8,8 @@
   
   /// schedule runs a goroutine.
   func schedule() -> Never {
  -  let gp = findRunnable()
  -  // Runs it with what is left of the time.
  -  execute(gp, inheritTime: false)
  +  // Exercise 05.02: finds a goroutine and runs it.
  +  fatalError("exercise 05.02")
   }
   
   /// findRunnable looks for work.

  """

private let bugPatch = """
  Title: nobody is found
  Test: `runs what is found`
  Seen: nobody

  --- a/Runtime/proc.swift
  +++ b/Runtime/proc.swift
  @@ -15,7 +15,7 @@
   func findRunnable() -> GPtr {
     while true {
       if let gp = runqget(getg()[].m![].p!) { return gp }
  -    if let gp = globrunqget() { return gp }
  +    if globrunqget() != nil { continue }
       stopm()
     }
   }

  """

/// The three stages, with a predict, a build and a bug.
private let withExercises = ladderOfThree.merging([
  "\(here)/01-print/exercise.txt": """
  title: What it prints
  kind: predict
  minutes: 5
  run: echo; echo 'order: 4 1 2 3'
  take: ^order: (.*)$
  expect: ^4 1 2 3$

  """,
  "\(here)/01-print/README.md": exercisePage("01"),
  "\(here)/01-print/hints.md": hintPage,
  "\(here)/01-print/why.md": "Because.\n",
  "\(here)/02-schedule/exercise.txt": """
  title: Find one and run it
  kind: build
  minutes: 20
  tests: runs what is found
  fails: exercise 05.02

  """,
  "\(here)/02-schedule/README.md": exercisePage("02"),
  "\(here)/02-schedule/hints.md": hintPage,
  "\(here)/02-schedule/hole.patch": hole,
  "\(here)/bugs/nobody.patch": bugPatch,
  "\(here)/bugs/nobody.md":
    "# Nobody\n\n## Symptom\n\n## How to find it\n\n## Cause\n\n## The fix\n",
  "Tests/05-processors/support.swift": "enum RuntimeTests {}\nfunc helper() {}\n",
  "Tests/05-processors/procTests.swift": """
  extension RuntimeTests {
    @Suite("schedule") struct ProcTests {
      @Test func `runs what is found`() {
          let n = bare()
          _ = [n].first
        }
      @Test(arguments: [1, 2]) func counts(n: Int) {}
    }
  }

  """,
  "Tests/05-processors/runqTests.swift": "func bare() {}\nprivate func helper() {}\n",
  "Tests/05-processors/gateTests_before.swift": "@testable import Stage06\n",
  "Tests/05-processors/otherTests.swift":
    "func other() {}\nfunc first() {}\nfunc n() {}\n",
]) { $1 }

@Suite("exercises")
struct ExerciseTests {
  private func problems(_ repository: Repository) throws -> [String] {
    Collection(try Ladder(root: repository.root)).problems
  }

  private func failure(_ repository: Repository, _ arguments: String...) -> String? {
    do {
      _ = try perform(try parse(arguments), try Ladder(root: repository.root))
    } catch let error as Failure {
      return error.message
    } catch { return "\(error)" }
    return nil
  }

  // The learner's side.

  @Test func `they are listed by stage, with how far one is`() throws {
    let repository = try Repository(withExercises)
    var lines = try repository.run("exercises").lines
    #expect(lines[0] == "05-processors: the right to run")
    #expect(lines[1] == "  05.01  predict 5 min    not begun  What it prints")
    #expect(lines[2] == "  05.02  build   20 min   not begun  Find one and run it")
    _ = try repository.run("start", "5", "2")
    lines = try repository.run("exercises", "05").lines
    #expect(lines[2] == "  05.02  build   20 min   begun      Find one and run it")
    #expect(try repository.run("exercises", "06").lines.count == 1)
  }

  @Test func `start lays a copy with the hole, and says where it is`() throws {
    let repository = try Repository(withExercises)
    let report = try repository.run("start", "05", "02")
    #expect(report.lines.count == 5)
    #expect(
      report.lines[2]
        == "  write  Workbench/05-02/Runtime/proc.swift, `schedule`: look for \"Exercise 05.02\""
    )
    let text = try #require(repository.read("Workbench/05-02/Runtime/proc.swift"))
    #expect(text.contains("fatalError(\"exercise 05.02\")"))
    #expect(text.contains("import Stage05Asm"))
    #expect(repository.read("Workbench/05-02/Asm/asm.h") != nil)
    #expect(repository.read("Workbench/05-02/README.md") == exercisePage("02"))
    // Links lead to the tests; those that need another stage are not compiled.
    #expect(
      repository.read("Workbench/05-02/Tests/support.swift")
        == withExercises["Tests/05-processors/support.swift"])
    let manifest = try #require(repository.read("Workbench/05-02/Package.swift"))
    #expect(!manifest.contains("gateTests_before"))
    for file in ["procTests", "runqTests", "support"] {
      #expect(manifest.contains("\"\(file).swift\""))
    }
    #expect(!manifest.contains("otherTests"))
  }

  @Test func `start does not overwrite what is there`() throws {
    let repository = try Repository(withExercises)
    _ = try repository.run("start", "05", "02")
    try repository.write("Workbench/05-02/Runtime/proc.swift", "mine\n")
    let message = try #require(failure(repository, "start", "05", "02"))
    #expect(message.contains("make check N=05 E=02"))
    #expect(message.contains("make reset N=05 E=02"))
    #expect(repository.read("Workbench/05-02/Runtime/proc.swift") == "mine\n")
  }

  @Test func `reset keeps what was there, and what was built`() throws {
    let repository = try Repository(withExercises)
    #expect(failure(repository, "reset", "05", "02")?.contains("make start") == true)
    _ = try repository.run("start", "05", "02")
    for n in 1...2 {
      try repository.write("Workbench/05-02/Runtime/proc.swift", "mine \(n)\n")
      try repository.write("Workbench/05-02/.build/program", "built\n")
      let report = try repository.run("reset", "05", "02")
      #expect(report.lines[0] == "what was there is in Workbench/.backup/05-02-\(n)")
      #expect(
        repository.read("Workbench/.backup/05-02-\(n)/Runtime/proc.swift")
          == "mine \(n)\n")
      #expect(repository.read("Workbench/05-02/.build/program") == "built\n")
      #expect(
        try #require(repository.read("Workbench/05-02/Runtime/proc.swift"))
          .contains("exercise 05.02"))
    }
  }

  @Test func `hints come one after the other, and again when asked`() throws {
    let repository = try Repository(withExercises)
    #expect(failure(repository, "hint", "05", "02", "--again") != nil)
    for (n, text) in [(1, "One."), (2, "Two."), (3, "Three.")] {
      let lines = try repository.run("hint", "05", "02").lines
      #expect(lines == ["05.02, hint \(n) of 3:", "", text])
      #expect(try repository.run("hint", "05", "02", "--again").lines == lines)
    }
    #expect(failure(repository, "hint", "05", "02")?.contains("AGAIN=1") == true)
    #expect(repository.read("Workbench/progress.txt") == "05-02 not begun, hints: 3\n")
  }

  @Test func `a prediction is wanted before anything is run`() throws {
    let repository = try Repository(withExercises)
    #expect(failure(repository, "check", "05", "01")?.contains("make start") == true)
    _ = try repository.run("start", "05", "01")
    let empty = try #require(repository.read("Workbench/05-01/answer.txt"))
    #expect(empty.contains("# How many?"))
    #expect(failure(repository, "check", "05", "01")?.contains("answer.txt") == true)
    #expect(repository.read("Workbench/progress.txt") == "05-01 begun, hints: 0\n")
  }

  @Test(arguments: [("4  1 2\n3", "they agree"), ("1 2 3 4", "they differ")])
  func `a prediction is shown beside what happened, and done either way`(
    answer: String, words: String
  ) throws {
    let repository = try Repository(withExercises)
    _ = try repository.run("start", "05", "01")
    let empty = try #require(repository.read("Workbench/05-01/answer.txt"))
    try repository.write("Workbench/05-01/answer.txt", empty + answer + "\n")
    let report = try repository.run("check", "05", "01")
    #expect(report.isGood)
    #expect(report.lines[1] == "what happened:  4 1 2 3")
    #expect(report.lines[2].contains(words))
    #expect(report.lines.contains("Because.\n"))
    #expect(report.lines.last?.hasSuffix("make start N=05 E=02") == true)
    #expect(repository.read("Workbench/progress.txt") == "05-01 done, hints: 0\n")
    #expect(
      try repository.run("progress").lines == [
        "05-processors        1 of 2 done",
        "next:      05.02 Find one and run it: make start N=05 E=02",
      ])
  }

  @Test func `lines of progress that mean nothing are kept`() {
    var state = LearnerState("a note\n05-02 done, hints: 1\n")
    #expect(state.text == "a note\n05-02 done, hints: 1\n")
    let stage = Stage(name: "05-processors")
    state[Exercise(stage: stage, name: "03-x")].word = .begun
    #expect(state.text == "a note\n05-02 done, hints: 1\n05-03 begun, hints: 0\n")
  }

  @Test(arguments: [
    (["start", "99", "01"], "stages: 05 06 07"),
    (["start", "05", "09"], "there are: 01 02"),
    (["check", "06", "01"], "has no exercises"),
    (["museum", "05", "--bug", "x"], "there are: nobody"),
    (["museum", "--bug", "nobody"], "N=05"),
    (["start", "05"], "N=05 E=02"),
  ])
  func `numbers that are not here are answered with those that are`(
    arguments: [String], words: String
  ) throws {
    let repository = try Repository(withExercises)
    let message: String?
    do {
      _ = try perform(try parse(arguments), try Ladder(root: repository.root))
      message = nil
    } catch { message = "\(error)" }
    #expect(message?.contains(words) == true, "\(message ?? "")")
  }

  @Test func `the museum lists its bugs, and shows one`() throws {
    let repository = try Repository(withExercises)
    #expect(
      try repository.run("museum").lines.contains {
        $0.hasPrefix("  nobody ") && $0.hasSuffix("nobody is found")
      })
    let report = try repository.run("museum", "05", "--bug", "nobody")
    #expect(report.lines[0].hasPrefix("# Nobody"))
    #expect(
      try #require(repository.read("Workbench/05-nobody/Runtime/proc.swift"))
        .contains("if globrunqget() != nil { continue }"))
  }

  // The author's side.

  @Test func `nothing is wrong with these`() throws {
    #expect(try problems(Repository(withExercises)) == [])
  }

  @Test(arguments: [
    ("01-print/exercise.txt", "minutes: 5\n", "", "has no minutes"),
    ("01-print/exercise.txt", "kind: predict", "kind: guess", "predict, build or extend"),
    ("02-schedule/exercise.txt", "fails:", "fail:", "there is no key fail"),
    ("02-schedule/exercise.txt", "tests: runs what is found\n", "", "has no tests"),
    ("02-schedule/hints.md", "\nThree.\n", "", "2 hints, and there should be 3"),
    ("02-schedule/README.md", "## Keep", "## Invariant", "its headings are to be: Task"),
    ("02-schedule/README.md", "# 05.02 A", "# A", "the title does not begin with"),
    (
      "02-schedule/README.md", "make check N=05 E=02", "make test",
      "does not say: make check"
    ),
    (
      "02-schedule/hole.patch", "// Exercise 05.02:", "// To do:",
      "no line that it adds says"
    ),
    ("bugs/nobody.patch", "Seen: nobody\n", "", "no line Seen:"),
    ("bugs/nobody.md", "## Cause", "## Why", "Symptom, How to find it, Cause, The fix"),
  ])
  func `what is missing is named`(
    file: String, old: String, new: String, words: String
  ) throws {
    let repository = try Repository(withExercises)
    try repository.edit("\(here)/\(file)", old, new)
    let problems = try problems(repository)
    #expect(problems.contains { $0.hasPrefix("\(here)/\(file)") }, "\(problems)")
    #expect(problems.contains { $0.contains(words) }, "\(problems)")
  }

  @Test(arguments: [
    ("02-schedule/notes.txt", "belongs to nothing"),
    ("02-schedule/why.md", "belongs to nothing"),
    ("03-empty/README.md", "exercise.txt is missing"),
    ("stray.md", "belongs to no exercise"),
    ("exercise/exercise.txt", "begins with its number"),
    ("bugs/lost.md", "there is no patch of this name"),
    ("bugs/lost.patch", "lost.md is missing"),
    ("bugs/lost.txt", "neither a patch nor a page"),
  ])
  func `what belongs to nothing is named`(file: String, words: String) throws {
    let repository = try Repository(withExercises)
    try repository.write("\(here)/\(file)", "text\n")
    let problems = try problems(repository)
    #expect(problems.contains { $0.contains(words) }, "\(problems)")
  }

  @Test(arguments: [
    "01-print/why.md", "02-schedule/hole.patch", "02-schedule/hints.md", "bugs/nobody.md",
  ])
  func `a part that is not there is named`(file: String) throws {
    let repository = try Repository(withExercises)
    try repository.remove("\(here)/\(file)")
    let problems = try problems(repository)
    #expect(problems.contains("\(here)/\(file) is missing"), "\(problems)")
  }

  @Test func `a patch that does not fit is refused, by name`() throws {
    let repository = try Repository(withExercises)
    try repository.edit("\(here)/02-schedule/hole.patch", "what is left of", "all")
    let message = try #require(failure(repository, "start", "05", "02"))
    #expect(message.contains("02-schedule/hole.patch does not fit"))
    #expect(repository.read("Workbench/05-02/Runtime/proc.swift") == nil)
  }

  // Tests by their names.

  @Test func `a test is found by its name, its suite and a pattern`() throws {
    let repository = try Repository(withExercises)
    let ladder = try Ladder(root: repository.root)
    let index = TestIndex(ladder, ladder.stages[0])
    #expect(
      index.tests.map(\.id) == [
        "Stage05Tests.RuntimeTests/ProcTests/`runs what is found`()",
        "Stage05Tests.RuntimeTests/ProcTests/counts(n:)",
      ])
    #expect(index.matching("runs what is found").tests.count == 1)
    #expect(index.matching("counts").filter == "`?counts`?\\(")
    #expect(index.matching("RuntimeTests.ProcTests").tests.count == 2)
    #expect(index.matching("RuntimeTests.RunqTests").tests.isEmpty)
    #expect(
      index.needed(by: ["procTests.swift"]) == [
        "procTests.swift", "runqTests.swift", "support.swift",
      ])
  }

  // What builds and runs say.

  private func ran(_ output: String, status: Int32 = 1, signal: Int32? = nil) -> Verdict {
    judged(Ended(status: status, signal: signal, output: output))
  }

  @Test func `a test that failed is named with its message`() {
    let verdict = ran(
      """
      ◇ Test "first" started.
      ✔ Test "first" passed after 0.001 seconds.
      ◇ Test "second" started.
      ✘ Test "second" recorded an issue at runqTests.swift:72:7: Expectation failed: a == b
      ↳ line 3: 2 is not 1
      ✘ Test "second" failed after 0.003 seconds with 1 issue.
      ◇ Test third() started.
      ✘ Test third() recorded an issue with 1 argument way → x at a.swift:1:2: Issue
      ✘ Test third() with 4 test cases failed after 0.003 seconds with 1 issue.
      ✘ Test run with 3 tests in 2 suites failed after 0.004 seconds with 2 issues.
      """)
    #expect(verdict.kind == .failed)
    #expect(verdict.count == 3)
    #expect(
      verdict.happened == [
        "`second` failed:", "runqTests.swift:72: Expectation failed: a == b",
        "  line 3: 2 is not 1", "`third` failed, too",
      ])
  }

  @Test func `a process that ended is told from a test that failed`() {
    let verdict = ran(
      """
      ◇ Test "first" started.
      Stage05/proc.swift:11: Fatal error: exercise 05.02
      """, status: 132, signal: 4)
    #expect(verdict.kind == .crashed)
    #expect(
      verdict.happened[0] == "the process ended in the test `first`, signal 4 (SIGILL)")
    #expect(verdict.says("exercise 05.02"))
  }

  @Test func `one that hangs is told from one that ended`() {
    var verdict = ran(
      """
      ◇ Test "first" started.
      deadline exceeded in test first, process 7
      """, status: 3)
    #expect(verdict.kind == .hung)
    verdict = judged(
      Ended(status: 131, signal: 3, silent: 8, output: "◇ Test \"first\" started.\n"))
    #expect(verdict.kind == .hung)
    #expect(verdict.says("deadline exceeded: `first` had not ended after 8 s"))
  }

  @Test func `a run without tests is no success`() {
    #expect(
      ran("✔ Test run with 0 tests in 0 suites passed after 0.001 seconds.", status: 0)
        .kind == .noTests)
    #expect(
      ran("✔ Test \"a\" passed after 0.001 seconds.", status: 0).passed)
  }

  @Test func `what tests print is kept apart from what is said of them`() {
    let verdict = ran(
      """
      Building for debugging...
      ◇ Test run started.
      ↳ Testing Library Version: 6.3.1
      ◇ Test "first" started.
      ◇ Test case passing 1 argument tick → 2 to "first" started.
      tick 2: waited for 2 goroutines at most
      ✔ Test case passing 1 argument tick → 2 to "first" passed after 0.001 seconds.
      ✔ Test "first" with 1 test case passed after 0.001 seconds.
      ✔ Test run with 1 test in 1 suite passed after 0.004 seconds.
      """, status: 0)
    #expect(verdict.printed == ["tick 2: waited for 2 goroutines at most"])
  }

  @Test func `the compiler's first error is shown with its place`() {
    let verdict = compiled(
      Ended(
        status: 1,
        output: """
          [3/9] Compiling Stage05 proc.swift
          /far/away/Workbench/05-02/Runtime/proc.swift:11:3: error: cannot find 'x' in scope
           9 | func schedule() {
          11 |   x()
             |   `- error: cannot find 'x' in scope
          12 | }
          /far/away/a.swift:1:1: error: another
          """))
    #expect(verdict.kind == .refusedByCompiler)
    #expect(
      verdict.happened.first
        == "Runtime/proc.swift:11:3: error: cannot find 'x' in scope")
    #expect(verdict.happened.count == 5)
    #expect(!verdict.says("another"))
  }

  @Test func `what finds a bug is told by its first word`() {
    #expect(Scratch.Way("runs what is found").test == "runs what is found")
    #expect(Scratch.Way("switcher: kept").test == nil)
    if case .model("park", mutant: "2") = Scratch.Way("model: park 2") {
    } else {
      Issue.record("a model is one")
    }
    if case .schedules("wake-up from sleep") = Scratch.Way(
      "schedules: wake-up from sleep")
    {
    } else {
      Issue.record("a scenario is one")
    }
  }

  @Test func `a long line is cut to what stands around the words`() {
    let line =
      String(repeating: "a", count: 200) + "here" + String(repeating: "b", count: 200)
    #expect(
      around("here", line, 24)
        == "... " + String(repeating: "a", count: 10) + "here"
        + String(repeating: "b", count: 10) + " ...")
    #expect(around("here", "it is here") == "it is here")
  }

  // Programs.

  @Test func `a program that is silent for too long is ended, and all it started`() throws
  {
    let folder = FileManager.default.temporaryDirectory
    let ended = try execute(
      ["sh", "-c", "echo begun; sleep 600 & sleep 600"], in: folder, silence: 0.3,
      limit: 60)
    #expect(ended.silent != nil)
    #expect(ended.output == "begun\n")
    #expect(ended.seconds < 30)
  }

  @Test func `how a program ended is told`() throws {
    let folder = FileManager.default.temporaryDirectory
    func run(_ script: String) throws -> Ended {
      try execute(["sh", "-c", script], in: folder, silence: 60, limit: 60)
    }
    #expect(try run("echo a; echo b >&2; exit 3").status == 3)
    #expect(try run("echo a; echo b >&2").output == "a\nb\n")
    #expect(try run("kill -SEGV $$").signal == SIGSEGV)
    #expect(try run("echo $MAKEFLAGS").output == "\n")
    #expect(try run("printf '\\033[90ma\\033[0m\\n'").output == "a\n")
  }
}
