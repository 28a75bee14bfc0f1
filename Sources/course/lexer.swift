// SPDX-License-Identifier: Apache-2.0
//
// Swift, C and assembly as tokens: what of a line is code, and what is not.
//
// Comments and spaces are no tokens. A string is one token for each line it is on.

struct Token: Hashable {
  enum Kind {
    case word
    case symbol
    case string
  }

  let kind: Kind
  let text: String

  /// Counted from 0.
  let line: Int

  static func == (a: Token, b: Token) -> Bool {
    a.kind == b.kind && a.text.utf8.elementsEqual(b.text.utf8)
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(text)
  }
}

/// What the lexer takes an apostrophe for.
enum Language {
  case swift
  case c

  /// Anything else: words between spaces, and no comments.
  case text

  init(path: String) {
    if path.hasSuffix(".swift") {
      self = .swift
    } else if [".c", ".h", ".S"].contains(where: path.hasSuffix) {
      self = .c
    } else {
      self = .text
    }
  }
}

struct Lexer {
  private let bytes: [UInt8]
  private let language: Language
  private var at = 0
  private var line = 0
  private(set) var tokens: [Token] = []

  /// The lines on which there is a comment, or a part of one.
  private(set) var commented: Set<Int> = []

  init(_ lines: [Line], _ language: Language) {
    bytes = Array(lines.map(\.bytes).joined(separator: [newline]))
    self.language = language
    while at < bytes.count { step() }
  }

  private func peek(_ offset: Int = 0) -> UInt8 {
    at + offset < bytes.count ? bytes[at + offset] : 0
  }

  private mutating func emit(_ kind: Token.Kind, from start: Int) {
    if start == at { return }
    let text = String(decoding: bytes[start..<at], as: UTF8.self)
    tokens.append(Token(kind: kind, text: text, line: line))
  }

  private mutating func step() {
    let byte = peek()
    if byte == newline {
      line += 1
      at += 1
    } else if byte == space || byte == 9 || byte == 13 {
      at += 1
    } else if language == .text {
      let start = at
      while at < bytes.count, ![newline, space, 9, 13].contains(peek()) { at += 1 }
      emit(.word, from: start)
    } else if byte == UInt8(ascii: "/"), peek(1) == byte {
      commented.insert(line)
      while at < bytes.count, peek() != newline { at += 1 }
    } else if byte == UInt8(ascii: "/"), peek(1) == UInt8(ascii: "*") {
      blockComment()
    } else if isWord(byte) {
      let start = at
      while at < bytes.count, isWord(peek()) { at += 1 }
      emit(.word, from: start)
    } else if byte == UInt8(ascii: "`") {
      let start = at
      at += 1
      while at < bytes.count, peek() != newline, peek() != byte { at += 1 }
      at = min(at + 1, bytes.count)
      emit(.word, from: start)
    } else if let hashes = stringStart() {
      string(hashes: hashes)
    } else if byte == UInt8(ascii: "'"), language == .c {
      character()
    } else {
      at += 1
      emit(.symbol, from: at - 1)
    }
  }

  private func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "$"),
      0x80...:
      true
    default:
      false
    }
  }

  /// Swift's nest, C's do not.
  private mutating func blockComment() {
    var depth = 0
    repeat {
      commented.insert(line)
      if peek() == UInt8(ascii: "/"), peek(1) == UInt8(ascii: "*") {
        depth += depth == 0 || language == .swift ? 1 : 0
        at += 2
      } else if peek() == UInt8(ascii: "*"), peek(1) == UInt8(ascii: "/") {
        depth -= 1
        at += 2
      } else {
        if peek() == newline { line += 1 }
        at += 1
      }
    } while depth > 0 && at < bytes.count
    at = min(at, bytes.count)
  }

  /// The number of #s before the quote that is here, if one is.
  private func stringStart() -> Int? {
    var hashes = 0
    while language == .swift, peek(hashes) == UInt8(ascii: "#") { hashes += 1 }
    return peek(hashes) == quote ? hashes : nil
  }

  private func isHere(_ text: [UInt8]) -> Bool {
    at + text.count <= bytes.count && bytes[at..<at + text.count].elementsEqual(text)
  }

  private mutating func string(hashes: Int) {
    let raw = [UInt8](repeating: UInt8(ascii: "#"), count: hashes)
    var start = at
    at += hashes
    let long = language == .swift && isHere([quote, quote, quote])
    let end = (long ? [quote, quote, quote] : [quote]) + raw
    let escape = [UInt8(ascii: "\\")] + raw
    at += long ? 3 : 1
    while at < bytes.count {
      if isHere(end) {
        at += end.count
        break
      } else if language == .swift, isHere(escape + [UInt8(ascii: "(")]) {
        at += escape.count
        emit(.string, from: start)
        interpolation()
        start = at
      } else if isHere(escape), peek(escape.count) != newline {
        at = min(at + escape.count + 1, bytes.count)
      } else if peek() == newline {
        if !long { break }
        emit(.string, from: start)
        line += 1
        at += 1
        start = at
      } else {
        at += 1
      }
    }
    emit(.string, from: start)
  }

  /// An expression within a string: its tokens are like others.
  private mutating func interpolation() {
    var depth = 0
    repeat {
      if peek() == UInt8(ascii: "(") { depth += 1 }
      if peek() == UInt8(ascii: ")") { depth -= 1 }
      step()
    } while depth > 0 && at < bytes.count
  }

  private mutating func character() {
    let start = at
    at += 1
    while at < bytes.count, peek() != newline, peek() != UInt8(ascii: "'") {
      at += peek() == UInt8(ascii: "\\") ? 2 : 1
    }
    at = min(at + 1, bytes.count)
    emit(.string, from: start)
  }
}

let newline = UInt8(ascii: "\n")
let space = UInt8(ascii: " ")
private let quote = UInt8(ascii: "\"")
