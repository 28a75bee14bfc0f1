// SPDX-License-Identifier: Apache-2.0
//
// One page with everything in it: viewer.html, and the data in place of its comment
// DATA.

import Foundation
import TraceFile

func writeHTML(_ traces: [Named], _ options: Options, to output: Output) throws {
  guard let url = Bundle.module.url(forResource: "viewer", withExtension: "html"),
    let page = try? String(contentsOf: url, encoding: .utf8)
  else { throw Failure("viewer.html is not beside the program; run `make trace` again") }
  let parts = page.components(separatedBy: "<!--DATA-->")
  precondition(parts.count == 2, "viewer.html has no place for data")
  try output.write(parts[0])
  for trace in traces {
    let line = trace.line
    let columns = Columns(line)
    let runs = line.runs.map { "[\($0.start),\($0.end)]" }.joined(separator: ",")
    let kinds = Kind.allCases.map { "\"\($0.rawValue)\":\"\($0)\"" }
      .joined(separator: ",")
    let reasons = line.reasons.sorted { $0.key < $1.key }
      .map { "\"\($0.key)\":\(quoted($0.value))" }.joined(separator: ",")
    try output.write("<script type=\"application/json\" class=\"trace\">\n{")
    try output.write("\"title\":\(quoted(trace.name)),\"stage\":\(line.stage),")
    try output.write("\"events\":\(line.eventCount),\"dropped\":\(line.dropped),")
    if let from = options.from { try output.write("\"from\":\(from),") }
    if let to = options.to { try output.write("\"to\":\(to),") }
    try output.write("\"end\":\(line.end),\"ps\":\(line.ps),\"ms\":\(line.ms),")
    try output.write("\"runs\":[\(runs)],\"reasons\":{\(reasons)},\n\"texts\":[")
    for (i, text) in line.texts.enumerated() {
      try output.write((i == 0 ? "" : ",") + quoted(text))
    }
    try output.write("],\n\"kinds\":{\(kinds)},")
    try output.write("\n\"refusals\":[\(refusals.map(quoted).joined(separator: ","))],")
    try output.write(
      "\n\"columns\":[\(columns.index.joined(separator: ","))]}\n</script>\n")
    try output.write("<script type=\"text/plain\" class=\"columns\">")
    try writeBase64(columns.bytes, to: output)
    try output.write("</script>\n")
  }
  try output.write(parts[1])
}
