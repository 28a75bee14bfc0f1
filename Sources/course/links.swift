// SPDX-License-Identifier: Apache-2.0
//
// Tests and links. A behaviour test is one file, in the first stage that passes it,
// and a link in later ones.

import Foundation

/// Links lead from a stage's tests to the same file of an earlier stage.
func linkProblems(_ ladder: Ladder) -> [String] {
  var problems: [String] = []
  for path in ladder.files {
    guard let target = ladder.link(path) else { continue }
    let leads = "\(path) leads to \(printablePath(target))"
    if !FileManager.default.fileExists(atPath: ladder.url(path).path) {
      problems.append("\(leads), and nothing is there: mend the link, or remove it")
    } else if path.hasPrefix("Stages/") {
      problems.append("\(path) is a link: a stage has all its files itself; copy it")
    } else if target.hasPrefix("/") {
      problems.append("\(leads): make it relative, or it leads nowhere in another folder")
    } else if path.hasPrefix("Tests/") {
      let end = resolved(path, target)
      let (here, there) = (split(path), split(end))
      if ladder.link(end) != nil {
        problems.append("\(leads), itself a link: let it lead to the file at once")
      } else if here.file != there.file || here.stage == nil || there.stage == nil {
        problems.append("\(leads): a linked test has the same name in each stage")
      } else if there.stage! >= here.stage! {
        problems.append(
          "\(leads): the file belongs into the earlier stage, and the link into the later"
        )
      }
    }
  }
  return problems
}

/// Tests/05-processors/a/b.swift: its stage, and a/b.swift.
private func split(_ path: String) -> (stage: String?, file: String) {
  let parts = path.split(separator: "/").map(String.init)
  guard parts.count > 2, parts[0] == "Tests", isStageName(parts[1]) else {
    return (nil, path)
  }
  return (parts[1], parts.dropFirst(2).joined(separator: "/"))
}

/// Where a relative link leads, from the repository's root.
private func resolved(_ path: String, _ target: String) -> String {
  var parts = path.split(separator: "/").dropLast().map(String.init)
  for part in target.split(separator: "/") where part != "." {
    if part == "..", let last = parts.last, last != ".." {
      parts.removeLast()
    } else {
      parts.append(String(part))
    }
  }
  return parts.joined(separator: "/")
}

private func printablePath(_ path: String) -> String {
  path.contains { $0.isNewline } ? "?" : path
}

/// Folders of tests and exercises are named as the stage is.
func folderProblems(_ ladder: Ladder) -> [String] {
  var problems: Set<String> = []
  for path in ladder.files {
    let parts = path.split(separator: "/").map(String.init)
    guard parts.count > 2, parts[0] != "Stages", isStageName(parts[1]),
      !ladder.stages.contains(where: { $0.name == parts[1] })
    else { continue }
    problems.insert("\(parts[0])/\(parts[1]): no stage has this name")
  }
  return problems.sorted()
}

/// What is each stage's own: the program that the stage before cannot run.
private let ownTests = "gateTests"

/// Tests are added; what does not change is linked; what changes keeps its order and
/// its names.
func testProblems(_ ladder: Ladder, _ step: Step) -> [String] {
  let (a, b) = (step.a, step.b)
  let (inA, inB) = (ladder.files(in: a.tests), ladder.files(in: b.tests))
  var problems: [String] = []
  var changed: [String] = []
  for path in Set(inA).union(inB).sorted() {
    let (old, new) = ("\(a.tests)/\(path)", "\(b.tests)/\(path)")
    guard ladder.exists(old) else { continue }
    if !ladder.exists(new) {
      if !step.order.entries.contains(where: { $0.isGone && $0.path == "Tests/\(path)" })
      {
        problems.append(
          "\(new) is missing: \(a.name) has it. \(linkAdvice(ladder, old, new)),"
            + " or, if it must go, say in CHANGES: - Tests/\(path)")
      }
      continue
    }
    guard ladder.linked(new) == nil, !path.hasPrefix(ownTests),
      let before = ladder.source(old),
      let after = ladder.source(new)
    else { continue }
    if ladder.link(old).map({ resolved(old, $0) }) == new { continue }
    if before.neutral == after.neutral {
      problems.append("\(new) is the same as \(old): \(linkAdvice(ladder, old, new))")
    } else {
      changed.append(path)
    }
  }
  return problems
    + StepRules(
      ladder, (a.tests, b.tests), changed,
      inB.filter {
        !ladder.exists("\(a.tests)/\($0)") && ladder.linked("\(b.tests)/\($0)") == nil
      },
      inA.filter { !ladder.exists("\(b.tests)/\($0)") }
    ).problems
}

/// The command that makes a link to a file, or to where that leads.
private func linkAdvice(_ ladder: Ladder, _ old: String, _ new: String) -> String {
  let file = ladder.link(old).map { resolved(old, $0) } ?? old
  let up = String(repeating: "../", count: new.split(separator: "/").count - 2)
  return "link it: ln -sf \(up)\(file.dropFirst("Tests/".count)) \(new)"
}
