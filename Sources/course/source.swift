// SPDX-License-Identifier: Apache-2.0
//
// A file as lines, tokens and declarations.

import Foundation

/// Bytes up to a newline. Two lines are equal if their bytes are.
struct Line: Hashable {
  let bytes: [UInt8]

  init(_ bytes: some Sequence<UInt8>) {
    self.bytes = Array(bytes)
  }

  init(_ text: String) {
    self.init(text.utf8)
  }

  var text: String { String(decoding: bytes, as: UTF8.self) }
  var isBlank: Bool { bytes.allSatisfy { $0 == space || $0 == 9 } }
  var indent: Int { bytes.prefix { $0 == space || $0 == 9 }.count }
}

/// A line that names its stage, with the number of another in its place.
func renumbered(_ text: String, _ number: String) -> String {
  for prefix in ["import Stage", "@testable import Stage", "#define STAGE stage"] {
    guard text.hasPrefix(prefix) else { continue }
    let rest = text.dropFirst(prefix.count)
    let tail = rest.drop { $0.isASCII && $0.isNumber }
    if tail.startIndex != rest.startIndex { return prefix + number + tail }
  }
  return text
}

/// Stands for the end of a line that the last line of a file lacks.
private let unended = Line("\\ No newline at end of file")

final class Source {
  let path: String

  /// As they are in the file.
  let lines: [Line]

  /// The same, except that no line says which stage this is.
  let neutral: [Line]

  private(set) lazy var lexed = Lexer(
    neutral.last == unended ? neutral.dropLast() : neutral, Language(path: path))
  private(set) lazy var declarations = scanDeclarations(self)

  /// The lines without the spaces around them.
  private(set) lazy var trimmed = lines.map {
    $0.text.trimmingCharacters(in: .whitespaces)
  }

  /// Tokens by line.
  private(set) lazy var code: [[Token]] = {
    var code = [[Token]](repeating: [], count: lines.count)
    for token in lexed.tokens { code[token.line].append(token) }
    return code
  }()

  init(path: String, data: Data) {
    self.path = path
    var lines = data.split(separator: newline, omittingEmptySubsequences: false)
      .map { Line($0) }
    if lines.last?.bytes.isEmpty == true {
      lines.removeLast()
    } else if !lines.isEmpty {
      lines.append(unended)
    }
    self.lines = lines
    neutral = lines.map { Line(renumbered($0.text, "NN")) }
  }

  convenience init(path: String, text: String) {
    self.init(path: path, data: Data(text.utf8))
  }

  /// The text of some lines, the same in every stage.
  func text(_ range: Range<Int>) -> String {
    neutral[range].map { $0.text + "\n" }.joined()
  }

  func tokens(_ range: Range<Int>) -> [Token] {
    Array(code[range].joined())
  }

  /// The innermost declaration around this line.
  func declaration(at line: Int) -> Declaration? {
    declarations.last { $0.lines.contains(line) }
  }
}
