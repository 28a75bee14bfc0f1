// SPDX-License-Identifier: Apache-2.0
//
// A change of one stage carried into the later ones, and who still has the old text.

import Foundation
import Testing

@testable import CourseTool

@Suite("propagate")
struct PropagateTests {
  private let old = "execute(gp, inheritTime: false)"
  private let new = "execute(gp, inheritTime: true)"

  private func states(_ report: Report) -> [String] {
    report.lines.filter { $0.hasPrefix("  0") }
      .map { $0.split(separator: " ").joined(separator: " ") }
  }

  @Test func `a change is merged into all later stages`() throws {
    let repository = try Repository()
    try repository.edit("\(five)/\(proc)", old, new)
    let report = try repository.run("propagate", "05", proc)
    #expect(report.isGood)
    #expect(states(report) == ["06-work-stealing merged", "07-spinning merged"])
    for (stage, number) in [(five, "05"), (six, "06"), (seven, "07")] {
      let text = try #require(repository.read("\(stage)/\(proc)"))
      #expect(text.contains(new) && !text.contains(old))
      #expect(text.contains("import Stage\(number)Asm\n"))
      #expect(text.contains("runqsteal") == (number != "05"))
    }
    let again = try repository.run("propagate", "05", proc)
    #expect(states(again) == ["06-work-stealing identical", "07-spinning identical"])
    #expect(again.lines.last == "propagate: 0 files written")
  }

