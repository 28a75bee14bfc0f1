// SPDX-License-Identifier: Apache-2.0
//
// How differences look.

import Arguments
import Foundation

struct Style {
  enum Form {
    case lines
    case words
    case sides
  }

  var form = Form.lines
  var color = false
  var width = 184

  func paint(_ text: String, _ code: String) -> String {
    color && !text.isEmpty ? "\u{1b}[\(code)m\(text)\u{1b}[m" : text
  }
}

private let red = "31"
private let green = "32"
private let cyan = "36"
private let bold = "1"

/// What differs between two stages, or between two files of theirs.
func diff(_ ladder: Ladder, _ options: Options) throws -> Report {
  let b = try ladder.stage(options.stages[options.stages.count - 1])
  let a: Stage
  if options.stages.count == 2 {
    a = try ladder.stage(options.stages[0])
  } else if let (before, _) = ladder.pairs.first(where: { $0.1 == b }) {
    a = before
  } else {
    return Report(lines: ["no stage stands before \(b.name): there is nothing to compare"]
    )
  }
  if a == b {
    throw CommandLineError.wrong("A and B are one stage: \(a.name)")
  }
  var style = Style()
  let isTerminal = isatty(STDOUT_FILENO) == 1
  style.color = options.color ?? (isTerminal && ProcessInfo.allowsColor)
  style.form = options.side ? .sides : options.words ? .words : .lines
  style.width = options.width ?? (isTerminal ? terminalWidth() : style.width)
  if let file = options.file {
    return Report(lines: try diffFile(ladder, a, b, file, style))
  }
  return Report(lines: diffLines(ladder, Step(ladder, a, b), style))
}

extension ProcessInfo {
  fileprivate static var allowsColor: Bool {
    processInfo.environment["NO_COLOR"] == nil
      && processInfo.environment["TERM"] != "dumb"
  }
}

private func terminalWidth() -> Int {
  var size = winsize()
  let isKnown = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col >= 40
  return isKnown ? Int(size.ws_col) : 80
}

/// Added and removed lines.
struct Tally {
  var added = 0
  var removed = 0

  var total: Int { added + removed }
  var text: String { "+\(added) -\(removed)" }
}

func tally(_ ladder: Ladder, _ step: Step) -> Tally {
  var tally = Tally()
  for path in step.changed {
    guard let a = ladder.source("\(step.a.folder)/\(path)"),
      let b = ladder.source("\(step.b.folder)/\(path)")
    else { continue }
    for change in changes(a, b) {
      tally.added += change.b.count
      tally.removed += change.a.count
    }
  }
  return tally
}

/// The whole step: a heading, new files by name, then what differs.
func diffLines(_ ladder: Ladder, _ step: Step, _ style: Style) -> [String] {
  let (a, b) = (step.a, step.b)
  var lines = [
    style.paint("from \(ladder.title(a))", bold),
    style.paint("to   \(ladder.title(b))", bold),
    "\(tally(ladder, step).text) in \(plural(step.changed.count, "file"))"
      + (step.new.isEmpty ? "" : ", \(step.new.count) new")
      + (step.gone.isEmpty ? "" : ", \(step.gone.count) gone"),
    "",
  ]
  for path in step.new {
    let count = ladder.source("\(b.folder)/\(path)")?.lines.count ?? 0
    lines.append(style.paint("new   \(left(path, 32)) \(plural(count, "line"))", green))
  }
  lines += step.gone.map { style.paint("gone  \($0)", red) }
  if !step.new.isEmpty || !step.gone.isEmpty { lines.append("") }
  for path in step.changed {
    guard let old = ladder.source("\(a.folder)/\(path)"),
      let new = ladder.source("\(b.folder)/\(path)")
    else { continue }
    lines += difference(old, new, style) + [""]
  }
  let tests = testLines(ladder, a, b, style)
  if !tests.isEmpty { lines += tests + [""] }
  if lines.last == "" { lines.removeLast() }
  return lines
}

/// Test files that differ, by name.
private func testLines(_ ladder: Ladder, _ a: Stage, _ b: Stage, _ style: Style)
  -> [String]
{
  let (inA, inB) = (Set(ladder.files(in: a.tests)), Set(ladder.files(in: b.tests)))
  var lines: [String] = []
  for path in inA.union(inB).sorted() {
    let old = ladder.source("\(a.tests)/\(path)")
    let new = ladder.source("\(b.tests)/\(path)")
    // Neither has text if both are folders, or links to some.
    if old == nil, let new {
      let size = plural(new.lines.count, "line")
      lines.append(style.paint("new   \(left("Tests/\(path)", 32)) \(size)", green))
    } else if old != nil, new == nil {
      lines.append(style.paint("gone  Tests/\(path)", red))
    } else if let old, let new, old.neutral != new.neutral {
      let all = changes(old, new)
      let size = Tally(
        added: all.reduce(0) { $0 + $1.b.count },
        removed: all.reduce(0) { $0 + $1.a.count })
      lines.append("      \(left("Tests/\(path)", 32)) \(size.text)")
    }
  }
  return lines
}

