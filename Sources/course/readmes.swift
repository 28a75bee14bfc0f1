// SPDX-License-Identifier: Apache-2.0
//
// What each stage's README must have.

import Foundation

let headings = [
  "What is wrong with the previous stage", "The idea", "Read in this order", "Invariants",
  "What it cannot do yet", "In Go", "Questions",
]

func readmes(_ ladder: Ladder) -> Report {
  let problems = ladder.stages.flatMap { readmeProblems(ladder, $0) }
  let checked = "readmes: \(plural(ladder.stages.count, "stage"))"
  return Report(
    lines: problems.map { "  " + $0 } + [
      problems.isEmpty
        ? "\(checked), no problem" : "\(checked), \(plural(problems.count, "problem"))"
    ],
    isGood: problems.isEmpty
  )
}

func readmeProblems(_ ladder: Ladder, _ stage: Stage) -> [String] {
  let path = "\(stage.folder)/README.md"
  guard let source = ladder.source(path) else { return ["\(path) is missing"] }
  let lines = source.lines.map(\.text)
  var problems: [String] = []
  let title = lines.first ?? ""
  let start = "# \(stage.name): "
  if !title.hasPrefix(start) || title.count == start.count {
    problems.append("\(path):1: the title is not \"\(start)\" and the idea")
  }
  let found = lines.filter { $0.hasPrefix("## ") }.map { String($0.dropFirst(3)) }
  if found != headings {
    let missing = headings.filter { !found.contains($0) }
    let foreign = found.filter { !headings.contains($0) }
    var what: [String] = []
    if !missing.isEmpty { what.append("missing: \(missing.joined(separator: ", "))") }
    if !foreign.isEmpty {
      what.append("not one of them: \(foreign.joined(separator: ", "))")
    }
    if what.isEmpty { what.append("they are: \(headings.joined(separator: ", "))") }
    problems.append(
      "\(path): not the headings of a stage; \(what.joined(separator: "; "))")
  }
  let sections = split(lines)
  if !lines.contains(where: { $0.hasPrefix("*Look at:* ") }) {
    problems.append("\(path): no line begins with *Look at:*, what to see in the picture")
  }
  let questions = (sections["Questions"] ?? []).filter(isNumbered).count
  if sections["Questions"] != nil, questions != 3 {
    problems.append("\(path): \(plural(questions, "question")), and there should be 3")
  }
  if let invariants = sections["Invariants"], !invariants.contains(where: isNumbered) {
    problems.append("\(path): the invariants are not numbered")
  }
  for file in quoted(sections["Read in this order"] ?? []) {
    if file.hasPrefix("Runtime/") || file.hasPrefix("Asm/"),
      !ladder.exists("\(stage.folder)/\(file)")
    {
      problems.append("\(path): \(file) is to be read, and does not exist")
    }
  }
  return problems
}

private func split(_ lines: [String]) -> [String: [String]] {
  var sections: [String: [String]] = [:]
  var heading = ""
  for line in lines {
    if line.hasPrefix("## ") { heading = String(line.dropFirst(3)) }
    sections[heading, default: []].append(line)
  }
  return sections
}

private func isNumbered(_ line: String) -> Bool {
  let digits = line.prefix { $0.isASCII && $0.isNumber }
  return !digits.isEmpty && line.dropFirst(digits.count).hasPrefix(". ")
}

/// What stands between backquotes.
private func quoted(_ lines: [String]) -> [String] {
  let parts = lines.joined(separator: "\n").components(separatedBy: "`")
  return stride(from: 1, to: parts.count, by: 2).map { parts[$0] }
}
