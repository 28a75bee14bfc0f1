// SPDX-License-Identifier: Apache-2.0
//
// What a Swift file declares, found without a compiler.
//
// Only declarations at the top level and in types count; a function's body is one
// piece. In such a place nothing but another declaration, a condition (#if) or the
// brace that closes the type can follow a declaration, so one ends where the next
// begins.

struct Declaration {
  let keyword: String

  /// With the types around it: G.sched.
  let name: String

  /// The same with its labels: Ptr.init(allocating:).
  let signature: String

  /// From the comment above it to its end.
  let lines: Range<Int>

  /// Its tokens, in those of the file.
  let tokens: Range<Int>

  /// Has no members: not a type.
  let isLeaf: Bool
}

func scanDeclarations(_ source: Source) -> [Declaration] {
  guard Language(path: source.path) == .swift else { return [] }
  var scanner = Scanner(source)
  scanner.scope("")
  return scanner.found.sorted { $0.tokens.lowerBound < $1.tokens.lowerBound }
}

private let types: Set = ["struct", "enum", "class", "actor", "protocol", "extension"]

private let keywords: Set = types.union([
  "func", "init", "deinit", "subscript", "var", "let", "typealias", "associatedtype",
  "case", "import", "operator", "precedencegroup", "macro",
])

private let modifiers: Set = [
  "public", "private", "fileprivate", "internal", "package", "open", "static", "final",
  "mutating", "nonmutating", "override", "nonisolated", "required", "convenience",
  "lazy", "weak", "unowned", "indirect", "prefix", "infix", "postfix", "borrowing",
  "consuming", "isolated", "dynamic", "optional", "distributed",
]

private struct Scanner {
  let source: Source
  let tokens: [Token]
  var at = 0
  var found: [Declaration] = []

  init(_ source: Source) {
    self.source = source
    tokens = source.lexed.tokens
  }

  private func text(_ i: Int) -> String { i < tokens.count ? tokens[i].text : "" }

  private func isFirstOnLine(_ i: Int) -> Bool {
    i == 0 || tokens[i - 1].line < tokens[i].line
  }

  /// Declarations up to the brace that closes this scope, or the end.
  mutating func scope(_ path: String) {
    while at < tokens.count, text(at) != "}" {
      if text(at) == "#" {
        skipLine()
      } else if let keyword = keyword(from: at) {
        declaration(from: at, keyword: keyword, path)
      } else {
        skipGroup()
      }
    }
  }

  private mutating func skipLine() {
    let line = tokens[at].line
    while at < tokens.count, tokens[at].line == line { at += 1 }
  }

  /// One token, or all between this bracket and the one that closes it.
  private mutating func skipGroup() {
    var depth = 0
    repeat {
      if tokens[at].kind == .symbol {
        switch text(at) {
        case "(", "[", "{": depth += 1
        case ")", "]", "}": depth -= 1
        default: break
        }
      }
      at += 1
    } while depth > 0 && at < tokens.count
  }

  /// Where the keyword is of the declaration that begins at token i, if one does.
  private func keyword(from i: Int) -> Int? {
    var scan = self
    scan.at = i
    while scan.at < tokens.count {
      let word = text(scan.at)
      if word == "@" {
        scan.at += 2
        // What belongs to an attribute follows without a space; a line end is enough
        // to tell them apart here.
        if text(scan.at) == "(" { scan.skipGroup() }
      } else if word == "class", keywords.contains(text(scan.at + 1)) {
        scan.at += 1
      } else if keywords.contains(word) {
        return scan.at
      } else if modifiers.contains(word) {
        scan.at += 1
        if text(scan.at) == "(" { scan.skipGroup() }
      } else {
        return nil
      }
    }
    return nil
  }

  private mutating func declaration(from start: Int, keyword: Int, _ path: String) {
    let kind = text(keyword)
    at = keyword + 1
    var (name, labels) = name(kind)
    if name.isEmpty { name = kind }
    let full = path.isEmpty ? name : "\(path).\(name)"
    let isType = types.contains(kind)
    if isType {
      while at < tokens.count, text(at) != "{", text(at) != "}" { skipParentheses() }
      if text(at) == "{" {
        at += 1
        scope(full)
      }
      if text(at) == "}" { at += 1 }
    } else {
      skipToNext()
    }
    let end = max(at, keyword + 1)
    at = end
    let title = kind == "extension" || kind == "import" ? "\(kind) \(full)" : full
    var line = tokens[start].line
    while line > 0, source.code[line - 1].isEmpty,
      source.lexed.commented.contains(line - 1)
    {
      line -= 1
    }
    found.append(
      Declaration(
        keyword: kind,
        name: title,
        signature: title + labels,
        lines: line..<tokens[end - 1].line + 1,
        tokens: start..<end,
        isLeaf: !isType
      ))
  }

  private mutating func skipParentheses() {
    if text(at) == "(" || text(at) == "[" { skipGroup() } else { at += 1 }
  }

  private mutating func skipToNext() {
    while at < tokens.count, text(at) != "}" {
      if isFirstOnLine(at), text(at) == "#", isCondition { return }
      if isFirstOnLine(at) || text(at - 1) == ";", keyword(from: at) != nil { return }
      skipGroup()
    }
  }

  private var isCondition: Bool {
    ["if", "elseif", "else", "endif"].contains(text(at + 1))
  }

  /// Reads the name behind a keyword, and a function's labels.
  private mutating func name(_ kind: String) -> (String, String) {
    var name = ""
    switch kind {
    case "init", "deinit", "subscript":
      name = kind
      if ["?", "!"].contains(text(at)) { at += 1 }
    case "extension", "import":
      while at < tokens.count, !["{", ":", "where"].contains(text(at)) {
        if !name.isEmpty, isFirstOnLine(at) { break }
        name += text(at)
        at += 1
      }
    default:
      guard at < tokens.count else { break }
      if tokens[at].kind == .word {
        name = text(at)
        at += 1
      } else {
        // An operator, or a pattern.
        let ends = kind == "func" ? ["("] : ["=", ":", "{", "}"]
        while at < tokens.count, !ends.contains(text(at)), !isFirstOnLine(at) {
          name += text(at)
          at += 1
        }
      }
    }
    guard ["func", "init", "subscript"].contains(kind) else { return (name, "") }
    var scan = self
    while scan.at < tokens.count, !["(", "{", "}"].contains(text(scan.at)) {
      scan.at += 1
    }
    guard text(scan.at) == "(" else { return (name, "") }
    let open = scan.at
    scan.skipGroup()
    return (name, "(" + labels(open + 1..<scan.at - 1) + ")")
  }

  private func labels(_ range: Range<Int>) -> String {
    var labels = ""
    var scan = self
    scan.at = range.lowerBound
    var first = true
    while scan.at < range.upperBound {
      if first {
        while text(scan.at) == "@" { scan.at += 2 }
        labels += text(scan.at) + ":"
        first = false
      }
      if text(scan.at) == "," { first = true }
      if ["(", "[", "{"].contains(text(scan.at)) {
        scan.skipGroup()
      } else {
        scan.at += 1
      }
    }
    return labels
  }
}
