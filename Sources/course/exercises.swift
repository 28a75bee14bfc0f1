// SPDX-License-Identifier: Apache-2.0
//
// The exercises and the bugs that are here, and what is wrong with how they are written.

import Arguments
import Foundation

/// What can be done about a stage: an exercise, or a bug of the museum.
struct Exercise: Equatable {
  enum Kind: String {
    case predict
    case build
    case extend
  }

  let stage: Stage

  /// Its folder's: 02-acquirep.
  let name: String
  var title = ""
  var kind = Kind.build
  var minutes = 0

  /// Regular expressions that name the tests that decide; they are or-ed.
  var tests: [String] = []

  /// What the check of an untouched copy says.
  var fails = ""

  /// Of predict: a command, where its output says what happened, and what that is.
  var run = ""
  var take = ""
  var expect = ""

  var number: String { String(name.prefix(2)) }
  var folder: String { "\(exerciseFolder)/\(stage.name)/\(name)" }

  /// 05-02, as its copy is called.
  var key: String { "\(stage.number)-\(number)" }
  var dotted: String { "\(stage.number).\(number)" }
  var arguments: String { "N=\(stage.number) E=\(number)" }
}

struct Bug: Equatable {
  let stage: Stage

  /// Its file's name without .patch.
  let slug: String
  var title = ""
  var test = ""
  var seen = ""
  var real = ""

  var patch: String { "\(folder)/\(slug).patch" }
  var page: String { "\(folder)/\(slug).md" }
  var folder: String { "\(exerciseFolder)/\(stage.name)/bugs" }
}

let exerciseFolder = "Exercises"
private let bugFolder = "bugs"

/// Everything below Exercises.
struct Collection {
  var exercises: [Exercise] = []
  var bugs: [Bug] = []

  /// What is wrong with a file, one line each, beginning with its path.
  var problems: [String] = []

  /// Of all stages, or of one.
  init(_ ladder: Ladder, _ stage: Stage? = nil) {
    for stage in stage.map({ [$0] }) ?? ladder.stages { read(ladder, stage) }
  }

  private mutating func read(_ ladder: Ladder, _ stage: Stage) {
    let folder = "\(exerciseFolder)/\(stage.name)"
    let files = ladder.files(in: folder)
    for name in Set(files.compactMap { $0.split(separator: "/").first.map(String.init) })
      .sorted()
    {
      let path = "\(folder)/\(name)"
      if name == bugFolder {
        readBugs(ladder, stage, ladder.files(in: path))
      } else if !files.contains(where: { $0.hasPrefix(name + "/") }) {
        problems.append("\(path) belongs to no exercise")
      } else if !isStageName(name) {
        problems.append("\(path): an exercise's folder begins with its number: 02-name")
      } else if let text = ladder.text("\(path)/exercise.txt") {
        let exercise = parse(Exercise(stage: stage, name: name), text)
        if let same = exercises.first(where: { $0.key == exercise.key }) {
          problems.append("\(path): \(same.name) has the same number")
        }
        exercises.append(exercise)
        problems += exerciseProblems(ladder, exercise)
      } else {
        problems.append("\(path)/exercise.txt is missing")
      }
    }
  }

  private mutating func parse(_ empty: Exercise, _ text: String) -> Exercise {
    var exercise = empty
    let path = "\(exercise.folder)/exercise.txt"
    for (i, line) in text.components(separatedBy: "\n").enumerated() where !line.isEmpty {
      guard let (key, value) = keyAndValue(line) else {
        problems.append("\(path):\(i + 1): this is no line `key: value`")
        continue
      }
      switch key {
      case "title": exercise.title = value
      case "kind":
        if let kind = Exercise.Kind(rawValue: value) {
          exercise.kind = kind
        } else {
          problems.append("\(path):\(i + 1): a kind is predict, build or extend")
        }
      case "minutes": exercise.minutes = (1...600).number(value) ?? 0
      case "tests": exercise.tests.append(value)
      case "fails": exercise.fails = value
      case "run": exercise.run = value
      case "take": exercise.take = value
      case "expect": exercise.expect = value
      default: problems.append("\(path):\(i + 1): there is no key \(printable(key))")
      }
    }
    return exercise
  }

