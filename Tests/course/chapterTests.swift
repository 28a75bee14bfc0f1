// SPDX-License-Identifier: Apache-2.0
//
// What chapters must have, and must not.

import Foundation
import Testing

@testable import CourseTool

/// A chapter of stage 06 in which nothing is wrong.
private let chapter = """
  # 06. An idle P takes half of another's queue

  ## What hurts

  `make run N=05 PROGRAM=sieve` takes long. \(String(repeating: "A word of it. ", count: 400))

  ## Predict

  What does `make test-06` say?

  <details><summary>Answer</summary>

  Nothing.

  </details>

  ## The idea

  `findRunnable` steals, as Go's `stealWork` does; before, Go had `matchmg`.

  ## The step, piece by piece

  `runqsteal` is new, and `findRunnable` calls it:

  ```swift
  while true {
    if let gp = runqget(getg()[].m![].p!) { return gp }
    ...
    if let gp = runqsteal() { return gp }
  ```

  ```swift sketch
  while true { spin() }
  ```

  ## The race

  ```
  thief              owner
  reads the head
  ```

  ## In a picture

  ![Stealing](pictures/06-sieve.svg)

  ## What is still wrong

  Nobody counts `spinning` threads.

  ## Questions

  1. Who?
  2. When?
  3. Why?

  <details><summary>Answers</summary>

  1. You.

  </details>

  ## A design note

  One, about `sched.nmidle`.

  ## In Go

  | here | Go | file |
  |---|---|---|
  | `runqsteal` | same, `matchmg` in Go 1.0 | `proc.go` |

  [Before](05-processors.md), [after](07-spinning.md), [the step](diffs/05-06.diff),
  [the stage](../Stages/06-work-stealing/README.md)

  """

private let goMap = """
  # Map

  | here | from | Go | file |
  |---|---|---|---|
  | `findRunnable`, `runqsteal` | 05, 06 | same, `stealWork` | `proc.go` |
  | `Schedt.nmidle` | 05 | `nmidle` | `runtime2.go` |

  """

private let chapter06 = "Notes/06-work-stealing.md"

private func repository() throws -> Repository {
  let repository = try Repository()
  try repository.write(chapter06, chapter)
  try repository.write(goMapPath, goMap)
  try repository.write("Notes/pictures/06-sieve.svg", "<svg/>")
  try repository.write(
    "Makefile", "N =\nPROGRAM =\nrun:\n\techo\ntest: a\n\ntest-%:\n\techo\n")
  _ = try repository.run("diffs")
  return repository
}

/// What is said of the chapter of 06.
private func problems(_ repository: Repository) throws -> [String] {
  let report = try repository.run("chapters", "06")
  #expect(report.isGood == (report.lines.count == 1))
  return report.lines.dropLast().map { String($0.dropFirst(2)) }
}

@Suite("chapters")
struct ChapterTests {
  @Test func `one that is fine`() throws {
    let repository = try repository()
    #expect(try problems(repository) == [])
  }

