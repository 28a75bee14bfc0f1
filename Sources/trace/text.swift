// SPDX-License-Identifier: Apache-2.0
//
// A trace in a terminal: a line per stint, at its start. The column of each P (or M,
// where there are no Ps) shows what it does at that moment.
//
//   *  the stint begins here    s  a system call begins
//   |  a goroutine runs         :  a goroutine in a system call has it
//   .  nothing                  <  it steals     X  stopped

import Foundation
import TraceFile

struct TextStyle {
  var width: Int
  var color: Bool

  /// At most so many lines; 0: all.
  var rows: Int
}

func textLines(
  _ trace: Named, _ window: Window, _ style: TextStyle, _ print: (String) -> Void
) throws {
  var text = TextTimeline(trace.line, window, style)
  print(trace.line.summary(trace.name))
  for line in text.head() { print(line) }
  while let line = text.next() { print(line) }
  if let note = text.note() { print(note) }
}

private let nameWidth = 12

/// What a line is about.
private enum Step {
  case stint(Int)
  case steal(Arrow)
  case handoff(Mark)
  case stop(Stop)
  case run(Int)
}

struct TextTimeline {
  private let line: Timeline
  private let style: TextStyle
  private let onPs: Bool

  /// Where the column of each P or M is.
  private let columns: [Int32: Int]
  private let names: [Int32]

  private var steps: [(time: Int64, step: Step)] = []
  private var at = 0

  /// The stint in each column; -1: none. Where it is over, it is not taken out.
  private var running: [Int]

  init(_ line: Timeline, _ window: Window, _ style: TextStyle) {
    self.line = line
    self.style = style
    onPs = !line.ps.isEmpty
    names = onPs ? line.ps : line.ms
    columns = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    running = Array(repeating: -1, count: names.count)
    for (i, stint) in line.stints.enumerated() {
      if stint.start > window.to { break }
      if stint.start >= window.from {
        steps.append((stint.start, .stint(i)))
      } else if stint.end > window.from, let column = columns[onPs ? stint.p : stint.m] {
        running[column] = i
      }
    }
    func add(_ time: Int64, _ step: Step) {
      if time >= window.from, time <= window.to { steps.append((time, step)) }
    }
    for arrow in line.arrows where arrow.kind == .steal { add(arrow.end, .steal(arrow)) }
    for (i, mark) in line.marks.enumerated() {
      // Whoever takes a P from a system call hands it off, too.
      let before = i > 0 ? line.marks[i - 1] : nil
      let taken =
        before?.kind == .retake && before?.arg == mark.arg && before?.m == mark.m
      if mark.kind == .retake || mark.kind == .handoff && !taken {
        add(mark.time, .handoff(mark))
      }
    }
    for stop in line.stops { add(stop.begin, .stop(stop)) }
    if line.runs.count > 1 {
      for (i, run) in line.runs.enumerated() { add(run.start, .run(i)) }
    }
    // Stable, as what is said first is meant first.
    steps = steps.enumerated().sorted {
      ($0.element.time, $0.offset) < ($1.element.time, $1.offset)
    }.map(\.element)
  }

  private var shown: Int { style.rows == 0 ? steps.count : min(style.rows, steps.count) }

  func head() -> [String] {
    let heads = names.map { String(($0 + 100) % 10) }.joined()
    let what = onPs ? "P" : "M"
    let row = cells(
      time: "time/us", graph: what + heads, who: "goroutine", waited: "runnable",
      ran: "ran", beginning: "because", ending: "then")
    return [clip(row)]
  }

  mutating func next() -> String? {
    guard at < shown else { return nil }
    let (time, step) = steps[at]
    at += 1
    switch step {
    case .stint(let i): return row(i, time)
    case .steal(let arrow):
      let what =
        "P\(arrow.to) steals \(count(Int(arrow.n), "goroutine")) from P\(arrow.from)"
      return note(time, what, column: columns[arrow.to], sign: "<")
    case .handoff(let mark):
      if onPs, let column = columns[Int32(mark.arg)] { running[column] = -1 }
      let who = mark.m >= 0 ? "M\(mark.m)" : "a thread"
      let what =
        mark.kind == .retake
        ? "takes P\(mark.arg) from a system call" : "hands P\(mark.arg) off"
      return note(time, "\(who) \(what)", column: nil, sign: " ")
    case .stop(let stop):
      let what =
        "the world stops: \(duration(stop.stopped - stop.begin)) until all have, then "
        + duration(stop.end - stop.stopped)
      return note(time, what, column: nil, sign: "X")
    case .run(let i): return note(time, "run \(i + 1) begins", column: nil, sign: " ")
    }
  }

