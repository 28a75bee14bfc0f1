// SPDX-License-Identifier: Apache-2.0
//
// The page of `make tour`: the same work on every stage, with what the scheduler did
// for it as a picture and in numbers.

import Foundation
import TraceFile

/// What `tour --record` measured of a stage, and where its texts are.
private struct Visit {
  let number: String
  let trace: Named

  /// The columns of the file beside the trace.
  let measured: [String]

  /// From the stage's README.
  let title: String
  let look: String
}

private let columns = [
  "plain loop, ms", "goroutines, ms", "threads", "goroutines", "switches", "steals",
  "hand-offs", "preemptions",
]

/// Makes folder/index.html of folder/NN.trace and folder/NN.tsv, and folder/NN.html for
/// each. Run where the stages are.
func writeTour(_ folder: String) throws {
  let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
  let visits = try files.filter { $0.hasSuffix(".trace") }.sorted()
    .map { try visit(folder, String($0.dropLast(6))) }
  if visits.isEmpty { throw Failure("no traces in \(folder); make tour makes them") }
  for visit in visits {
    var options = Options()
    options.names = [visit.trace.name]
    let output = try Output(path: "\(folder)/\(visit.number).html")
    try writeHTML([visit.trace], options, to: output)
    try output.close()
  }
  let output = try Output(path: folder + "/index.html")
  try output.write(head)
  try output.write(table(visits))
  for visit in visits { try output.write(section(visit)) }
  try output.write("</main>\n")
  try output.close()
}

private func visit(_ folder: String, _ number: String) throws -> Visit {
  let path = "\(folder)/\(number)"
  let line = Timeline(try TraceFile(path: path + ".trace"))
  guard let row = try? String(contentsOfFile: path + ".tsv", encoding: .utf8) else {
    throw Failure("\(path).tsv is missing; make tour makes it")
  }
  let measured = row.dropLast().split(separator: "\t").map(String.init)
  if measured.count != columns.count {
    throw Failure("\(path).tsv has \(measured.count) columns, not \(columns.count)")
  }
  let (title, look) = try readme(number)
  return Visit(
    number: number,
    trace: Named(name: title, line: line),
    measured: measured,
    title: title,
    look: look
  )
}

/// The title of a stage's README, and its line that says what to look at.
private func readme(_ number: String) throws -> (title: String, look: String) {
  let stages = (try? FileManager.default.contentsOfDirectory(atPath: "Stages")) ?? []
  guard let stage = stages.first(where: { $0.hasPrefix(number + "-") }),
    let text = try? String(contentsOfFile: "Stages/\(stage)/README.md", encoding: .utf8)
  else { throw Failure("there is no README of stage \(number) in Stages") }
  let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
  let mark = "*Look at:* "
  guard let title = lines.first(where: { $0.hasPrefix("# ") })?.dropFirst(2),
    let first = lines.firstIndex(where: { $0.hasPrefix(mark) })
  else { throw Failure("Stages/\(stage)/README.md has no title, or no line \"\(mark)\"") }
  let look = lines[first...].prefix { !$0.isEmpty }.joined(separator: " ")
  return (String(title), String(look.dropFirst(mark.count)))
}

private let head = """
  <!DOCTYPE html>
  <html lang="en">
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width">
  <title>Tour</title>
  <style>
    :root { color-scheme: light dark; }
    body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 880px;
      padding: 1em 1.5em 4em; }
    h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin-top: 2.2em; }
    table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9em; }
    th, td { padding: .25em .55em; text-align: right; border-bottom: 1px solid #8884; }
    th { font-weight: 600; vertical-align: bottom; }
    th:first-child, td:first-child { text-align: left; padding-left: 0; }
    img { max-width: 100%; display: block; }
    .scroll { overflow-x: auto; }
    @media print { a { color: inherit; } h2 { break-after: avoid; } }
  </style>
  <main>
  <h1>The same work, stage by stage</h1>
  <p>All text files of a directory are read and their words counted, by goroutines: one
  walks, some read, some count. The times are of a run without a trace; the pictures are of
  one more run, with a trace.</p>

  """

private func table(_ visits: [Visit]) -> String {
  var text = "<div class=\"scroll\"><table>\n<tr><th>stage"
  for column in columns { text += "<th>\(column)" }
  for visit in visits {
    text += "\n<tr><td><a href=\"#s\(visit.number)\">\(escaped(slug(visit)))</a>"
    for value in visit.measured { text += "<td>\(escaped(value))" }
  }
  return text + "\n</table></div>\n"
}

/// What stands before the colon of a title.
private func slug(_ visit: Visit) -> String {
  String(visit.title.prefix { $0 != ":" })
}

private func section(_ visit: Visit) -> String {
  let picture = svg(visit.trace, Window(Options(), visit.trace.line))
  let data = Data(picture.utf8).base64EncodedString()
  return """
    <h2 id="s\(visit.number)">\(escaped(visit.title))</h2>
    <p>Look at \(escaped(visit.look))</p>
    <a href="\(visit.number).html"><img alt="Who ran where, over time"
      src="data:image/svg+xml;base64,\(data)"></a>
    <p><a href="\(visit.number).html">Open it</a> to zoom, and to see who woke whom.</p>

    """
}

private func escaped(_ text: String) -> String {
  text.replacingOccurrences(of: "&", with: "&amp;")
    .replacingOccurrences(of: "<", with: "&lt;")
    .replacingOccurrences(of: "\"", with: "&quot;")
}
