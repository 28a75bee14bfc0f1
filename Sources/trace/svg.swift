// SPDX-License-Identifier: Apache-2.0
//
// A still picture of a part of a trace, for a text: lanes of Ps and Ms, arrows, queues.
// 800 pixels wide, light or dark as the reader's page is. What is too short to see is
// added up in columns of two pixels, so that the size is bounded whatever the trace.

import Foundation
import TraceFile

private let gutter = 52.0
private let pictureWidth = 800.0
private let plotWidth = 740.0
private let column = 2.0

/// More lanes than this of a kind are left out, and more arrows.
private let mostLanes = 16
private let mostArrows = 120

func svg(_ trace: Named, _ window: Window) -> String {
  var picture = Picture(trace.line, window)
  return picture.draw(trace.name)
}

private struct Picture {
  private let line: Timeline
  private let window: Window
  private var body = ""
  private var y = 30.0

  /// The tops of lanes.
  private var ps: [Int32: Double] = [:]
  private var ms: [Int32: Double] = [:]

  /// The colours that occur.
  private var hues: Set<Int> = []
  private var left: [String] = []

  init(_ line: Timeline, _ window: Window) {
    self.line = line
    self.window = window
  }

  mutating func draw(_ name: String) -> String {
    for (i, p) in line.ps.prefix(mostLanes).enumerated() {
      lane("P\(p)", height: 18) { $0.p == p && !$0.inCall }
      ps[p] = y
      calls(p)
      queue(line.queues[i])
      y += 32
    }
    y += 4
    for m in line.ms.prefix(mostLanes) {
      ms[m] = y
      sleeps(m)
      lane(m < 0 ? "no M" : "M\(m)", height: 14) { $0.m == m }
      y += 19
    }
    let omitted = max(0, line.ps.count - mostLanes) + max(0, line.ms.count - mostLanes)
    if omitted > 0 { left.append(count(omitted, "more lane")) }
    stops()
    arrows()
    let height = Int(y + 26)
    let about =
      "\(name), stage \(line.stage): \(plainMilliseconds(window.from)) to "
      + "\(plainMilliseconds(window.to)) ms"
    let note = left.isEmpty ? "" : "; left out: " + left.joined(separator: ", ")
    return """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 \(height)" width="800" \
      height="\(height)" role="img" font-family="system-ui, sans-serif" font-size="11">
      <title>\(escaped(about))</title>
      <desc>\(escaped(line.summary(name)))</desc>
      \(styles())
      <rect class="page" width="800" height="\(height)"/>
      \(axis(to: y))\(body)<text class="soft" x="6" y="\(f(y + 17))">\(escaped(about + note))</text>
      </svg>

      """
  }

  private func x(_ time: Int64) -> Double {
    let part = Double(time - window.from) / Double(window.to - window.from)
    return gutter + min(1, max(0, part)) * plotWidth
  }

  /// With one digit after the point, or none.
  private func f(_ number: Double) -> String {
    let tenths = Int((number * 10).rounded())
    return tenths % 10 == 0 ? String(tenths / 10) : "\(tenths / 10).\(abs(tenths % 10))"
  }

  private mutating func rectangle(
    _ kind: String, _ x: Double, _ y: Double, _ width: Double, _ height: Double
  ) {
    body +=
      "<rect class=\"\(kind)\" x=\"\(f(x))\" y=\"\(f(y))\" width=\"\(f(width))\" height=\"\(f(height))\"/>"
  }

  /// The stints of one lane. Those that are narrower than a column are added up.
  private mutating func lane(
    _ name: String, height: Double, _ belongs: (Stint) -> Bool
  ) {
    body += "<text x=\"6\" y=\"\(f(y + height / 2 + 4))\">\(name)</text>\n"
    var busy = [Double](repeating: 0, count: Int(plotWidth / column) + 1)
    for stint in line.stints where window.shows(stint.start, stint.end) && belongs(stint)
    {
      let (a, b) = (x(stint.start), x(stint.end))
      if b - a >= column {
        block(stint, a, b, height)
        continue
      }
      let i = Int((a - gutter) / column)
      busy[min(i, busy.count - 1)] += (b - a) / column
    }
    var path = ""
    for (i, share) in busy.enumerated() where share > 0 {
      let part = max(1, (min(1, share) * height).rounded())
      path +=
        "M\(f(gutter + Double(i) * column)) \(f(y + height))v-\(f(part))h2v\(f(part))z"
    }
    if !path.isEmpty { body += "<path class=\"many\" d=\"\(path)\"/>\n" }
  }

