// SPDX-License-Identifier: Apache-2.0
//
// Code in colours: HTML in which comments, strings, numbers and words of the language
// are marked.

import Foundation

func escaped(_ text: some StringProtocol) -> String {
  var result = ""
  for character in text {
    switch character {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    case "\"": result += "&quot;"
    default: result.append(character)
    }
  }
  return result
}

private let swiftWords: Set = [
  "actor", "any", "as", "associatedtype", "async", "await", "borrowing", "break", "case",
  "catch", "class", "consume", "consuming", "continue", "copy", "default", "defer",
  "deinit",
  "do", "else", "enum", "extension", "fallthrough", "false", "fileprivate", "final",
  "for",
  "func", "get", "guard", "if", "import", "in", "init", "inout", "internal", "is", "let",
  "mutating", "nil", "nonisolated", "open", "operator", "override", "private", "protocol",
  "public", "repeat", "rethrows", "return", "self", "Self", "sending", "set", "some",
  "static",
  "struct", "subscript", "super", "switch", "throw", "throws", "true", "try", "typealias",
  "unowned", "unsafe", "var", "weak", "where", "while",
]

private let cWords: Set = [
  "auto", "bool", "break", "case", "char", "const", "continue", "default", "do", "double",
  "else", "enum", "extern", "false", "float", "for", "func", "go", "goto", "if", "inline",
  "int", "long", "register", "return", "select", "short", "signed", "sizeof", "static",
  "struct", "switch", "true", "type", "typedef", "union", "unsigned", "var", "void",
  "volatile", "while", "proctype", "active", "atomic", "inline", "od", "fi", "assert",
  "chan",
]

private let shellWords: Set = [
  "if", "then", "else", "elif", "fi", "for", "in", "do", "done", "while", "until", "case",
  "esac", "make", "swift", "git", "cd", "gdb", "lldb", "perf", "valgrind",
]

func highlighted(_ lines: [String], _ language: String) -> String {
  if language == "diff" {
    return lines.map { differing($0, "swift") }.joined(separator: "\n")
  }
  var isComment = false
  return lines.map { highlight($0, language, &isComment) }.joined(separator: "\n")
}

/// Lines of a diff, in the colours of a file's language, too.
func highlightedDiff(_ lines: [String], of file: String) -> String {
  let language = file.hasSuffix(".swift") ? "swift" : file.hasSuffix(".S") ? "asm" : "c"
  // A line is a block: a newline between them would be another.
  return lines.map { differing($0, language) }.joined()
}

private func differing(_ line: String, _ language: String) -> String {
  var isComment = false
  let rest = String(line.dropFirst())
  switch line.first {
  case "+" where !line.hasPrefix("+++ "):
    return "<span class=\"add\">+" + highlight(rest, language, &isComment) + "</span>"
  case "-" where !line.hasPrefix("--- "):
    return "<span class=\"del\">-" + highlight(rest, language, &isComment) + "</span>"
  case "@": return "<span class=\"hunk\">" + escaped(line) + "</span>"
  default:
    return "<span class=\"same\">" + highlight(line, language, &isComment) + "</span>"
  }
}

private func span(_ kind: String, _ text: some StringProtocol) -> String {
  "<span class=\"\(kind)\">" + escaped(text) + "</span>"
}

private func highlight(_ line: String, _ language: String, _ isComment: inout Bool)
  -> String
{
  let words: Set<String>
  switch language {
  case "swift": words = swiftWords
  case "c", "go": words = cWords
  case "sh": words = shellWords
  case "asm": words = []
  default: return escaped(line)
  }
  let text = Array(line)
  var result = ""
  var at = 0
  func rest(_ from: Int) -> String { String(text[min(from, text.count)...]) }
  func starts(_ mark: String) -> Bool { text[at...].starts(with: mark) }
  while at < text.count {
    let sign = text[at]
    if isComment {
      let all = rest(at)
      if let end = all.range(of: "*/") {
        result += span("comment", all[..<end.upperBound])
        at += all.distance(from: all.startIndex, to: end.upperBound)
        isComment = false
      } else {
        return result + span("comment", all)
      }
    } else if language != "sh", starts("//") || language == "asm" && sign == "#" && at > 0
    {
      return result + span("comment", rest(at))
    } else if language == "sh", sign == "#", at == 0 || text[at - 1] == " " {
      return result + span("comment", rest(at))
    } else if language != "sh", starts("/*") {
      isComment = true
    } else if sign == "\"" || sign == "'" && (language == "sh" || language == "c") {
      var end = at + 1
      while end < text.count, text[end] != sign {
        end += text[end] == "\\" && language != "sh" ? 2 : 1
      }
      end = min(end + 1, text.count)
      result += span("string", String(text[at..<end]))
      at = end
    } else if sign.isNumber {
      var end = at
      while end < text.count, text[end].isHexDigit || "_x.".contains(text[end]) {
        end += 1
      }
      while text[end - 1] == "." { end -= 1 }
      result += span("number", String(text[at..<end]))
      at = end
    } else if sign.isLetter || sign == "_"
      || language == "asm" && (sign == "%" || sign == ".")
      || (sign == "@" || sign == "#") && language != "sh"
    {
      var end = at + 1
      while end < text.count, text[end].isLetter || text[end].isNumber || text[end] == "_"
      {
        end += 1
      }
      let word = String(text[at..<end])
      let next = end < text.count ? text[end] : " "
      let isFirst = text[..<at].allSatisfy(\.isWhitespace)
      if words.contains(word) || sign == "@" || sign == "#"
        || language == "asm" && sign == "."
      {
        result += span("keyword", word)
      } else if language == "asm", sign == "%" {
        result += span("type", word)
      } else if language == "asm", isFirst, next != "(" && next != ":" {
        result += span("keyword", word)
      } else if language == "sh", next == "=" {
        result += span("type", word)
      } else if language != "sh", next == "(" {
        result += span("call", word)
      } else if language == "swift", sign.isUppercase {
        result += span("type", word)
      } else {
        result += escaped(word)
      }
      at = end
    } else {
      result += escaped(String(sign))
      at += 1
    }
  }
  return result
}