private func diffFile(
  _ ladder: Ladder, _ a: Stage, _ b: Stage, _ name: String, _ style: Style
) throws -> [String] {
  let (pathA, pathB) = (ladder.path(name, in: a), ladder.path(name, in: b))
  let (old, new) = (ladder.source(pathA), ladder.source(pathB))
  if old == nil && new == nil {
    let files = Step(ladder, a, b)
    let differing = (files.changed + files.new).joined(separator: " ")
    throw Failure(
      "neither \(pathA) nor \(pathB) can be read; files that differ: \(differing)")
  }
  let lines = difference(
    old ?? Source(path: pathA, text: ""), new ?? Source(path: pathB, text: ""), style)
  return lines.isEmpty
    ? ["\(printable(name)) is the same in \(a.name) and \(b.name)"] : lines
}

/// Two files, in the form of diff -u. Nothing if they are equal.
func difference(_ a: Source, _ b: Source, _ style: Style) -> [String] {
  let all = changes(a, b)
  if all.isEmpty { return [] }
  var lines = [style.paint("--- \(a.path)", bold), style.paint("+++ \(b.path)", bold)]
  for hunk in hunks(all, a, b) {
    let place = b.declaration(at: hunk.changes[0].b.lowerBound)?.signature ?? ""
    lines.append(
      style.paint("@@ -\(span(hunk.a)) +\(span(hunk.b)) @@", cyan)
        + (place.isEmpty ? "" : " " + place))
    var at = hunk.a.lowerBound
    for change in hunk.changes {
      lines += unchanged(a, at..<change.a.lowerBound, style)
      lines += show(change, a, b, style)
      at = change.a.upperBound
    }
    lines += unchanged(a, at..<hunk.a.upperBound, style)
  }
  return lines
}

/// As diff -u counts.
private func span(_ range: Range<Int>) -> String {
  let first = range.isEmpty ? range.lowerBound : range.lowerBound + 1
  return range.count == 1 ? "\(first)" : "\(first),\(range.count)"
}

private func unchanged(_ a: Source, _ range: Range<Int>, _ style: Style) -> [String] {
  range.flatMap { i in
    let text = a.lines[i].text
    return style.form == .sides
      ? sideBySide([Piece(text, false)], [Piece(text, false)], " ", style) : [" " + text]
  }
}

/// A part of a line, and whether it differs from its counterpart.
struct Piece: Equatable {
  var text: String
  var differs: Bool

  init(_ text: String, _ differs: Bool) {
    self.text = text
    self.differs = differs
  }
}

private func show(_ change: Change, _ a: Source, _ b: Source, _ style: Style) -> [String]
{
  let (old, new) = pieces(a.lines[change.a].map(\.text), b.lines[change.b].map(\.text))
  switch style.form {
  case .lines:
    return old.map { paintLine("-", $0, red, style) }
      + new.map { paintLine("+", $0, green, style) }
  case .words:
    return wordLines(old, new, style)
  case .sides:
    var lines: [String] = []
    for i in 0..<max(old.count, new.count) {
      let mark = i >= old.count ? ">" : i >= new.count ? "<" : "|"
      lines += sideBySide(
        i < old.count ? old[i] : [], i < new.count ? new[i] : [], mark, style)
    }
    return lines
  }
}

private func paintLine(
  _ mark: String, _ pieces: [Piece], _ color: String, _ style: Style
) -> String {
  // All of it is new: nothing in it is worth a mark.
  let isWhole = pieces.allSatisfy(\.differs)
  return style.paint(mark, color)
    + pieces.map { style.paint($0.text, $0.differs && !isWhole ? "7;" + color : color) }
    .joined()
}

/// Lines of either side, cut where words begin and end to differ. Sides that have
/// little in common differ as a whole.
func pieces(_ a: [String], _ b: [String]) -> ([[Piece]], [[Piece]]) {
  let whole = (a.map { [Piece($0, true)] }, b.map { [Piece($0, true)] })
  if a.isEmpty || b.isEmpty { return whole }
  let (oldWords, newWords) = (a.map(splitWords), b.map(splitWords))
  let (old, new) = (oldWords.flatMap { $0 + ["\n"] }, newWords.flatMap { $0 + ["\n"] })
  let all = changes(old, new)
  let differing = all.reduce(0) { sum, change in
    sum + old[change.a].count(where: isVisible) + new[change.b].count(where: isVisible)
  }
  let visible = old.count(where: isVisible) + new.count(where: isVisible)
  if differing * 10 > visible * 7 { return whole }
  let (inOld, inNew) = (
    Set(all.flatMap { Array($0.a) }), Set(all.flatMap { Array($0.b) })
  )
  return (mark(oldWords, inOld), mark(newWords, inNew))
}

