// SPDX-License-Identifier: Apache-2.0
//
// The differences between neighbours as files, for who reads without building.

import Foundation

let diffFolder = "Notes/diffs"

private func contents(_ ladder: Ladder) -> [(path: String, text: String)] {
  ladder.pairs.map { a, b in
    let lines = diffLines(ladder, Step(ladder, a, b), Style())
    return (
      "\(diffFolder)/\(a.number)-\(b.number).diff",
      lines.map { $0 + "\n" }.joined()
    )
  }
}

/// Files that were written for a pair that is not here.
private func leftovers(_ ladder: Ladder) -> [String] {
  let wanted = Set(contents(ladder).map(\.path))
  let names =
    (try? FileManager.default.contentsOfDirectory(atPath: ladder.url(diffFolder).path))
    ?? []
  return names.filter { $0.hasSuffix(".diff") }.sorted().map { "\(diffFolder)/\($0)" }
    .filter { !wanted.contains($0) }
}

func writeDiffs(_ ladder: Ladder) throws -> Report {
  var report = Report()
  if ladder.pairs.isEmpty {
    report.lines.append("diffs: only one stage is here: there is nothing to compare")
  }
  for path in leftovers(ladder) {
    try FileManager.default.removeItem(at: ladder.url(path))
    report.lines.append("removed    \(path)")
  }
  for (path, text) in contents(ladder) {
    if ladder.data(path) == Data(text.utf8) {
      report.lines.append("unchanged  \(path)")
    } else {
      try FileManager.default.createDirectory(
        at: ladder.url(diffFolder), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: ladder.url(path), options: .atomic)
      report.lines.append("written    \(path)")
    }
  }
  return report
}

func staleDiffs(_ ladder: Ladder) -> [String] {
  contents(ladder).compactMap { path, text in
    guard let data = ladder.data(path) else {
      return "\(path) is missing: make diffs writes it"
    }
    return data == Data(text.utf8) ? nil : "\(path) is stale: make diffs writes it"
  }
    + leftovers(ladder).map {
      "\($0) is of stages that are not neighbours: make diffs removes it"
    }
}