  /// What was left out.
  func note() -> String? {
    let left = steps.count - shown
    guard left > 0 else { return nil }
    let last = steps[shown - 1].time
    return "... \(count(left, "more line")): --rows 0 prints all, "
      + "--from \(plainMilliseconds(last)) goes on from here"
  }

  private mutating func row(_ i: Int, _ time: Int64) -> String {
    let stint = line.stints[i]
    let column = columns[onPs ? stint.p : stint.m]
    if let column { running[column] = i }
    let graph = graph(time, column: column, sign: stint.inCall ? "s" : "*")
    let waited = stint.wake.time < 0 ? 0 : stint.start - stint.wake.time
    let runtime = line.goroutines[Int(stint.goroutine)].id == 0
    let name = runtime ? "runtime" : line.name(stint.goroutine)
    let row = cells(
      time: decimal(time, per: 1000, digits: 1), graph: graph, who: name,
      waited: waited > 0 ? duration(waited) : "", ran: duration(stint.end - stint.start),
      beginning: line.beginning(stint), ending: line.ending(stint))
    return paint(clip(row), stint, name)
  }

  private mutating func note(
    _ time: Int64, _ what: String, column: Int?, sign: Character
  ) -> String {
    let graph = graph(time, column: column, sign: sign)
    let begin = pad(decimal(time, per: 1000, digits: 1), 11, right: true)
    return clip("\(begin)  \(graph)  -- \(what)")
  }

  /// One sign for each P.
  private func graph(_ time: Int64, column: Int?, sign: Character) -> String {
    var result = " "
    for (i, stint) in running.enumerated() {
      if i == column {
        result.append(sign)
      } else if sign == "X" {
        result.append("X")
      } else if stint < 0 || line.stints[stint].end <= time {
        result.append(".")
      } else {
        result.append(line.stints[stint].inCall ? ":" : "|")
      }
    }
    return result
  }

  private func cells(
    time: String,
    graph: String,
    who: String,
    waited: String,
    ran: String,
    beginning: String,
    ending: String
  ) -> String {
    // What is left of the width is for the last two.
    let rest = style.width - 54 - names.count
    return pad(time, 11, right: true) + "  " + graph + "  " + pad(who, nameWidth) + "  "
      + pad(waited, 9, right: true) + "  " + pad(ran, 9, right: true) + "  "
      + pad(beginning, max(12, min(24, rest - 23))) + "  " + ending
  }

  private func clip(_ text: String) -> String {
    var text = text
    while text.last == " " { text.removeLast() }
    return text.count <= style.width ? text : text.prefix(style.width - 1) + "~"
  }

  private func paint(_ text: String, _ stint: Stint, _ name: String) -> String {
    guard style.color, let range = text.range(of: name.prefix(nameWidth)) else {
      return text
    }
    // Six colours that can be read on black and on white.
    let id = Int(line.goroutines[Int(stint.goroutine)].id)
    let code = id == 0 ? 90 : 31 + id % 6
    return text.replacingCharacters(
      in: range, with: "\u{1b}[\(code)m\(text[range])\u{1b}[0m")
  }
}

private func pad(_ text: String, _ width: Int, right: Bool = false) -> String {
  if text.count > width { return text.prefix(width - 1) + "~" }
  let space = String(repeating: " ", count: width - text.count)
  return right ? space + text : text + space
}

/// As an option takes it.
func plainMilliseconds(_ ns: Int64) -> String {
  var text = decimal(ns, per: 1_000_000, digits: 6).filter { $0 != "," }
  while text.last == "0" { text.removeLast() }
  if text.last == "." { text.removeLast() }
  return text
}
