// SPDX-License-Identifier: Apache-2.0
//
// What a stage's README must have.

import Testing

@testable import CourseTool

@Suite("readmes")
struct ReadmeTests {
  @Test func `three of them are fine`() throws {
    let report = try Repository().run("readmes")
    #expect(report.isGood)
    #expect(report.lines == ["readmes: 3 stages, no problem"])
  }

  @Test(arguments: [
    ("# 06-work-stealing: half", "# Work stealing: half", "the title is not"),
    ("## Invariants\n", "## Laws\n", "missing: Invariants; not one of them: Laws"),
    ("*Look at:* the lanes.\n", "Look at the lanes.\n", "*Look at:*"),
    ("3. Who?\n", "", "2 questions, and there should be 3"),
    ("1. One.\n", "One.\n", "the invariants are not numbered"),
    ("`Runtime/proc.swift`", "`Runtime/prog.swift`", "Runtime/prog.swift is to be read"),
  ])
  func `what is missing is named`(old: String, new: String, words: String) throws {
    let repository = try Repository()
    try repository.edit("\(six)/README.md", old, new)
    let report = try repository.run("readmes")
    #expect(!report.isGood)
    #expect(report.lines.count == 2, "\(report.lines)")
    #expect(report.lines[0].contains(words), "\(report.lines)")
  }

  @Test func `headings stand in their order`() throws {
    let repository = try Repository()
    try repository.edit("\(six)/README.md", "## In Go\n\nWords.\n\n", "")
    try repository.edit(
      "\(six)/README.md", "## Invariants", "## In Go\n\nWords.\n\n## Invariants")
    let report = try repository.run("readmes")
    #expect(report.lines[0].contains("they are: What is wrong"), "\(report.lines)")
  }

  @Test func `a stage has one`() throws {
    let repository = try Repository()
    try repository.remove("\(six)/README.md")
    #expect(try repository.run("readmes").lines[0] == "  \(six)/README.md is missing")
  }
}