  @Test func `earlier stages are not touched, and named if they have the text`() throws {
    let repository = try Repository()
    try repository.edit("\(six)/\(proc)", old, new)
    let before = repository.read("\(five)/\(proc)")
    let report = try repository.run("propagate", "06", proc)
    #expect(
      states(report) == [
        "07-spinning merged", "05-processors earlier, and the change fits there, too",
      ])
    #expect(repository.read("\(five)/\(proc)") == before)
  }

  @Test func `a stage that has the change already is identical`() throws {
    let repository = try Repository()
    for stage in [five, six] { try repository.edit("\(stage)/\(proc)", old, new) }
    let report = try repository.run("propagate", "05", proc)
    #expect(states(report) == ["06-work-stealing identical", "07-spinning merged"])
  }

  private func conflicting() throws -> Repository {
    let repository = try Repository()
    try repository.edit("\(six)/\(proc)", old, "execute(gp, inheritTime: inherits)")
    try repository.commit()
    try repository.edit("\(five)/\(proc)", old, new)
    return repository
  }

  @Test func `after a conflict nothing is written`() throws {
    let repository = try conflicting()
    try repository.write(".gitignore", ".build/\n")
    let before = try repository.everything()
    let report = try repository.run("propagate", "05", proc)
    #expect(!report.isGood)
    #expect(states(report) == ["06-work-stealing CONFLICT", "07-spinning merged"])
    #expect(try repository.everything() == before)
    let attempt = ".build/propagate/\(six)/\(proc)"
    #expect(report.lines.contains("  the attempt: \(attempt)"))
    #expect(report.lines.contains { $0.contains("inheritTime: inherits") })
    #expect(report.lines.contains("  <<<<<<< 06-work-stealing"))
    #expect(
      try #require(repository.read(attempt)).contains(">>>>>>> 05-processors, changed"))
    #expect(report.lines.last?.contains("1 conflict, nothing written") == true)
  }

  @Test func `asked to go on, it writes what merged, and no marks`() throws {
    let repository = try conflicting()
    let report = try repository.run("propagate", "05", proc, "--keep-going")
    #expect(!report.isGood)
    #expect(
      report.lines.last?.hasPrefix("propagate: 1 file written, 1 conflict left") == true)
    #expect(try #require(repository.read("\(seven)/\(proc)")).contains(new))
    let six = try #require(repository.read("\(six)/\(proc)"))
    #expect(six.contains("inheritTime: inherits") && !six.contains("<<<<<<<"))
  }

  @Test func `what was changed by hand is carried on from there`() throws {
    let repository = try conflicting()
    try repository.edit("\(seven)/\(proc)", old, "execute(gp, inheritTime: inherits)")
    try repository.commit()
    try repository.edit("\(five)/\(proc)", new, "execute(gp)")
    let report = try repository.run("propagate", "05", proc)
    #expect(states(report) == ["06-work-stealing CONFLICT", "07-spinning CONFLICT"])
    #expect(report.lines.contains("By hand in \(six) first, and from there on: FROM=06"))
    try repository.edit(
      "\(six)/\(proc)", "inheritTime: inherits)", "inheritTime: inherited())")
    #expect(states(try repository.run("propagate", "06", proc)) == ["07-spinning merged"])
    #expect(try #require(repository.read("\(seven)/\(proc)")).contains("inherited()"))
  }

  @Test func `if one file cannot be written, none is`() throws {
    let repository = try Repository()
    try repository.edit("\(five)/\(proc)", old, new)
    // What would be written beside the last file is in the way.
    try repository.write("\(seven)/\(proc).propagate~/in/the.way", "x\n")
    try repository.commit()
    try repository.edit("\(five)/\(proc)", new, "execute(gp)")
    try repository.edit("\(six)/\(proc)", old, new)
    try repository.edit("\(seven)/\(proc)", old, new)
    let before = try repository.everything()
    #expect(throws: Failure.self) { try repository.run("propagate", "05", proc) }
    for (path, data) in before where path.hasSuffix(".swift") {
      #expect(repository.read(path) == String(decoding: data, as: UTF8.self))
    }
    #expect(repository.read("\(six)/\(proc).propagate~") == nil)
  }

  @Test func `a new file goes into all later stages`() throws {
    let repository = try Repository()
    try repository.write("\(five)/Runtime/lock.swift", "import Stage05Asm\nlet a = 1\n")
    try repository.write("\(seven)/Runtime/lock.swift", "let b = 1\n")
    var report = try repository.run("propagate", "05", "Runtime/lock.swift")
    #expect(states(report) == ["06-work-stealing new", "07-spinning CONFLICT"])
    #expect(repository.read("\(six)/Runtime/lock.swift") == nil)
    try repository.remove("\(seven)/Runtime/lock.swift")
    report = try repository.run("propagate", "05", "Runtime/lock.swift")
    #expect(states(report) == ["06-work-stealing new", "07-spinning new"])
    #expect(
      repository.read("\(seven)/Runtime/lock.swift") == "import Stage07Asm\nlet a = 1\n")
  }

  @Test func `links are left alone, and a stage without the file is`() throws {
    let repository = try Repository()
    let test = "Tests/runqTests.swift"
    try repository.write("Tests/05-processors/runqTests.swift", "let a = 1\nlet b = 1\n")
    try repository.link(
      "Tests/06-work-stealing/runqTests.swift", to: "../05-processors/runqTests.swift")
    try repository.commit()
    try repository.edit("Tests/05-processors/runqTests.swift", "let a = 1", "let a = 2")
    let report = try repository.run("propagate", "05", test)
    #expect(
      states(report) == [
        "06-work-stealing a link to ../05-processors/runqTests.swift",
        "07-spinning absent",
      ])
    #expect(throws: Failure.self) { try repository.run("propagate", "06", test) }
  }

  @Test func `lines that name the stage do not stand in the way`() throws {
    let repository = try Repository()
    // Next to the line that differs in each stage.
    try repository.edit("\(five)/Asm/asm.h", "#define SP 0", "#define SP 8")
    let report = try repository.run("propagate", "05", "Asm/asm.h")
    #expect(report.isGood)
    #expect(
      repository.read("\(seven)/Asm/asm.h") == "#define STAGE stage07\n#define SP 8\n")
  }

  @Test func `a file keeps its mode`() throws {
    let repository = try Repository()
    let path = repository.root.appendingPathComponent("\(six)/\(proc)").path
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
    try repository.edit("\(five)/\(proc)", old, new)
    _ = try repository.run("propagate", "05", proc)
    let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
    #expect(mode as? Int == 0o755)
  }

  @Test func `what makes no sense is refused`() throws {
    let repository = try Repository()
    func refused(_ arguments: String...) -> Bool {
      do {
        _ = try perform(
          try parse(["propagate"] + arguments), try Ladder(root: repository.root))
        return false
      } catch { return true }
    }
    #expect(refused("05", proc), "as committed")
    #expect(refused("05", "Runtime/nobody.swift"))
    #expect(refused("05", "README.md"))
    #expect(refused("04", proc))
    try repository.edit("\(five)/\(proc)", old, "<<<<<<< HEAD\n\(new)\n>>>>>>> x")
    #expect(refused("05", proc), "marks of a conflict")
    #expect(refused("05", proc, "--since", "nowhere"))
  }

  @Test func `a change that is committed is carried from the commit before`() throws {
    let repository = try Repository()
    try repository.edit("\(five)/\(proc)", old, new)
    try repository.commit()
    let report = try repository.run("propagate", "05", proc, "--since", "HEAD~1")
    #expect(states(report) == ["06-work-stealing merged", "07-spinning merged"])
  }

  // Parity

  @Test func `stages with the old text, the new one, and another are listed`() throws {
    let repository = try Repository()
    try repository.edit("\(five)/\(proc)", old, new)
    var report = try repository.run("parity")
    #expect(
      report.lines == [
        "schedule() (Runtime/proc.swift)", "  changed in   05", "  old text in  06 07",
        "parity: 1 changed, of which 1 with the old text somewhere",
      ])
    _ = try repository.run("propagate", "05", proc)
    report = try repository.run("parity")
    #expect(
      report.lines == [
        "schedule() (Runtime/proc.swift)", "  changed in   05 06 07",
        "parity: 1 changed, of which 0 with the old text somewhere",
      ])
    try repository.commit()
    #expect(
      try repository.run("parity").lines == [
        "parity: nothing in a stage differs from HEAD"
      ])
    #expect(try repository.run("parity", "--since", "HEAD~1").lines.count == 3)
  }

  @Test func `another text, an absent one and a new one are told apart`() throws {
    let repository = try Repository()
    try repository.edit(
      "\(six)/\(proc)", "runqsteal() { return gp }", "runqsteal() { ready(gp) }")
    let report = try repository.run("parity")
    // Stage 05 does not steal.
    #expect(report.lines.contains("  another in   05"))
    #expect(report.lines.contains("  old text in  07"))
    try repository.edit("\(seven)/Runtime/steal.swift", "{ nil }", "{ runqgrab() }")
    let more = try repository.run("parity").lines
    #expect(more.contains("runqsteal() (Runtime/steal.swift)"))
    #expect(more.contains("  absent in    05"))
  }

  @Test func `a comment belongs to what stands below it, and a head is a piece`() throws {
    let repository = try Repository()
    try repository.edit(
      "\(five)/\(proc)", "/// schedule runs", "/// schedule always runs")
    try repository.edit(
      "\(five)/\(proc)", "// The scheduler.", "// The scheduler itself.")
    try repository.edit("\(five)/Asm/asm.h", "SP 0", "SP 8")
    let report = try repository.run("parity")
    #expect(
      report.lines.filter { !$0.hasPrefix(" ") } == [
        "the file (Asm/asm.h)", "schedule() (Runtime/proc.swift)",
        "the head of the file (Runtime/proc.swift)",
        "parity: 3 changed, of which 3 with the old text somewhere",
      ])
  }
}
