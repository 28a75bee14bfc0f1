// SPDX-License-Identifier: Apache-2.0
//
// The drawing: a small panel for each workload, a point for each stage, with a line from the
// least to the most. It has no background, and its colours follow the reader's: light or dark.

import Foundation

private let columns = 3
private let panelWidth = 320.0
private let panelHeight = 176.0
private let margin = 16.0

/// Of the part of a panel that has points in it.
private let plot = (left: 50.0, top: 40.0, width: 262.0, height: 98.0)

private let style = """
  <style>
    text { font: 10px system-ui, sans-serif; fill: #57606a; }
    .title { font-size: 13px; font-weight: 600; fill: #1f2328; }
    .grid { stroke: #8c959f; stroke-opacity: 0.35; }
    .range { stroke-width: 3; stroke-linecap: round; stroke-opacity: 0.45; }
    .same { fill: #6e7781; stroke: #6e7781; }
    .better { fill: #0969da; stroke: #0969da; }
    .worse { fill: #d4540b; stroke: #d4540b; }
    @media (prefers-color-scheme: dark) {
      text { fill: #9da7b1; }
      .title { fill: #e6edf3; }
      .same { fill: #8b949e; stroke: #8b949e; }
      .better { fill: #58a6ff; stroke: #58a6ff; }
      .worse { fill: #f0883e; stroke: #f0883e; }
    }
  </style>
  """

func svg(_ session: Session) -> String {
  let rows = (session.workloads.count + columns - 1) / columns
  let width = Double(columns) * panelWidth + 2 * margin
  let height = Double(rows) * panelHeight + 2 * margin + 20
  var text = """
    <svg xmlns="http://www.w3.org/2000/svg" width="\(tenth(width))" height="\(tenth(height))" \
    viewBox="0 0 \(tenth(width)) \(tenth(height))" role="img">
    <title>Workloads on every stage</title>
    \(style)

    """
  for (i, w) in session.workloads.enumerated() {
    let x = margin + Double(i % columns) * panelWidth
    let y = margin + Double(i / columns) * panelHeight
    text += "<g transform=\"translate(\(tenth(x)),\(tenth(y)))\">\n"
    text += panel(w, session)
    text += "</g>\n"
  }
  text += legend(at: height - margin)
  return text + "</svg>\n"
}

private func legend(at y: Double) -> String {
  let entries = [
    ("same", "no difference that every round shows"),
    ("better", "better than the stage before"),
    ("worse", "worse than the stage before"),
  ]
  var text = ""
  for (i, (kind, words)) in entries.enumerated() {
    let x = margin + plot.left + Double(i) * 240
    text +=
      "<circle class=\"\(kind)\" cx=\"\(tenth(x))\" cy=\"\(tenth(y - 3))\" r=\"3.5\"/>\n"
    text += "<text x=\"\(tenth(x + 9))\" y=\"\(tenth(y))\">\(words)</text>\n"
  }
  return text
}

/// The numbers' place in the height of a panel: in proportion from zero on, or by their
/// order of magnitude where they differ too much.
private struct Scale {
  let isLogarithmic: Bool
  let low: Double
  let high: Double

  init(_ spreads: [Spread]) {
    let most = spreads.map(\.most).max() ?? 1
    let least = spreads.map(\.least).min() ?? 0
    isLogarithmic = least > 0 && most / least > 25
    low = isLogarithmic ? pow(10, floor(log10(least))) : 0
    high = isLogarithmic ? pow(10, ceil(log10(most))) : Scale.above(most)
  }

  /// A round number that is not less.
  private static func above(_ x: Double) -> Double {
    if x <= 0 { return 1 }
    let power = pow(10, floor(log10(x)))
    return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map { $0 * power }.first { $0 >= x } ?? 10
      * power
  }

  func y(_ value: Double) -> Double {
    let part =
      isLogarithmic
      ? (log10(max(value, low)) - log10(low)) / (log10(high) - log10(low))
      : value / high
    return plot.top + plot.height * (1 - part)
  }

  var ticks: [Double] {
    if !isLogarithmic { return [0, high / 2, high] }
    let decades = Int((log10(high) - log10(low)).rounded())
    let step = decades > 4 ? 2 : 1
    return stride(from: 0, through: decades, by: step).map { low * pow(10, Double($0)) }
  }
}

private func panel(_ w: Workload, _ session: Session) -> String {
  let points = session.stages(of: w).compactMap { stage in
    session.spread(w, stage).map { (stage, $0) }
  }
  let scale = Scale(points.map { $0.1 })
  let more = w.lessIsBetter ? "" : "; more is better"
  let log = scale.isLogarithmic ? "; logarithmic" : ""
  var text = "<text class=\"title\" x=\"0\" y=\"14\">\(escaped(w.name))</text>\n"
  text +=
    "<text x=\"0\" y=\"28\">\(escaped(w.unit + more + log)), GOMAXPROCS \(w.procs)</text>\n"
  for tick in scale.ticks {
    let y = tenth(scale.y(tick))
    let right = tenth(plot.left + plot.width)
    text +=
      "<line class=\"grid\" x1=\"\(tenth(plot.left))\" x2=\"\(right)\" y1=\"\(y)\" y2=\"\(y)\"/>\n"
    text += "<text x=\"\(tenth(plot.left - 5))\" y=\"\(tenth(scale.y(tick) + 3.5))\" "
    text += "text-anchor=\"end\">\(compact(tick))</text>\n"
  }
  // Every stage has its place, so that one is below the other in all panels of a column.
  let step = plot.width / Double(max(1, session.stages.count))
  for (i, stage) in session.stages.enumerated() {
    let x = plot.left + (Double(i) + 0.5) * step
    text += "<text x=\"\(tenth(x))\" y=\"\(tenth(plot.top + plot.height + 15))\" "
    text += "text-anchor=\"middle\">\(stage.number)</text>\n"
    guard let s = points.first(where: { $0.0.number == stage.number })?.1 else {
      continue
    }
    text += point(w, stage, s, at: x, scale, session.change(w, stage))
  }
  return text
}

private func point(
  _ w: Workload,
  _ stage: Stage,
  _ s: Spread,
  at x: Double,
  _ scale: Scale,
  _ change: Change?
) -> String {
  let verdict = change?.verdict ?? .same
  let kind = verdict == .same ? "same" : verdict.rawValue
  let said =
    "\(stage.name): \(short(s.median)) \(w.unit) (\(short(s.least))..\(short(s.most)))"
  let (low, high) = (tenth(scale.y(s.least)), tenth(scale.y(s.most)))
  return "<g class=\"\(kind)\"><title>\(escaped(said))</title>"
    + "<line class=\"range\" x1=\"\(tenth(x))\" x2=\"\(tenth(x))\" y1=\"\(low)\" y2=\"\(high)\"/>"
    + "<circle cx=\"\(tenth(x))\" cy=\"\(tenth(scale.y(s.median)))\" r=\"3.5\" stroke=\"none\"/>"
    + "</g>\n"
}

private func tenth(_ x: Double) -> String { String(format: "%.1f", x) }

/// 1,500 becomes 1.5k.
private func compact(_ x: Double) -> String {
  func text(_ x: Double) -> String { String(format: "%g", (x * 1000).rounded() / 1000) }
  if x >= 1e6 { return text(x / 1e6) + "M" }
  return x >= 1e3
    ? text(x / 1e3) + "k" : x == 0 || x >= 0.001 ? text(x) : String(format: "%g", x)
}

private func escaped(_ text: String) -> String {
  text.replacingOccurrences(of: "&", with: "&amp;")
    .replacingOccurrences(of: "<", with: "&lt;")
}