  private mutating func block(_ stint: Stint, _ a: Double, _ b: Double, _ height: Double)
  {
    let g = line.goroutines[Int(stint.goroutine)]
    let hue = line.hue(stint.goroutine)
    hues.insert(hue)
    rectangle("g\(hue)", a, y, b - a - 0.4, height)
    if stint.inCall { rectangle("call", a, y, b - a - 0.4, height) }
    switch stint.ending {
    case .preemptedAtCheck, .preemptedBySignal: rectangle("hit", b - 2.4, y, 2, height)
    case .exited: rectangle("end", b - 2.4, y, 2, height)
    default: break
    }
    let names = g.label >= 0 ? [line.name(stint.goroutine), "G\(g.id)"] : ["G\(g.id)"]
    // About 6.5 pixels a letter.
    if let name = names.first(where: { Double($0.count) * 6.5 + 6 < b - a }) {
      body +=
        "<text class=\"in\" x=\"\(f(a + 3))\" y=\"\(f(y + height / 2 + 4))\">\(escaped(name))</text>"
    }
    body += "\n"
  }

  /// System calls whose goroutine still has its P.
  private mutating func calls(_ p: Int32) {
    for part in line.procIntervals
    where part.p == p && part.stint >= 0 && window.shows(part.start, part.end) {
      let (a, b) = (x(part.start), x(part.end))
      if b - a < column { continue }
      let hue = line.hue(line.stints[Int(part.stint)].goroutine)
      hues.insert(hue)
      rectangle("g\(hue)", a, y, b - a, 18)
      rectangle("call", a, y, b - a, 18)
    }
  }

  private mutating func sleeps(_ m: Int32) {
    for part in line.mIntervals where part.m == m && window.shows(part.start, part.end) {
      let (a, b) = (x(part.start), x(part.end))
      if b - a < column { continue }
      switch part.status {
      case .parked: rectangle("soft", a, y + 7, b - a, 0.8)
      case .spinning: rectangle("spin", a, y, b - a, 14)
      case .polling: rectangle("poll", a, y, b - a, 14)
      case .awake: rectangle("faint", a, y, b - a, 14)
      }
    }
  }

  /// The length of a queue, below its P: the greatest in each column.
  private mutating func queue(_ curve: Curve) {
    var most = [Int32](repeating: 0, count: Int(plotWidth / column))
    for (i, value) in curve.values.enumerated() where value > 0 {
      let end = i + 1 < curve.times.count ? curve.times[i + 1] : window.to
      if !window.shows(curve.times[i], end) { continue }
      let a = Int((x(curve.times[i]) - gutter) / column)
      let b = Int((x(end) - gutter) / column)
      for j in a...max(a, b) where j < most.count { most[j] = max(most[j], value) }
    }
    let greatest = max(4, most.max() ?? 0)
    var path = "M\(f(gutter)) \(f(y + 28))"
    var last: Int32 = 0
    for (j, value) in most.enumerated() where value != last {
      let height = 8 * Double(value) / Double(greatest)
      path += "H\(f(gutter + Double(j) * column))V\(f(y + 28 - height))"
      last = value
    }
    path += "H\(f(gutter + plotWidth))V\(f(y + 28))z"
    if most.contains(where: { $0 > 0 }) {
      body += "<path class=\"queue\" d=\"\(path)\"/>\n"
    }
  }

  private mutating func stops() {
    for stop in line.stops.prefix(40) where window.shows(stop.begin, stop.end) {
      let (a, b) = (x(stop.begin), x(stop.end))
      rectangle("stop", a, 24, max(1, b - a), y - 24)
    }
  }

  private mutating func arrows() {
    var lines: [(String, Double, Double, Double, Double)] = []
    func edge(_ top: Double, _ height: Double, _ other: Double) -> Double {
      other > top ? top + height : top
    }
    for stint in line.stints where stint.wake.cause.hasArrow {
      guard stint.wake.time >= window.from, stint.start <= window.to else { continue }
      let by = stint.wake.by >= 0 ? line.stints[Int(stint.wake.by)].p : stint.wake.p
      let byM = stint.wake.m
      let (height, from, to) =
        line.ps.isEmpty ? (14.0, ms[byM], ms[stint.m]) : (18.0, ps[by], ps[stint.p])
      guard let from, let to, from != to else { continue }
      let kind = stint.wake.cause == .created ? "go" : "wake"
      lines.append(
        (
          kind, x(stint.wake.time), edge(from, height, to), x(stint.start),
          edge(to, height, from)
        ))
    }
    for arrow in line.arrows where window.shows(arrow.start, arrow.end) {
      let tops = arrow.kind == .steal ? ps : ms
      let height = arrow.kind == .steal ? 18.0 : 14.0
      guard let from = tops[arrow.from], let to = tops[arrow.to], from != to else {
        continue
      }
      lines.append(
        (
          "\(arrow.kind)", x(arrow.start), edge(from, height, to), x(arrow.end),
          edge(to, height, from)
        ))
    }
    // Too many would hide the lanes: then those that are rare, or none.
    if lines.count > mostArrows {
      let all = lines.count
      lines.removeAll { $0.0 == "go" || $0.0 == "wake" }
      if lines.count > mostArrows { lines.removeAll() }
      left.append(count(all - lines.count, "arrow"))
    }
    for (kind, x0, y0, x1, y1) in lines {
      body +=
        "<path class=\"\(kind)\" marker-end=\"url(#a-\(kind))\" d=\"M\(f(x0)) \(f(y0))L\(f(x1)) \(f(y1))\"/>\n"
    }
  }

