// SPDX-License-Identifier: Apache-2.0
//
// Tests of neighbouring stages: one file, and links to it.

import Foundation
import Testing

@testable import CourseTool

@Suite("links")
struct LinkTests {
  /// A behaviour test of stage 05, and links to it.
  private func linked() throws -> Repository {
    let repository = try Repository()
    try repository.write("Tests/05-processors/chanTests.swift", "func chanTest() {}\n")
    for later in ["06-work-stealing", "07-spinning"] {
      try repository.link(
        "Tests/\(later)/chanTests.swift", to: "../05-processors/chanTests.swift")
    }
    return repository
  }

  @Test func `a file and links to it are fine`() throws {
    #expect(try linked().problems() == [])
  }

  @Test func `a link leads somewhere`() throws {
    let repository = try linked()
    try repository.remove("Tests/07-spinning/chanTests.swift")
    try repository.link("Tests/07-spinning/chanTests.swift", to: "../05/chanTests.swift")
    expect(
      try repository.problems(), "leads to ../05/chanTests.swift, and nothing is there")
    try repository.write("Exercises/07-spinning/README.md", "x\n")
    try repository.remove("Tests/07-spinning/chanTests.swift")
    try repository.link(
      "Tests/07-spinning/chanTests.swift", to: "../05-processors/chanTests.swift")
    try repository.link("Exercises/07-spinning/a.md", to: "b.md")
    expect(try repository.problems(), "Exercises/07-spinning/a.md leads to b.md")
  }

  @Test func `a link is relative`() throws {
    let repository = try linked()
    let file = "Tests/07-spinning/chanTests.swift"
    try repository.remove(file)
    let target = repository.root.appendingPathComponent(
      "Tests/05-processors/chanTests.swift")
    try repository.link(file, to: target.path)
    expect(try repository.problems(), "make it relative")
  }

  @Test func `a link leads to the file itself, by the same name, and back`() throws {
    let file = "Tests/07-spinning/chanTests.swift"
    for (target, words) in [
      ("../06-work-stealing/chanTests.swift", "itself a link"),
      ("../05-processors/semaTests.swift", "has the same name"),
    ] {
      let repository = try linked()
      try repository.remove(file)
      for stage in ["05-processors", "06-work-stealing", "07-spinning"] {
        try repository.write(
          "Tests/\(stage)/semaTests.swift", "let \(stage.prefix(2)) = 1\n")
      }
      try repository.link(file, to: target)
      let problems = try repository.problems()
      #expect(problems.contains { $0.contains(words) }, "\(words): \(problems)")
    }
    let repository = try Repository()
    try repository.write(
      "Tests/06-work-stealing/stealTests.swift", "func stealTest() {}\n")
    try repository.link(
      "Tests/07-spinning/stealTests.swift", to: "../06-work-stealing/stealTests.swift")
    try repository.link(
      "Tests/05-processors/stealTests.swift", to: "../06-work-stealing/stealTests.swift")
    expect(
      try repository.problems(), "Tests/05-processors/stealTests.swift", "earlier stage")
  }

  @Test func `a folder may be linked, too`() throws {
    let repository = try Repository()
    try repository.write("Tests/05-processors/switcher/probe.h", "#define A 1\n")
    for later in ["06-work-stealing", "07-spinning"] {
      try repository.link("Tests/\(later)/switcher", to: "../05-processors/switcher")
    }
    #expect(try repository.problems() == [])
    #expect(
      !(try repository.run("diff", "06").lines.contains { $0.contains("switcher") }))
    try repository.commit()
    try repository.edit("Tests/05-processors/switcher/probe.h", "A 1", "A 2")
    let report = try repository.run("propagate", "05", "Tests/switcher/probe.h")
    #expect(
      report.lines.count { $0.hasSuffix("a link to ../05-processors/switcher") } == 2)
    #expect(report.lines.last == "propagate: 0 files written")
    try repository.remove("Tests/07-spinning/switcher")
    expect(try repository.problems(), "Tests/07-spinning/switcher is missing")
  }

  @Test func `a stage has no links`() throws {
    let repository = try Repository()
    try repository.remove("\(seven)/Asm/asm.h")
    try repository.link("\(seven)/Asm/asm.h", to: "../../06-work-stealing/Asm/asm.h")
    expect(try repository.problems(), "\(seven)/Asm/asm.h is a link")
  }

  @Test func `a test stays, unless CHANGES says that it goes`() throws {
    let repository = try linked()
    try repository.remove("Tests/07-spinning/chanTests.swift")
    expect(
      try repository.problems(), "Tests/07-spinning/chanTests.swift is missing",
      "ln -sf ../05-processors/chanTests.swift Tests/07-spinning/chanTests.swift")
    try repository.write(
      "\(seven)/CHANGES", "Runtime/proc.swift\n- Tests/chanTests.swift\n")
    #expect(try repository.problems() == [])
  }

  @Test func `a test that is the same is a link`() throws {
    let repository = try linked()
    try repository.remove("Tests/07-spinning/chanTests.swift")
    try repository.write("Tests/07-spinning/chanTests.swift", "func chanTest() {}\n")
    expect(
      try repository.problems(), "is the same as Tests/06-work-stealing/chanTests.swift",
      "ln -sf ../05-processors/chanTests.swift Tests/07-spinning/chanTests.swift")
  }

  @Test func `in tests, too, comments do not change alone; a gate is each stage's own`()
    throws
  {
    for (name, isGood) in [("runqTests.swift", false), ("gateTests.swift", true)] {
      let repository = try Repository()
      for (stage, words) in [
        ("05-processors", "Of a queue."), ("06-work-stealing", "Of a ring."),
      ] {
        try repository.write("Tests/\(stage)/\(name)", "// \(words)\nfunc test() {}\n")
      }
      try repository.link("Tests/07-spinning/\(name)", to: "../06-work-stealing/\(name)")
      let problems = try repository.problems()
      if isGood {
        #expect(problems == [])
      } else {
        expect(problems, "Tests/06-work-stealing/\(name):1: only comments change")
      }
    }
  }

  @Test func `folders of tests and exercises are named as a stage`() throws {
    let repository = try Repository()
    try repository.write("Exercises/06-stealing/01-half/README.md", "Take half.\n")
    expect(try repository.problems(), "Exercises/06-stealing: no stage has this name")
  }
}