  private mutating func readBugs(_ ladder: Ladder, _ stage: Stage, _ files: [String]) {
    for file in files {
      if file.hasSuffix(".patch") {
        var bug = Bug(stage: stage, slug: String(file.dropLast(6)))
        let text = ladder.text(bug.patch) ?? ""
        for line in text.components(separatedBy: "\n") {
          if line.hasPrefix("--- ") { break }
          guard let (key, value) = keyAndValue(line) else { continue }
          switch key {
          case "Title": bug.title = value
          case "Test": bug.test = value
          case "Seen": bug.seen = value
          case "Real": bug.real = value
          default: problems.append("\(bug.patch): there is no key \(printable(key))")
          }
        }
        bugs.append(bug)
        problems += bugProblems(ladder, bug)
      } else if !file.hasSuffix(".md") || file.contains("/") {
        problems.append(
          "\(exerciseFolder)/\(stage.name)/bugs/\(file) is neither a patch nor a page")
      } else if !files.contains(file.dropLast(3) + ".patch") {
        problems.append(
          "\(exerciseFolder)/\(stage.name)/bugs/\(file): there is no patch of this name")
      }
    }
  }

  func exercise(_ stage: Stage, _ number: String) throws -> Exercise {
    let here = exercises.filter { $0.stage == stage }
    if let found = here.first(where: { $0.number == number || $0.name == number }) {
      return found
    }
    if here.isEmpty {
      throw Failure(
        "stage \(stage.number) has no exercises; make exercises lists those there are")
    }
    throw Failure(
      "stage \(stage.number) has no exercise \(printable(number)); there are: "
        + here.map(\.number).joined(separator: " "))
  }

  func bug(_ stage: Stage, _ slug: String) throws -> Bug {
    let here = bugs.filter { $0.stage == stage }
    if let found = here.first(where: { $0.slug == slug }) { return found }
    throw Failure(
      "stage \(stage.number) has no bug \(printable(slug)); there are: "
        + (here.isEmpty ? "none" : here.map(\.slug).joined(separator: " ")))
  }
}

private func keyAndValue(_ line: String) -> (String, String)? {
  guard let colon = line.firstIndex(of: ":") else { return nil }
  let key = String(line[..<colon])
  guard !key.isEmpty, key.allSatisfy({ $0.isLetter }) else { return nil }
  return (
    key, line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
  )
}

extension Ladder {
  func text(_ path: String) -> String? {
    data(path).map { String(decoding: $0, as: UTF8.self) }
  }
}

/// The three hints; fewer if the file says less.
func hints(_ ladder: Ladder, _ exercise: Exercise) -> [String] {
  let sections = sections(ladder.text("\(exercise.folder)/hints.md") ?? "")
  return ["1", "2", "3"].compactMap { name in
    sections.first { $0.title == name }?.text
  }.filter { !$0.isEmpty }
}

/// A page's parts: what stands below each `## title`, without blank lines around it.
func sections(_ text: String) -> [(title: String, text: String)] {
  var found: [(title: String, text: String)] = []
  var isCode = false
  for line in text.components(separatedBy: "\n") {
    if line.hasPrefix("```") { isCode.toggle() }
    if line.hasPrefix("## "), !isCode {
      found.append(
        (line.dropFirst(3).trimmingCharacters(in: .whitespaces), ""))
    } else if !found.isEmpty {
      found[found.count - 1].text += line + "\n"
    }
  }
  return found.map { ($0.title, $0.text.trimmingCharacters(in: .newlines)) }
}

