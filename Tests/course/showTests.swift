// SPDX-License-Identifier: Apache-2.0
//
// Differences: that they are right, and how they look.

import Arguments
import Foundation
import Testing

@testable import CourseTool

@Suite("differences")
struct ShowTests {
  @Test func `changes turn one list into the other`() {
    var seed: UInt64 = 1
    func random(_ n: Int) -> Int {
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(seed >> 33) % n
    }
    for round in 0..<400 {
      let letters = 1 + round % 12
      let a = (0..<random(30)).map { _ in "\(random(letters))" }
      let b = (0..<random(30)).map { _ in random(3) == 0 ? "" : "\(random(letters))" }
      let (x, y) = (
        Source(path: "a", text: a.map { $0 + "\n" }.joined()),
        Source(path: "b", text: b.map { $0 + "\n" }.joined())
      )
      var result: [Line] = []
      var at = 0
      for change in changes(x, y) {
        #expect(change.count > 0 && change.a.lowerBound >= at)
        result += x.lines[at..<change.a.lowerBound]
        #expect(result.count == change.b.lowerBound)
        result += y.lines[change.b]
        at = change.a.upperBound
      }
      result += x.lines[at...]
      #expect(result == y.lines)
    }
  }

  @Test func `a longest increasing subsequence is one`() {
    #expect(longestIncreasing([]) == [])
    #expect(longestIncreasing([3, 1, 2, 5, 4]).count == 3)
    #expect(longestIncreasing([0, 1, 2]) == [0, 1, 2])
  }

  @Test func `what git applies to one stage makes the other`() throws {
    let repository = try Repository()
    let patch = try repository.run("diff", "06", "07", "--file", proc).lines
    let file = "Stages/06-work-stealing/\(proc)"
    try repository.write(
      "step.patch",
      patch.map { $0 + "\n" }.joined()
        .replacingOccurrences(of: "--- Stages", with: "--- a/Stages")
        .replacingOccurrences(of: "+++ \(seven)", with: "+++ b/\(six)"))
    try repository.git("apply", "step.patch")
    #expect(
      repository.read(file)?.replacingOccurrences(of: "Stage06", with: "Stage07")
        == repository.read("\(seven)/\(proc)"))
  }

  @Test func `a step has its two titles, its size, and files in their order`() throws {
    let repository = try Repository()
    let lines = try repository.run("diff", "05", "06").lines
    #expect(
      lines == [
        "from 05-processors: the right to run",
        "to   06-work-stealing: half of another's queue",
        "+1 -0 in 1 file, 1 new",
        "",
        "new   Runtime/steal.swift              2 lines",
        "",
        "--- Stages/05-processors/Runtime/proc.swift",
        "+++ Stages/06-work-stealing/Runtime/proc.swift",
        "@@ -16,6 +16,7 @@ findRunnable()",
        "   while true {",
        "     if let gp = runqget(getg()[].m![].p!) { return gp }",
        "     if let gp = globrunqget() { return gp }",
        "+    if let gp = runqsteal() { return gp }",
        "     stopm()",
        "   }",
        " }",
      ])
    // One stage: compared with the one before.
    #expect(try repository.run("diff", "06").lines == lines)
    #expect(try repository.run("diff", "05").lines[0].contains("no stage stands before"))
    for stage in [six, seven] {
      try repository.edit("\(stage)/Asm/asm.h", "SP 0", "SP 8")
    }
    try repository.write("\(six)/CHANGES", "Runtime/proc.swift\nAsm/asm.h\n")
    let heads = try repository.run("diff", "05", "06").lines.filter {
      $0.hasPrefix("+++")
    }
    #expect(heads.map { $0.hasSuffix(proc) } == [true, false])
  }

  @Test func `a file is shown when it is named, new ones and tests too`() throws {
    let repository = try Repository()
    let lines = try repository.run("diff", "05", "06", "--file", "Runtime/steal.swift")
      .lines
    #expect(
      lines.suffix(2) == ["+/// Go: runqsteal.", "+func runqsteal() -> GPtr? { nil }"])
    #expect(lines[2] == "@@ -0,0 +1,2 @@ runqsteal()")
    try repository.write("Tests/06-work-stealing/a.swift", "let a = 1\n")
    #expect(
      try repository.run("diff", "06").lines.last
        == "new   Tests/a.swift                    1 line")
    #expect(
      try repository.run("diff", "06", "--file", "Tests/a.swift").lines.last
        == "+let a = 1")
    #expect(throws: Failure.self) {
      try repository.run("diff", "05", "06", "--file", "Runtime/nobody.swift")
    }
    #expect(
      try repository.run("diff", "05", "06", "--file", "Asm/asm.h").lines
        == ["Asm/asm.h is the same in 05-processors and 06-work-stealing"])
  }

  private let old = Source(path: "a", text: "one\nlock(sched.lock)\nthree\n")
  private let new = Source(path: "b", text: "one\nlock(pp.lock)\nthree\n")

  @Test func `words that differ are marked`() {
    let (a, b) = pieces(["lock(sched.lock)"], ["lock(pp.lock)"])
    #expect(a == [[Piece("lock(", false), Piece("sched", true), Piece(".lock)", false)]])
    #expect(b == [[Piece("lock(", false), Piece("pp", true), Piece(".lock)", false)]])
    #expect(pieces(["a b"], ["c d"]).0 == [[Piece("a b", true)]])
    #expect(
      difference(old, new, Style(form: .words)).dropFirst(3)
        == [" one", "~lock([-sched-]{+pp+}.lock)", " three"])
    let painted = difference(old, new, Style(color: true))
    #expect(painted.contains { $0.contains("\u{1b}[7;31msched\u{1b}[m") })
    #expect(!difference(old, new, Style()).joined().contains("\u{1b}"))
  }

  @Test func `two columns stand side by side, and long lines go on below`() {
    #expect(
      difference(old, new, Style(form: .sides, width: 43)).dropFirst(3)
        == [
          "one                    one", "lock(sched.lock)     | lock(pp.lock)",
          "three                  three",
        ])
    let long = Source(path: "b", text: "one\n" + String(repeating: "x", count: 25) + "\n")
    #expect(
      difference(Source(path: "a", text: "one\n"), long, Style(form: .sides, width: 43))
        .suffix(2)
        == [
          "                     > " + String(repeating: "x", count: 20),
          "                     > xxxxx",
        ])
  }

  @Test func `a file without an end of line differs from one with it`() {
    let lines = difference(
      Source(path: "a", text: "one\n"), Source(path: "b", text: "one"), Style())
    #expect(lines.last == "+\\ No newline at end of file")
  }

  @Test(arguments: [
    ([], "what to do?"), (["dif"], "unknown command dif"), (["diff"], "one stage or two"),
    (["diff", "1", "2", "3"], "one stage or two"),
    (["drift", "05"], "takes no arguments"),
    (["drift", "--fast"], "unknown option --fast"),
    (["propagate", "05"], "a stage and a file"),
    (["diff", "05", "--width", "1"], "40 to 1000"),
    (["diff", "05", "--file"], "needs a value"),
    (["diff", "05", "--side", "--words"], "either"),
    (["parity", "--since", "-x"], "no commit"),
  ])
  func `arguments that make no sense are refused`(arguments: [String], words: String) {
    do {
      _ = try parse(arguments)
      Issue.record("\(arguments) is taken")
    } catch CommandLineError.wrong(let message) {
      #expect(message.contains(words))
    } catch {
      Issue.record(error)
    }
  }
}
