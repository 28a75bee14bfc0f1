// SPDX-License-Identifier: Apache-2.0
//
// The stages that are here, and their files.

import Arguments
import Foundation

/// Why a command could not do its work.
struct Failure: Error, Equatable {
  let message: String

  init(_ message: String) {
    self.message = message
  }
}

struct Stage: Equatable {
  /// Its folder's: 05-processors.
  let name: String

  var number: String { String(name.prefix(2)) }
  var folder: String { "Stages/\(name)" }
  var tests: String { "Tests/\(name)" }
}

/// What Stages/NN/CHANGES says: which files differ from the stage before, in the
/// order in which they should be read.
struct ChangesFile: Equatable {
  struct Entry: Equatable {
    let path: String

    /// Written with a minus sign: the file does not exist any more.
    let isGone: Bool
    let line: Int
  }

  var entries: [Entry] = []

  init(_ text: String) {
    for (i, line) in text.components(separatedBy: "\n").enumerated() {
      let content =
        (line.split(separator: "#", omittingEmptySubsequences: false).first ?? "")
        .trimmingCharacters(in: .whitespaces)
      if content.isEmpty { continue }
      let isGone = content.hasPrefix("- ")
      let path =
        isGone ? content.dropFirst(2).trimmingCharacters(in: .whitespaces) : content
      entries.append(Entry(path: path, isGone: isGone, line: i + 1))
    }
  }

  /// Paths in their order, then those that are not listed.
  func ordered(_ paths: some Sequence<String>) -> [String] {
    let places = Dictionary(
      entries.enumerated().map { ($1.path, $0) }, uniquingKeysWith: { first, _ in first })
    return paths.sorted {
      (places[$0] ?? .max, $0) < (places[$1] ?? .max, $1)
    }
  }
}

final class Ladder {
  let root: URL
  let git: Git
  let stages: [Stage]

  /// Every file and link in Stages, Tests and Exercises.
  let files: [String]
  private var read: [String: Source] = [:]

  init(root: URL) throws {
    self.root = root
    git = Git(root: root)
    files = try git.files(under: ["Stages", "Tests", "Exercises"])
    let names = Set(
      files.compactMap { path -> String? in
        let parts = path.split(separator: "/")
        guard parts.count > 2, parts[0] == "Stages" else { return nil }
        return isStageName(String(parts[1])) ? String(parts[1]) : nil
      })
    stages = names.sorted().map { Stage(name: $0) }
    if stages.isEmpty { throw Failure("there are no stages in \(root.path)/Stages") }
    for (a, b) in zip(stages, stages.dropFirst()) where a.number == b.number {
      throw Failure("two stages have one number: \(a.folder) and \(b.folder)")
    }
  }

  var pairs: [(Stage, Stage)] { Array(zip(stages, stages.dropFirst())) }

  func stage(_ number: String) throws -> Stage {
    if let stage = stages.first(where: { $0.number == number || $0.name == number }) {
      return stage
    }
    let numbers = stages.map(\.number).joined(separator: " ")
    throw CommandLineError.wrong(
      "there is no stage \(printable(number)) here; stages: \(numbers)")
  }

  /// Files below a folder, by their paths in it.
  func files(in folder: String) -> [String] {
    files.filter { $0.hasPrefix(folder + "/") }.map {
      String($0.dropFirst(folder.count + 1))
    }
  }

  /// A stage's files that are compared with its neighbour's.
  func compared(_ stage: Stage) -> [String] {
    files(in: stage.folder).filter { $0 != "README.md" && $0 != "CHANGES" }
  }

  func url(_ path: String) -> URL { root.appendingPathComponent(path) }

  /// Where a link leads, as it is written; nil if the path is no link.
  func link(_ path: String) -> String? {
    try? FileManager.default.destinationOfSymbolicLink(atPath: url(path).path)
  }

  /// Where the path leads elsewhere: it, or a folder in it, is a link.
  func linked(_ path: String) -> String? {
    var part = ""
    for name in path.split(separator: "/") {
      part += part.isEmpty ? String(name) : "/\(name)"
      if let target = link(part) { return target }
    }
    return nil
  }

  func data(_ path: String) -> Data? { try? Data(contentsOf: url(path)) }

  /// The file, through links; nil if it cannot be read.
  func source(_ path: String) -> Source? {
    if let source = read[path] { return source }
    guard let data = data(path) else { return nil }
    let source = Source(path: path, data: data)
    read[path] = source
    return source
  }

  func changesFile(_ stage: Stage) -> ChangesFile {
    ChangesFile(
      data("\(stage.folder)/CHANGES").map { String(decoding: $0, as: UTF8.self) } ?? "")
  }

  /// The README's first line without its mark: 05-processors: the right to run.
  func title(_ stage: Stage) -> String {
    let first = source("\(stage.folder)/README.md")?.lines.first?.text ?? ""
    return first.hasPrefix("# ") ? String(first.dropFirst(2)) : stage.name
  }

  /// A file of a stage as the user names it, from the repository's root. Names that
  /// begin with Tests/ are the stage's tests.
  func path(_ name: String, in stage: Stage) -> String {
    for folder in [stage.folder, stage.tests] where name.hasPrefix(folder + "/") {
      return name
    }
    if name.hasPrefix("Tests/") { return "\(stage.tests)/\(name.dropFirst(6))" }
    return "\(stage.folder)/\(name)"
  }

  func exists(_ path: String) -> Bool {
    (try? FileManager.default.attributesOfItem(atPath: url(path).path)) != nil
  }
}

func isStageName(_ name: String) -> Bool {
  let bytes = Array(name.utf8)
  return bytes.count > 3 && bytes[2] == UInt8(ascii: "-")
    && bytes.prefix(2).allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
}

/// What differs between two stages.
struct Step {
  let a: Stage
  let b: Stage
  let order: ChangesFile

  /// Files of both that differ, new ones, and those that B does not have, in the
  /// reading order.
  private(set) var changed: [String] = []
  private(set) var new: [String] = []
  private(set) var gone: [String] = []

  init(_ ladder: Ladder, _ a: Stage, _ b: Stage) {
    self.a = a
    self.b = b
    order = ladder.changesFile(b)
    let (inA, inB) = (Set(ladder.compared(a)), Set(ladder.compared(b)))
    new = order.ordered(inB.subtracting(inA))
    gone = order.ordered(inA.subtracting(inB))
    changed = order.ordered(
      inA.intersection(inB).filter {
        let (old, new) = (
          ladder.source("\(a.folder)/\($0)"), ladder.source("\(b.folder)/\($0)")
        )
        return old?.neutral != new?.neutral
      })
  }
}

/// 1 line, 2 lines.
func plural(_ n: Int, _ one: String) -> String { "\(n) \(one)\(n == 1 ? "" : "s")" }

func left(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - text.count))
}
