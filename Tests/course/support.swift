// SPDX-License-Identifier: Apache-2.0
//
// Small repositories, made up for a test each.

import Foundation
import Testing

@testable import CourseTool

/// A git repository in a folder of its own, which goes with it.
final class Repository {
  let root: URL

  init(_ files: [String: String] = ladderOfThree) throws {
    root = FileManager.default.temporaryDirectory
      .appendingPathComponent("course-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
    for (path, text) in files { try write(path, text) }
    try git("init", "-q")
    try commit()
  }

  deinit { try? FileManager.default.removeItem(at: root) }

  func write(_ path: String, _ text: String) throws {
    let file = root.appendingPathComponent(path)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
  }

  func read(_ path: String) -> String? {
    try? String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
  }

  /// Replaces a text that must be in the file once.
  func edit(_ path: String, _ old: String, _ new: String, every: Bool = false) throws {
    let text = try #require(read(path))
    let places = text.components(separatedBy: old).count - 1
    try #require(every ? places > 0 : places == 1, "\(old) in \(path)")
    try write(path, text.replacingOccurrences(of: old, with: new))
  }

  func remove(_ path: String) throws {
    try FileManager.default.removeItem(at: root.appendingPathComponent(path))
  }

  func link(_ path: String, to target: String) throws {
    let file = root.appendingPathComponent(path)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: file.path, withDestinationPath: target)
  }

  func git(_ arguments: String...) throws {
    let result = try Git(root: root).run(
      [
        "-c", "user.name=test", "-c", "user.email=test@example.org",
        "-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null",
      ] + arguments)
    try #require(result.status == 0, "git \(arguments): \(result.complaint)")
  }

  func commit() throws {
    try git("add", "-A")
    try git("commit", "-q", "--allow-empty", "-m", "a state")
  }

  func run(_ arguments: String...) throws -> Report {
    try perform(try parse(arguments), try Ladder(root: root))
  }

  /// What drift says of this tree with its diffs fresh, and without its summaries.
  func problems() throws -> [String] {
    _ = try run("diffs")
    let report = try run("drift")
    let problems = report.lines.filter { $0.hasPrefix("  ") }.map {
      String($0.dropFirst(2))
    }
    #expect(report.isGood == problems.isEmpty)
    return problems
  }

  /// Every file below the stages, to see that nothing was touched.
  func everything() throws -> [String: Data] {
    var all: [String: Data] = [:]
    for path in try Git(root: root).files(under: ["."]) {
      all[path] = (try? Data(contentsOf: root.appendingPathComponent(path))) ?? Data()
    }
    return all
  }
}

/// Expects one problem, with these words in it.
func expect(
  _ problems: [String], _ words: String..., at location: SourceLocation = #_sourceLocation
) {
  #expect(problems.count == 1, "\(problems)", sourceLocation: location)
  for word in words {
    #expect(
      problems.contains { $0.contains(word) }, "\(word): \(problems)",
      sourceLocation: location)
  }
}

let proc = "Runtime/proc.swift"
let five = "Stages/05-processors"
let six = "Stages/06-work-stealing"
let seven = "Stages/07-spinning"

private func procText(_ number: String, steal: Bool, spin: Bool = false) -> String {
  """
  // SPDX-License-Identifier: Apache-2.0
  //
  // The scheduler.

  import Stage\(number)Asm

  /// schedule runs a goroutine.
  func schedule() -> Never {
    let gp = findRunnable()
    // Runs it with what is left of the time.
    execute(gp, inheritTime: false)
  }

  /// findRunnable looks for work.
  func findRunnable() -> GPtr {
    while true {
      if let gp = runqget(getg()[].m![].p!) { return gp }
      if let gp = globrunqget() { return gp }
  \(steal ? "    if let gp = runqsteal() { return gp }\n" : "")    stopm()
    }
  }

  struct Schedt {
    /// How many sleep.
    var nmidle = 0

    /// How many there are.
    var mcount = 0
  }

  func stopm() {
    lock(sched[].lock)
    mput(getg()[].m!)
    unlock(sched[].lock)
  \(spin ? "  getg()[].m![].spinning = true\n" : "")  mPark()
  }

  """
}

private func readme(_ name: String, _ idea: String) -> String {
  "# \(name): \(idea)\n\n"
    + headings.map { heading in
      switch heading {
      case "The idea": "## \(heading)\n\nOne.\n\n*Look at:* the lanes.\n"
      case "Read in this order": "## \(heading)\n\n1. `Runtime/proc.swift`: `schedule`.\n"
      case "Invariants": "## \(heading)\n\n1. One.\n"
      case "Questions": "## \(heading)\n\n1. Why?\n2. When?\n3. Who?\n"
      default: "## \(heading)\n\nWords.\n"
      }
    }.joined(separator: "\n")
}

/// Three stages in which nothing is wrong.
let ladderOfThree: [String: String] = [
  "\(five)/README.md": readme("05-processors", "the right to run"),
  "\(five)/CHANGES": "# The first stage here.\n",
  "\(five)/Runtime/proc.swift": procText("05", steal: false),
  "\(five)/Asm/asm.h": "#define STAGE stage05\n#define SP 0\n",
  "\(six)/README.md": readme("06-work-stealing", "half of another's queue"),
  "\(six)/CHANGES": "Runtime/steal.swift\nRuntime/proc.swift # findRunnable\n",
  "\(six)/Runtime/proc.swift": procText("06", steal: true),
  "\(six)/Runtime/steal.swift": "/// Go: runqsteal.\nfunc runqsteal() -> GPtr? { nil }\n",
  "\(six)/Asm/asm.h": "#define STAGE stage06\n#define SP 0\n",
  "\(seven)/README.md": readme("07-spinning", "no wake-up is lost"),
  "\(seven)/CHANGES": "Runtime/proc.swift\n",
  "\(seven)/Runtime/proc.swift": procText("07", steal: true, spin: true),
  "\(seven)/Runtime/steal.swift":
    "/// Go: runqsteal.\nfunc runqsteal() -> GPtr? { nil }\n",
  "\(seven)/Asm/asm.h": "#define STAGE stage07\n#define SP 0\n",
]