  private func axis(to bottom: Double) -> String {
    let least = Double(window.to - window.from) / plotWidth * 80
    let power = pow(10, floor(log10(max(1, least))))
    let step = Int64(power * ([1, 2, 5].first { $0 * power >= least } ?? 10))
    let (unit, scale): (String, Int64) =
      window.to < 1_000_000
      ? ("us", 1000)
      : window.to < 60_000_000_000 ? ("ms", 1_000_000) : ("s", 1_000_000_000)
    var digits = 0
    var part = scale
    while part > step {
      part /= 10
      digits += 1
    }
    var result = "<text class=\"soft\" x=\"6\" y=\"15\">\(unit)</text>\n"
    var time = (window.from + step - 1) / step * step
    while time <= window.to {
      let at = x(time)
      result += "<path class=\"grid\" d=\"M\(f(at)) 20V\(f(bottom))\"/>"
      if at < pictureWidth - 40 {
        let label = decimal(time, per: scale, digits: digits)
        result += "<text class=\"soft\" x=\"\(f(at + 2))\" y=\"15\">\(label)</text>\n"
      }
      time += step
    }
    return result
  }

  private func styles() -> String {
    func hue(_ k: Int) -> Int {
      Int((Double(k) * 137.508).truncatingRemainder(dividingBy: 360))
    }
    func colors(_ light: Int, _ saturation: Int) -> String {
      hues.sorted().map {
        let shade = [0, -7, 6][$0 % 3]
        return $0 == 0
          ? ".g0{fill:#8a939d}"
          : ".g\($0){fill:hsl(\(hue($0)) \(saturation)% \(light + shade)%)}"
      }.joined()
    }
    let kinds = [
      ("go", "#8250df", "#bc8cff"), ("wake", "#1a7f37", "#56d364"),
      ("steal", "#cf222e", "#ff7b72"), ("handoff", "#b35900", "#f0a35e"),
      ("notify", "#57606a", "#9aa6b2"),
    ].filter { body.contains("class=\"\($0.0)\"") }
    func strokes(_ color: KeyPath<(String, String, String), String>) -> String {
      kinds.map {
        ".\($0.0){stroke:\($0[keyPath: color])}.h-\($0.0){fill:\($0[keyPath: color])}"
      }
      .joined()
    }
    let markers = kinds.map {
      "<marker id=\"a-\($0.0)\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"6\" "
        + "markerHeight=\"6\" orient=\"auto\"><path class=\"h-\($0.0)\" d=\"M0 0L8 4L0 8z\"/></marker>"
    }.joined()
    return """
      <style>
      text{fill:#1c232b}.soft{fill:#5b6672}.in{fill:#10161c}.page{fill:#fff}.grid{stroke:#e4e8ed}
      .many{fill:#8d99a6}.queue{fill:#4a7fc1;opacity:.8}.faint{fill:#eef1f4}.end{fill:#1c232b}
      .hit{fill:#cf222e}.spin{fill:#f0b429;opacity:.5}.poll{fill:#4a7fc1;opacity:.35}
      .stop{fill:#cf222e;opacity:.15}.call{fill:url(#hatch)}\
      .go,.wake,.steal,.handoff,.notify{fill:none;stroke-width:1.1}
      \(colors(72, 60))\(strokes(\.1))
      @media (prefers-color-scheme:dark){text{fill:#e3e8ed}.soft{fill:#98a4b0}.in{fill:#10161c}\
      .page{fill:#14181d}.grid{stroke:#2b333c}.faint{fill:#222931}.end{fill:#e3e8ed}
      \(colors(62, 42))\(strokes(\.2))}
      </style>
      <defs>\(markers)<pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" \
      patternTransform="rotate(45)"><rect width="2" height="5" fill="#fff" opacity=".65"/></pattern></defs>
      """
  }
}

extension Timeline {
  /// The number of a goroutine's colour, the same as in viewer.html; 0: the runtime's.
  func hue(_ goroutine: Int32) -> Int {
    let g = goroutines[Int(goroutine)]
    if g.id == 0 { return 0 }
    if g.label < 0 { return 1 + Int(g.id % 233) }
    var hash: UInt32 = 2_166_136_261
    for unit in texts[Int(g.label)].utf16 { hash = (hash ^ UInt32(unit)) &* 16_777_619 }
    return 1 + Int(hash % 233)
  }
}

private func escaped(_ text: String) -> String {
  var result = ""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "<": result += "&lt;"
    case "&": result += "&amp;"
    case "\"": result += "&quot;"
    case _ where scalar.value < 0x20: result += " "
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result
}
