// SPDX-License-Identifier: Apache-2.0
//
// Markdown as far as these notes use it: headings, code blocks, code in a line, links.

import Foundation

struct Note {
  /// A block between two lines of backquotes.
  struct Block {
    /// What stands behind the first of them: swift, or swift Runtime/proc.swift.
    let info: String

    /// The lines between them.
    let lines: Range<Int>

    var language: String { info.split(separator: " ").first.map(String.init) ?? "" }
    var words: [String] { info.split(separator: " ").dropFirst().map(String.init) }
  }

  /// Something in a line of text.
  struct Piece: Equatable {
    let text: String

    /// Counted from 0.
    let line: Int
  }

  struct Section {
    let title: String
    let level: Int

    /// The heading among them.
    let lines: Range<Int>
  }

  let path: String
  let lines: [String]
  private(set) var blocks: [Block] = []

  /// Lines of code blocks, those with the backquotes among them.
  private(set) var isCode: [Bool]

  /// What stands between backquotes in text.
  private(set) var code: [Piece] = []

  /// Where links and pictures lead.
  private(set) var links: [Piece] = []

  /// The text without code and without what links lead to.
  private(set) var prose: [String]

  init(path: String, text: String) {
    self.path = path
    var lines = text.components(separatedBy: "\n")
    if lines.last == "" { lines.removeLast() }
    self.lines = lines
    isCode = [Bool](repeating: false, count: lines.count)
    prose = [String](repeating: "", count: lines.count)
    findBlocks()
    var paragraph: [Int] = []
    for i in lines.indices {
      if isCode[i] || lines[i].allSatisfy(\.isWhitespace) {
        scan(paragraph)
        paragraph = []
      } else if lines[i].hasPrefix("#") || lines[i].hasPrefix("|") {
        scan(paragraph)
        scan([i])
        paragraph = []
      } else {
        paragraph.append(i)
      }
    }
    scan(paragraph)
  }

  /// Headings of the first and second level, and what is below them.
  var sections: [Section] {
    let starts = lines.indices.filter {
      !isCode[$0] && (lines[$0].hasPrefix("# ") || lines[$0].hasPrefix("## "))
    }
    return zip(starts, starts.dropFirst() + [lines.count]).map { start, end in
      let level = lines[start].prefix { $0 == "#" }.count
      return Section(
        title: lines[start].dropFirst(level).trimmingCharacters(in: .whitespaces),
        level: level, lines: start..<end)
    }
  }

  private mutating func findBlocks() {
    var start: (line: Int, fence: String, info: String)?
    // Lines indented by four after a blank one, unless they go on with a list.
    var indented: Int?
    var isList = false
    for (i, line) in lines.enumerated() {
      let text = line.trimmingCharacters(in: .whitespaces)
      let fence = String(text.prefix { $0 == "`" })
      if let open = start {
        isCode[i] = true
        if fence.count >= open.fence.count, fence == text {
          blocks.append(Block(info: open.info, lines: open.line + 1..<i))
          start = nil
        }
      } else if fence.count >= 3 {
        isCode[i] = true
        let info = text.dropFirst(fence.count).trimmingCharacters(in: .whitespaces)
        start = (i, fence, info)
      } else if line.hasPrefix("    "), !isList,
        indented != nil || i == 0 || lines[i - 1].isEmpty
      {
        isCode[i] = true
        indented = indented ?? i
      } else if !line.isEmpty {
        if let from = indented { blocks.append(Block(info: "", lines: from..<i)) }
        indented = nil
        if !line.hasPrefix(" ") {
          isList = line.firstMatch(of: /^([-*+]|\d+[.)])\s/) != nil
        }
      }
    }
    if let open = start {
      blocks.append(Block(info: open.info, lines: open.line + 1..<lines.count))
    }
  }

  /// Finds what is in a paragraph: code may go on on the next line.
  private mutating func scan(_ paragraph: [Int]) {
    var characters: [(sign: Character, line: Int)] = []
    for i in paragraph {
      characters += lines[i].map { ($0, i) } + [("\n", i)]
    }
    var at = 0
    while at < characters.count {
      let (sign, line) = characters[at]
      if sign == "`" {
        let count = run(characters, at)
        if let end = close(characters, at + count, count) {
          let text = String(characters[at + count..<end].map(\.sign))
          code.append(
            Piece(text: text.replacingOccurrences(of: "\n", with: " "), line: line))
          prose[line].append(" ")
          at = end + count
          continue
        }
        at += count
      } else if sign == "]", at + 1 < characters.count, characters[at + 1].sign == "(" {
        let end = characters[at...].firstIndex { $0.sign == ")" } ?? characters.count
        let inside = String(characters[min(at + 2, end)..<end].map(\.sign))
        let target = inside.split(whereSeparator: \.isWhitespace).first
        links.append(Piece(text: target.map(String.init) ?? "", line: line))
        prose[line].append(" ")
        at = min(end + 1, characters.count)
      } else {
        if sign != "\n" { prose[line].append(sign) }
        at += 1
      }
    }
  }

  private func run(_ characters: [(sign: Character, line: Int)], _ start: Int) -> Int {
    characters[start...].prefix { $0.sign == "`" }.count
  }

  /// Where as many backquotes follow as began it.
  private func close(
    _ characters: [(sign: Character, line: Int)], _ start: Int, _ count: Int
  ) -> Int? {
    var at = start
    while at < characters.count {
      if characters[at].sign == "`" {
        let length = run(characters, at)
        if length == count { return at }
        at += length
      } else {
        at += 1
      }
    }
    return nil
  }
}

/// Letters, digits and underscores, from a letter or underscore on.
func identifiers(_ text: some StringProtocol) -> [String] {
  var result: [String] = []
  var word = ""
  for character in text {
    if character == "_" || character.isASCII && (character.isLetter || character.isNumber)
    {
      word.append(character)
    } else {
      result.append(word)
      word = ""
    }
  }
  result.append(word)
  return result.filter { !$0.isEmpty && !$0.first!.isNumber }
}
