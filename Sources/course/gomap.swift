// SPDX-License-Identifier: Apache-2.0
//
// The map from our functions to Go's: each of ours exists, and is from the stage that
// it says.

import Foundation

let goMapPath = "Notes/00-go-map.md"

struct GoMap {
  struct Row {
    let line: Int
    let here: [String]
    let from: [String]?
  }

  private(set) var rows: [Row] = []

  /// Names that the map calls Go's.
  private(set) var goNames: Set<String> = []

  /// Lines that look like a table's and belong to none, counted from 0.
  private(set) var strays: [Int] = []

  init?(_ ladder: Ladder) {
    guard let data = ladder.data(goMapPath) else { return nil }
    let note = Note(path: goMapPath, text: String(decoding: data, as: UTF8.self))
    var columns: [String]?
    for (i, line) in note.lines.enumerated() {
      guard !note.isCode[i], line.hasPrefix("|") else {
        columns = nil
        continue
      }
      let cells = tableCells(line)
      if cells.allSatisfy({ $0.allSatisfy { "-: ".contains($0) } && !$0.isEmpty }) {
        continue
      }
      if cells.first == "here" {
        columns = cells
        continue
      }
      guard let names = columns else {
        strays.append(i)
        continue
      }
      func cell(_ name: String) -> String? {
        guard let at = names.firstIndex(of: name), at < cells.count else { return nil }
        return cells[at]
      }
      let here = Note(path: "", text: cell("here") ?? "").code.map(\.text)
      let from = cell("from").map {
        $0.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
      }
      rows.append(Row(line: i, here: here, from: from))
      let go = cell("Go") ?? ""
      if go.contains("same") { goNames.formUnion(here.flatMap { identifiers($0) }) }
      for name in ["Go", "file", "differences", "why"] {
        let text = cell(name) ?? ""
        goNames.formUnion(
          Note(path: "", text: text).code.flatMap { identifiers($0.text) })
      }
    }
    // What is said above the tables.
    for piece in note.code where !note.lines[piece.line].hasPrefix("|") {
      goNames.formUnion(identifiers(piece.text))
    }
  }
}

func goMapProblems(_ ladder: Ladder) -> [String] {
  guard let map = GoMap(ladder) else { return ["\(goMapPath) is missing"] }
  // The first stage that declares a name.
  var first: [String: String] = [:]
  var firstMember: [String: String] = [:]
  for stage in ladder.stages {
    let names = Set(declared(ladder, stage).map(\.name))
    for name in names.union(cNames(ladder, stage)) where first[name] == nil {
      first[name] = stage.number
    }
    for name in names.compactMap({ $0.split(separator: ".").last.map(String.init) })
    where firstMember[name] == nil {
      firstMember[name] = stage.number
    }
  }
  first.merge(firstMember) { whole, _ in whole }
  var problems = map.strays.map {
    "\(goMapPath):\($0 + 1): this line belongs to no table: take out the blank line above it"
  }
  for row in map.rows {
    let place = "\(goMapPath):\(row.line + 1):"
    if let from = row.from, from.count != 1, from.count != row.here.count {
      problems.append(
        "\(place) \(plural(row.here.count, "name")) and \(plural(from.count, "stage"))"
          + " under from: one for all, or one for each")
      continue
    }
    for (i, text) in row.here.enumerated() {
      let name = String(text.prefix { $0 != "(" })
      guard let stage = first[name] else {
        problems.append(
          "\(place) `\(name)` is declared in no stage: mend the name, or take it out")
        continue
      }
      guard let from = row.from else { continue }
      let said = from.count == 1 ? from[0] : from[i]
      if said != stage, from.count > 1 || !row.here.contains(where: { first[$0] == said })
      {
        problems.append("\(place) `\(name)` is from \(stage), the map says \(said)")
      } else if said != stage {
        problems.append(
          "\(place) `\(name)` is from \(stage), the map says \(said) for all: give each its own"
        )
      }
    }
  }
  return problems
}

/// What the C parts of a stage declare, as far as it is called by name.
private func cNames(_ ladder: Ladder, _ stage: Stage) -> Set<String> {
  var names: Set<String> = []
  for file in ladder.files(in: stage.folder)
  where file.hasPrefix("Asm/") && (file.hasSuffix(".h") || file.hasSuffix(".c")) {
    guard let source = ladder.source("\(stage.folder)/\(file)") else { continue }
    let tokens = source.lexed.tokens
    for i in tokens.indices.dropLast()
    where tokens[i].kind == .word && tokens[i + 1].text == "(" {
      names.insert(tokens[i].text)
    }
  }
  return names
}