  @Test func `those that are not there are missing`() throws {
    let report = try repository().run("chapters")
    #expect(
      report.lines == [
        "  Notes/05-processors.md is missing", "  Notes/07-spinning.md is missing",
        "chapters: 3 stages and the go map, 2 problems",
      ])
  }

  @Test(arguments: [
    ("# 06. An", "# An", ":1: a chapter has one title"),
    ("## The race", "## The races", "a heading is missing: ## The race"),
    ("</details>\n\n## The idea", "\n## The idea", "Predict lacks its answer"),
    ("2. When?\n", "", "lacks three questions"),
    ("pictures/06-sieve.svg", "pictures/06-other.svg", "nothing is there"),
    ("`make test-06`", "`make test-66`", "no target test-66"),
    ("PROGRAM=sieve", "PROG=sieve", "no variable PROG="),
    ("N=05", "N=45", "no stage 45"),
    ("What does", "What simply does", "\"simply\""),
    ("Nothing.", "Nothing \u{2014} or so.", "a dash"),
    ("Nothing.", "Nothing in proc.swift:12.", "\"proc.swift:12\" is a line number"),
    ("Nothing.", "Nothing in line 12.", "\"line 12\" is a line number"),
    ("Nothing.", "Nothing in 300 lines.", nil),
    ("`sched.nmidle`", "`sched.nmidel`", "`nmidel` is not in 06-work-stealing"),
    ("`sched.nmidle`", "`notewakeup(mp)`", "`notewakeup` is not in"),
    ("`sched.nmidle`", "`GOMAXPROCS=1`, `futex(2)`, `Runtime/proc.swift`, `r15`", nil),
    ("it:\n\n```swift", "it:\n\n```swift Runtime/proc.swift", nil),
    (
      "it:\n\n```swift", "it:\n\n```swift Runtime/steal.swift",
      "no line is \"while true {\""
    ),
    ("  ...\n", "", "do not follow one another"),
    ("if let gp = runqsteal()", "if let p = runqsteal()", "no line is \"if let p"),
    ("  ...\n", "  stopm()\n", "do not follow one another"),
    ("[after](07-spinning.md)", "after", "no link to Notes/07-spinning.md"),
    ("`runqsteal` is new", "It is new", nil),
    (", `matchmg` in Go 1.0", "", "`matchmg` is not in"),
  ])
  func `what is wrong is named`(old: String, new: String, words: String?) throws {
    let repository = try repository()
    try repository.edit(chapter06, old, new)
    let found = try problems(repository)
    if let words {
      #expect(found.contains { $0.contains(words) }, "\(found)")
    } else {
      #expect(found == [])
    }
  }

  @Test func `what the step changes is told`() throws {
    let repository = try repository()
    let text = chapter.replacingOccurrences(of: "`runqsteal`", with: "runqsteal")
    try repository.write(chapter06, text)
    expect(
      try problems(repository),
      "`runqsteal` is not named in backticks, and runqsteal is in the step",
      "\(six)/Runtime/steal.swift:2")
  }

  @Test func `an excerpt is short, and of words enough are there`() throws {
    let repository = try repository()
    try repository.edit(chapter06, "A word of it. ", "A word.", every: true)
    try repository.edit(
      chapter06, "  ...\n", String(repeating: "  ...\n", count: 14))
    let found = try problems(repository)
    #expect(found.contains { $0.contains("an excerpt of 17 lines") }, "\(found)")
    #expect(found.contains { $0.contains("words without code") }, "\(found)")
  }

  @Test func `of the first stage every function is told`() throws {
    let repository = try repository()
    try repository.write(
      "Notes/05-processors.md", "# 05. Ps\n\n`schedule`, `findRunnable`\n")
    let report = try repository.run("chapters", "05")
    let untold = report.lines.filter { $0.contains("is not named") }
    expect(untold, "`stopm`", "is in the stage")
  }

  @Test(arguments: [
    ("`Schedt.nmidle` | 05", "`Schedt.nmidle` | 06", "is from 05, the map says 06"),
    ("05, 06 |", "05 |", "`runqsteal` is from 06, the map says 05 for all"),
    ("05, 06 |", "05, 06, 07 |", "2 names and 3 stages"),
    ("`runqsteal` |", "`runqstale` |", "`runqstale` is declared in no stage"),
    ("| `Schedt", "\n| `Schedt", "belongs to no table"),
  ])
  func `the map is true`(old: String, new: String, words: String) throws {
    let repository = try repository()
    try repository.edit(goMapPath, old, new)
    let lines = try repository.run("chapters").lines.filter { $0.contains("go-map") }
    expect(lines, words)
  }
}

@Suite("markdown")
struct MarkdownTests {
  private let note = Note(
    path: "a.md",
    text: """
      # One

      Some `code that
      goes on`, ``a `b` `` and [a *link*](b.md#c "title").
      ![p](d.svg)

      ```swift Runtime/a.swift
      # not a heading, `no code`
      ```

      ## Two
      | `x` | y |

      """)

  @Test func `code, links and blocks are found where they are`() {
    #expect(note.code.map(\.text) == ["code that goes on", "a `b` ", "x"])
    #expect(note.code.map(\.line) == [2, 3, 11])
    #expect(note.links.map(\.text) == ["b.md#c", "d.svg"])
    #expect(note.blocks.map(\.info) == ["swift Runtime/a.swift"])
    #expect(note.sections.map(\.title) == ["One", "Two"])
    #expect(note.prose[3] == ",   and [a *link* .")
  }

  @Test(arguments: [
    ("runqput(pp, gp, next: true)", ["runqput"]),
    ("gp[].schedlink", ["gp", "schedlink"]),
    ("ready(sched[].lock) and more", ["ready"]),
    (".runnable", ["runnable"]), ("GStatus.runnable", ["GStatus", "runnable"]),
    ("make run N=05", []), ("proc.swift", []), ("futex(2)", []), ("4 1 2 3", []),
    ("GOMAXPROCS", []), ("rsp", []),
  ])
  func `what could be a name of ours`(text: String, names: [String]) {
    #expect(mentioned(text) == names)
  }

  @Test func `a bar in code ends no cell`() {
    #expect(tableCells("| `a | b` | c \\| d |") == ["`a | b`", "c \\| d"])
  }
}