private func exerciseProblems(_ ladder: Ladder, _ exercise: Exercise) -> [String] {
  let folder = exercise.folder
  let files = Set(ladder.files(in: folder))
  var problems: [String] = []
  func demand(_ isRight: Bool, _ file: String, _ message: String) {
    if !isRight { problems.append("\(folder)/\(file)\(message)") }
  }
  func regex(_ text: String, _ key: String) {
    demand(
      (try? NSRegularExpression(pattern: text)) != nil, "exercise.txt",
      ": \(key) is no regular expression")
  }
  let isPredict = exercise.kind == .predict
  demand(!exercise.title.isEmpty, "exercise.txt", " has no title")
  demand(exercise.minutes > 0, "exercise.txt", " has no minutes (1 to 600)")
  if isPredict {
    for (key, value) in [
      ("run", exercise.run), ("take", exercise.take), ("expect", exercise.expect),
    ] {
      demand(!value.isEmpty, "exercise.txt", " has no \(key)")
    }
    regex(exercise.take, "take")
    regex(exercise.expect, "expect")
  } else {
    demand(!exercise.tests.isEmpty, "exercise.txt", " has no tests")
    demand(!exercise.fails.isEmpty, "exercise.txt", " has no fails")
    for test in exercise.tests { regex(test, "tests") }
  }
  var needed = ["README.md", "hints.md"]
  var allowed: Set = ["exercise.txt", "README.md", "hints.md"]
  switch exercise.kind {
  case .predict:
    needed.append("why.md")
    allowed.insert("why.md")
  case .build:
    needed.append("hole.patch")
    allowed.insert("hole.patch")
  case .extend:
    needed.append("solution.patch")
    allowed.formUnion(["hole.patch", "solution.patch"])
  }
  for file in needed { demand(files.contains(file), file, " is missing") }
  for file in files.sorted() where !allowed.contains(file) {
    demand(
      !isPredict && file.hasPrefix("tests/") && file.hasSuffix(".swift")
        && file.split(separator: "/").count == 2,
      file, " belongs to nothing")
  }
  if files.contains("hole.patch") {
    let patch = ladder.text("\(folder)/hole.patch") ?? ""
    let mark = "// Exercise \(exercise.dotted):"
    demand(
      patch.components(separatedBy: "\n").contains {
        $0.hasPrefix("+") && $0.contains(mark)
      }, "hole.patch", ": no line that it adds says \(mark)")
  }
  if files.contains("hints.md") {
    let count = hints(ladder, exercise).count
    demand(count == 3, "hints.md", ": \(plural(count, "hint")), and there should be 3")
  }
  if let text = ladder.text("\(folder)/README.md") {
    let wanted =
      ["Task", "Keep", "Predict first", "Check"]
      + (exercise.kind == .extend ? ["Go on"] : [])
    let found = sections(text).map(\.title)
    demand(
      wanted.filter(found.contains) == wanted && wanted == found.filter(wanted.contains),
      "README.md", ": its headings are to be: \(wanted.joined(separator: ", "))")
    let start = "# \(exercise.dotted) "
    demand(
      text.hasPrefix(start), "README.md", ":1: the title does not begin with \"\(start)\""
    )
    demand(
      text.contains("make check \(exercise.arguments)"), "README.md",
      " does not say: make check \(exercise.arguments)")
  }
  return problems
}

private func bugProblems(_ ladder: Ladder, _ bug: Bug) -> [String] {
  var problems: [String] = []
  for (key, value) in [("Title", bug.title), ("Test", bug.test), ("Seen", bug.seen)]
  where value.isEmpty {
    problems.append("\(bug.patch): no line \(key): stands above the first ---")
  }
  if let text = ladder.text(bug.page) {
    let wanted = ["Symptom", "How to find it", "Cause", "The fix"]
    if sections(text).map(\.title) != wanted {
      problems.append(
        "\(bug.page): its headings are to be: \(wanted.joined(separator: ", "))")
    }
    if !text.hasPrefix("# ") { problems.append("\(bug.page):1 is no title") }
  } else {
    problems.append("\(bug.page) is missing")
  }
  return problems
}
