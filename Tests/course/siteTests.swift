// SPDX-License-Identifier: Apache-2.0
//
// Notes as pages: what DocC is given, and what is made of what it gives.

import Foundation
import Testing

@testable import CourseTool

private let frame =
  "<title>{{title}}</title>{{navigation}}<main>{{body}}</main>{{before}}{{after}}"

private func repository() throws -> Repository {
  let repository = try Repository()
  try repository.write(
    "README.md",
    "# A course\n\nRead [06](Notes/06-work-stealing.md#the-idea).\n")
  try repository.write(
    "Notes/06-work-stealing.md",
    """
    <!-- A comment. -->
    # 06. Half of another's queue

    See [the step](diffs/05-06.diff) and [the code](../\(six)/Runtime/proc.swift#L3).

    ## The idea

    <details><summary>Answer</summary>

    It `<steals>`.

    </details>

    ![A picture](pictures/06-sieve.svg)

    ```swift
    let x = "a"  // b
    ```

    """)
  try repository.write("Notes/pictures/06-sieve.svg", "<svg/>")
  let folder = "Exercises/06-work-stealing"
  try repository.write("\(folder)/01-who/exercise.txt", "title: Who\nkind: predict\n")
  try repository.write("\(folder)/01-who/README.md", "# 06.01 Who\n\n## Task\n\nSay.\n")
  try repository.write("\(folder)/01-who/hints.md", "# Hints\n\n## 1\n\nLook.\n")
  try repository.write("\(folder)/01-who/why.md", "Because.\n")
  try repository.write(
    "\(folder)/bugs/lost.patch",
    "Title: half is lost\nTest: t\nSeen: s\n\n--- a/Runtime/steal.swift\n-a\n+b\n")
  try repository.write(
    "\(folder)/bugs/lost.md",
    "# Half is lost\n\n## Symptom\n\nIt hangs.\n\n## Cause\n\nNo bounds.\n")
  try repository.write("Sources/site/page.html", frame)
  return repository
}

@Suite("site")
struct SiteTests {
  @Test func `pages, their links and what is searched`() throws {
    let repository = try repository()
    let report = try repository.run("site", "--out", "out")
    #expect(report.isGood, "\(report.lines)")
    let page = try #require(repository.read("out/06-work-stealing.html"))
    #expect(page.contains("<title>06. Half of another’s queue</title>"))
    #expect(page.contains("<a href=\"05-06-step.html\">the step</a>"))
    #expect(page.contains("Runtime-proc-swift.html\">the code</a>"))
    #expect(page.contains("<h2 id=\"the-idea\">"))
    #expect(
      page.replacing("\n", with: "").contains(
        "<details><summary>Answer</summary><p>It <code>&lt;steals&gt;</code>."))
    #expect(
      page.contains(
        "<img src=\"pictures/Notes-pictures-06-sieve.svg\" alt=\"A picture\">"))
    #expect(page.contains("<span class=\"string\">&quot;a&quot;</span>"))
    #expect(page.contains("<span class=\"comment\">// b</span>"))
    #expect(!page.contains("A comment."))
    let step = try #require(repository.read("out/05-06-step.html"))
    #expect(step.contains("<span class=\"add\">+"))
    #expect(
      step.contains("<a href=\"file-Stages-06-work-stealing-Runtime-steal-swift.html\">"))
    let first = try #require(repository.read("out/index.html"))
    #expect(first.contains("<a href=\"06-work-stealing.html#the-idea\">06</a>"))
    let exercise = try #require(repository.read("out/06-01-exercise.html"))
      .replacing("\n", with: "")
    #expect(exercise.contains("<summary>Hint 1</summary><p>Look.</p>"))
    #expect(exercise.contains("why</summary><p>Because.</p>"))
    let museum = try #require(repository.read("out/06-museum.html"))
      .replacing("\n", with: "")
    #expect(museum.contains(">half is lost<"))
    #expect(museum.contains("<p>It hangs.</p>"))
    #expect(museum.contains("<summary>Cause</summary><p>No bounds.</p>"))
    #expect(museum.contains("<span class=\"add\">+"))
    let index = try #require(repository.read("out/search.js"))
    #expect(index.contains("<steals>"))
    #expect(try repository.run("site", "--out", "out").isGood)
  }

  @Test(arguments: [
    (
      "diffs/05-06.diff", "diffs/05-07.diff",
      "Notes/06-work-stealing.md:4: diffs/05-07.diff"
    ),
    ("diffs/05-06.diff", "../README.md#nowhere", "no heading #nowhere on index"),
    ("pictures/06-sieve.svg", "pictures/07-sieve.svg", "leads nowhere"),
  ])
  func `what leads nowhere is named`(old: String, new: String, words: String) throws {
    let repository = try repository()
    try repository.edit("Notes/06-work-stealing.md", old, new)
    let report = try repository.run("site", "--out", "out")
    expect(report.lines.filter { $0.hasPrefix("  ") }, words)
  }

  @Test func `a folder with other things in it is left alone`() throws {
    let repository = try repository()
    try repository.write("out/mine.txt", "mine")
    #expect(throws: Failure.self) { try repository.run("site", "--out", "out") }
    #expect(repository.read("out/mine.txt") == "mine")
  }

  @Test(arguments: [
    (
      "swift", "func a() { 0x1f }",
      "<span class=\"keyword\">func</span> <span class=\"call\">a</span>() { <span class=\"number\">0x1f</span> }"
    ),
    (
      "asm", "movq %rdi, GOBUF_SP(%rax)",
      "<span class=\"keyword\">movq</span> <span class=\"type\">%rdi</span>, <span class=\"call\">GOBUF_SP</span>(<span class=\"type\">%rax</span>)"
    ),
    (
      "sh", "make run N=05 # a",
      "<span class=\"keyword\">make</span> run <span class=\"type\">N</span>=<span class=\"number\">05</span> <span class=\"comment\"># a</span>"
    ),
    ("text", "a < b", "a &lt; b"),
    ("swift", "\"open", "<span class=\"string\">&quot;open</span>"),
  ])
  func `code has colours`(language: String, code: String, html: String) {
    #expect(highlighted([code], language) == html)
  }

  @Test func `a comment goes on on the next line`() {
    let html = highlighted(["a /* b", "c */ d"], "c")
    #expect(
      html
        == "a <span class=\"comment\">/* b</span>\n<span class=\"comment\">c */</span> d")
  }

  @Test func `headings get the names that GitHub gives them`() {
    #expect(slugged("The step, piece by piece") == "the-step-piece-by-piece")
  }
}
