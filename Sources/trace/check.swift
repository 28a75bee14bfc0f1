// SPDX-License-Identifier: Apache-2.0
//
// What the checker of traces found, in lines.

import TraceFile

/// Problems and goroutines that are shown; the rest are counted.
private let shown = 10

/// Prints a line of what was checked, one for each problem, one for each goroutine that waits
/// for ever. Whether there is no problem.
func reportCheck(_ path: String) throws -> Bool {
  let file = try TraceFile(path: path)
  let checked = check(file)
  func n(_ kind: Kind) -> Int { checked.counts[kind, default: 0] }
  print(
    "\(path): stage \(file.stage), \(file.events.count) events, \(checked.runs) runs, "
      + "\(n(.goCreate)) goroutines, \(n(.goStart)) switches, \(n(.steal)) steals, "
      + "\(n(.handoff)) hand-offs, \(n(.preemptHit)) preemptions")
  for problem in checked.problems.prefix(shown) {
    print(
      "  \(milliseconds(problem.time)) ms, offset \(problem.offset): \(problem.message)")
  }
  rest(checked.problems.count, "problems")
  for left in checked.left.prefix(shown) {
    let label = file.labels[left.g].map { " \"\($0)\"" } ?? ""
    print(
      "  goroutine \(left.g)\(label) waited (\(left.reason)) from "
        + "\(milliseconds(left.since)) ms until run \(left.run) ended")
  }
  rest(checked.left.count, "goroutines that waited")
  print(
    checked.problems.isEmpty
      ? "  consistent: every goroutine in one place, every P held by one M, "
        + "no work left beside an idle P, all counts right"
      : "  NOT CONSISTENT")
  return checked.problems.isEmpty
}

private func rest(_ n: Int, _ what: String) {
  if n > shown { print("  and \(n - shown) more \(what)") }
}

private func milliseconds(_ time: Int64) -> String {
  let micro = time / 1000
  let digits = String(micro % 1000)
  return "\(micro / 1000)." + String(repeating: "0", count: 3 - digits.count) + digits
}
