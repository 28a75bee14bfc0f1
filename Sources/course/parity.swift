// SPDX-License-Identifier: Apache-2.0
//
// A declaration that was changed somewhere, and which text of it each stage has.

import Arguments
import Foundation

/// Pieces of a file, by name: each declaration without members, with its comment, and
/// what stands before the first. A file that is not Swift is one piece.
func pieces(_ source: Source) -> [String: String] {
  guard Language(path: source.path) == .swift else {
    return ["the file": source.text(source.lines.indices)]
  }
  var pieces: [String: String] = [:]
  for declaration in source.declarations
  where declaration.isLeaf && declaration.keyword != "import" {
    pieces[declaration.signature, default: ""] += source.text(declaration.lines)
  }
  let first = source.declarations.first { $0.keyword != "import" }?.lines.lowerBound
  pieces["the head of the file"] = source.text(0..<(first ?? source.lines.count))
  return pieces
}

private struct Key: Hashable, Comparable {
  let file: String
  let name: String

  static func < (a: Key, b: Key) -> Bool { (a.file, a.name) < (b.file, b.name) }
}

private struct Edit {
  var old: Set<String> = []
  var new: Set<String> = []
  var stages: [String] = []
}

func parity(_ ladder: Ladder, since commit: String) throws -> Report {
  var edits: [Key: Edit] = [:]
  var texts: [String: [Key: String]] = [:]
  for stage in ladder.stages {
    var all: [Key: String] = [:]
    let committed = try changedFiles(ladder, stage, commit)
    for file in Set(ladder.compared(stage)).union(committed.keys) {
      let path = "\(stage.folder)/\(file)"
      let now = ladder.source(path).map(pieces) ?? [:]
      for (name, text) in now { all[Key(file: file, name: name)] = text }
      guard let before = committed[file] else { continue }
      for (name, text) in pieces(Source(path: path, data: before)) where now[name] != text
      {
        let key = Key(file: file, name: name)
        edits[key, default: Edit()].old.insert(text)
        if let text = now[name] { edits[key]!.new.insert(text) }
        edits[key]!.stages.append(stage.number)
      }
    }
    texts[stage.number] = all
  }

  var report = Report()
  var behind = 0
  for (key, edit) in edits.sorted(by: { $0.key < $1.key }) {
    func numbers(_ holds: (String?) -> Bool) -> String {
      ladder.stages.map(\.number).filter {
        !edit.stages.contains($0) && holds(texts[$0]?[key])
      }.joined(separator: " ")
    }
    // Where one stage goes from a text to another and a second comes from there, both
    // have been changed, and neither counts here.
    let old = numbers {
      $0.map { edit.old.contains($0) && !edit.new.contains($0) } ?? false
    }
    let new = numbers { $0.map(edit.new.contains) ?? false }
    let other = numbers {
      $0.map { !edit.old.contains($0) && !edit.new.contains($0) } ?? false
    }
    let absent = numbers { $0 == nil }
    report.lines.append("\(key.name) (\(key.file))")
    let verb = edit.new.isEmpty ? "removed in" : "changed in"
    let rows = [
      (verb, edit.stages.joined(separator: " ")), ("old text in", old),
      ("new text in", new),
      ("another in", other), ("absent in", absent),
    ]
    for (label, stages) in rows where !stages.isEmpty {
      report.lines.append("  \(left(label, 12)) \(stages)")
    }
    if !old.isEmpty { behind += 1 }
  }
  report.lines.append(
    edits.isEmpty
      ? "parity: nothing in a stage differs from \(commit)"
      : "parity: \(edits.count) changed, of which \(behind) with the old text somewhere")
  return report
}

/// A stage's files that differ from a commit, as they are there.
private func changedFiles(
  _ ladder: Ladder, _ stage: Stage, _ commit: String
) throws -> [String: Data] {
  let result = try ladder.git.run(
    [
      "diff", "--relative", "--name-only", "-z", "--no-renames", commit, "--",
      stage.folder,
    ])
  guard result.status == 0 else {
    throw Failure("git cannot compare with \(printable(commit)): \(result.complaint)")
  }
  var files: [String: Data] = [:]
  for path in result.output.split(separator: 0).map({
    String(decoding: $0, as: UTF8.self)
  }) {
    let file = String(path.dropFirst(stage.folder.count + 1))
    if file == "README.md" || file == "CHANGES" { continue }
    if let data = try ladder.git.file(path, at: commit) { files[file] = data }
  }
  return files
}