private func isVisible(_ word: String) -> Bool { word.contains { !$0.isWhitespace } }

private func mark(_ lines: [[String]], _ differing: Set<Int>) -> [[Piece]] {
  var at = 0
  return lines.map { words in
    var pieces: [Piece] = []
    for word in words {
      let differs = differing.contains(at)
      at += 1
      if let last = pieces.last, last.differs == differs {
        pieces[pieces.count - 1].text += word
      } else {
        pieces.append(Piece(word, differs))
      }
    }
    at += 1
    return pieces
  }
}

/// Words, single signs, runs of spaces.
private func splitWords(_ line: String) -> [String] {
  var words: [String] = []
  var lastKind = 0
  for character in line {
    let isWord = character.isLetter || character.isNumber || character == "_"
    let kind = isWord ? 1 : character == " " ? 2 : 3
    if kind == lastKind, kind != 3 {
      words[words.count - 1].append(character)
    } else {
      words.append(String(character))
    }
    lastKind = kind
  }
  return words
}

/// A line that was replaced stands once, with what went and what came.
private func wordLines(_ old: [[Piece]], _ new: [[Piece]], _ style: Style) -> [String] {
  func removed(_ text: String) -> String {
    style.color ? style.paint(text, "7;" + red) : "[-\(text)-]"
  }
  func added(_ text: String) -> String {
    style.color ? style.paint(text, "7;" + green) : "{+\(text)+}"
  }
  let isAlike = old.joined().contains { !$0.differs }
  guard isAlike, old.count == new.count else {
    return old.map { paintLine("-", $0, red, style) }
      + new.map { paintLine("+", $0, green, style) }
  }
  return zip(old, new).map { before, after in
    var line = "~"
    var (i, j) = (before[...], after[...])
    while !i.isEmpty || !j.isEmpty {
      if let piece = i.first, piece.differs {
        line += removed(piece.text)
        i.removeFirst()
      } else if let piece = j.first, piece.differs {
        line += added(piece.text)
        j.removeFirst()
      } else if let x = i.first, let y = j.first, x.text == y.text {
        line += x.text
        i.removeFirst()
        j.removeFirst()
      } else {
        // Equal words were cut differently: the rest as a whole.
        line += removed(i.map(\.text).joined()) + added(j.map(\.text).joined())
        break
      }
    }
    return line
  }
}

private func sideBySide(
  _ old: [Piece], _ new: [Piece], _ mark: String, _ style: Style
) -> [String] {
  let column = (style.width - 3) / 2
  let (before, after) = (wrap(old, column), wrap(new, column))
  let changed = mark != " "
  return (0..<max(before.count, after.count, 1)).map { i in
    let (x, y) = (i < before.count ? before[i] : [], i < after.count ? after[i] : [])
    let count = x.reduce(0) { $0 + $1.text.count }
    let padding = String(repeating: " ", count: column - count)
    let line =
      sidePaint(x, changed ? red : nil, style) + padding + " \(mark) "
      + sidePaint(y, changed ? green : nil, style)
    return style.color ? line : line.trimmedRight
  }
}

private func sidePaint(_ pieces: [Piece], _ color: String?, _ style: Style) -> String {
  guard let color else { return pieces.map(\.text).joined() }
  let isWhole = pieces.allSatisfy(\.differs)
  return pieces.map {
    style.paint($0.text, $0.differs && !isWhole ? "7;" + color : color)
  }
  .joined()
}

/// Pieces on lines of at most `width` characters.
private func wrap(_ pieces: [Piece], _ width: Int) -> [[Piece]] {
  var lines: [[Piece]] = [[]]
  var room = width
  for piece in pieces {
    var rest = Substring(piece.text)
    while !rest.isEmpty {
      if room == 0 {
        lines.append([])
        room = width
      }
      let part = rest.prefix(room)
      lines[lines.count - 1].append(Piece(String(part), piece.differs))
      rest = rest.dropFirst(part.count)
      room -= part.count
    }
  }
  return lines
}

extension String {
  fileprivate var trimmedRight: String {
    String(reversed().drop { $0 == " " }.reversed())
  }
}
