// SPDX-License-Identifier: Apache-2.0
//
// Names that a stage declares, in Swift and in assembly, and those that a step touches.

import Foundation

/// Something that a reader will look for.
struct Declared {
  let name: String
  let keyword: String
  let isPrivate: Bool
  let path: String

  /// Counted from 1.
  let line: Int

  /// What it consists of, members aside.
  let code: String

  /// One of these must be in the text that tells of it.
  var words: Set<String> {
    let parts = name.split(separator: ".").map(String.init)
    guard let last = parts.last else { return [] }
    return ["init", "deinit", "subscript"].contains(last) && parts.count > 1
      ? [parts[parts.count - 2]] : [last]
  }

  /// A function, a type or a case, with a name that can be written down.
  var isTold: Bool {
    [
      "func", "init", "deinit", "subscript", "struct", "enum", "class", "protocol",
      "case",
    ]
    .contains(keyword) && words.allSatisfy { identifiers($0) == [$0] }
  }

  var isFunction: Bool { ["func", "init", "deinit", "subscript"].contains(keyword) }
}

/// Files of a stage that hold its runtime.
func runtimeFiles(_ ladder: Ladder, _ stage: Stage) -> [String] {
  ladder.files(in: stage.folder).filter {
    $0.hasPrefix("Runtime/") || $0.hasPrefix("Asm/")
  }
}

func declared(_ ladder: Ladder, _ stage: Stage) -> [Declared] {
  runtimeFiles(ladder, stage).flatMap { file -> [Declared] in
    let path = "\(stage.folder)/\(file)"
    guard let source = ladder.source(path) else { return [] }
    if file.hasSuffix(".swift") { return declaredInSwift(source) }
    return file.hasSuffix(".S") ? symbols(source) : []
  }
}

private func declaredInSwift(_ source: Source) -> [Declared] {
  let all = source.declarations
  return all.compactMap { declaration in
    if declaration.keyword == "import" || declaration.keyword == "extension" {
      return nil
    }
    let tokens = source.lexed.tokens[declaration.tokens]
    // A type's own: what is in none of its members.
    var own = Array(tokens.indices)
    if !declaration.isLeaf {
      let inside = all.filter {
        $0.tokens != declaration.tokens
          && declaration.tokens.lowerBound <= $0.tokens.lowerBound
          && $0.tokens.upperBound <= declaration.tokens.upperBound
          && !["var", "let"].contains($0.keyword)
      }
      own = own.filter { i in !inside.contains { $0.tokens.contains(i) } }
    }
    // Attributes and modifiers stand before the keyword.
    let before = tokens.prefix { $0.text != declaration.keyword }.map(\.text)
    return Declared(
      name: declaration.name,
      keyword: declaration.keyword,
      isPrivate: before.contains("private") || before.contains("fileprivate"),
      path: source.path,
      line: source.lexed.tokens[declaration.tokens.lowerBound].line + 1,
      code: declaration.signature + " "
        + own.map { source.lexed.tokens[$0].text }.joined(separator: " ")
    )
  }
}

/// Functions in assembly: from a label that has the stage's name to the next.
private func symbols(_ source: Source) -> [Declared] {
  let starts = source.lines.indices.filter { source.lines[$0].text.hasPrefix("SYMBOL(") }
  return zip(starts, starts.dropFirst() + [source.lines.count]).compactMap { start, end in
    guard let name = identifiers(source.lines[start].text.dropFirst(7)).first else {
      return nil
    }
    let code = source.code[start..<end].joined().map(\.text)
    // What announces the next symbol belongs to that.
    let own = code.prefix { $0 != "size" }
    return Declared(
      name: name, keyword: "func", isPrivate: false, path: source.path, line: start + 1,
      code: own.joined(separator: " "))
  }
}

/// What the step adds or changes.
func touched(_ ladder: Ladder, from a: Stage, to b: Stage) -> [Declared] {
  func key(_ declared: Declared) -> String {
    (declared.path.hasSuffix(".S")
      ? String(declared.path.split(separator: "/").last!) : "")
      + declared.name
  }
  var old: [String: [String]] = [:]
  for declared in declared(ladder, a) {
    old[key(declared), default: []].append(declared.code)
  }
  return declared(ladder, b).filter { now in
    if let i = old[key(now)]?.firstIndex(of: now.code) {
      old[key(now)]!.remove(at: i)
      return false
    }
    return true
  }
}

/// Every word of code in a stage's sources, comments aside, and in files around them.
final class Vocabulary {
  private let ladder: Ladder
  private var words: [String: Set<String>] = [:]

  init(_ ladder: Ladder) {
    self.ladder = ladder
  }

  func words(_ stage: Stage) -> Set<String> {
    words(
      stage.name,
      runtimeFiles(ladder, stage).map { "\(stage.folder)/\($0)" }
        + ladder.files(in: stage.tests).map { "\(stage.tests)/\($0)" })
  }

  /// Of what is not a stage: programs, tools, the package itself.
  func elsewhere() -> Set<String> {
    let files =
      (try? ladder.git.files(under: ["Sources", "Package.swift", "Makefile"])) ?? []
    // Their names, too: of programs, of models.
    let all = (try? ladder.git.files(under: ["Sources", "Notes"])) ?? []
    return words(
      "", files.filter { !$0.hasPrefix("Sources/course/") && !$0.contains("/corpus/") }
    )
    .union(all.flatMap { identifiers($0.split(separator: "/").last ?? "") })
  }

  private func words(_ name: String, _ files: [String]) -> Set<String> {
    if let known = words[name] { return known }
    var found: Set<String> = []
    for file in files {
      guard let source = ladder.source(file) else { continue }
      for token in source.lexed.tokens { found.formUnion(identifiers(token.text)) }
    }
    words[name] = found
    return found
  }
}
