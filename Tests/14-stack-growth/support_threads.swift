// SPDX-License-Identifier: Apache-2.0
//
// For tests where goroutines run on several threads at a time.

import Testing

@testable import Stage

/// What gomaxprocs is in a parameterised test, and in turn in a test that says nothing.
let procsToTry = [1, 2, 4, 8]

extension Runs {
  func each(_ main: sending @escaping (String) throws -> Void) throws {
    let main = Shared(main)
    for procs in procsToTry {
      try run(procs: procs) { try main.value(", gomaxprocs \(procs)") }
    }
  }

  func inTurns(_ main: sending @escaping () throws -> Void) throws {
    try run(procs: 1, main)
  }
}

/// inRun with a number of goroutines that run at a time.
func inRun(
  procs: Int,
  within seconds: Int = 60,
  _ name: String = #function,
  sourceLocation: SourceLocation = #_sourceLocation,
  _ body: sending @escaping (Report) throws -> Void
) throws {
  let report = Report()
  watchdog.begin(seconds, name)
  defer { watchdog.end() }
  try run(procs: procs) { try body(report) }
  report.record(sourceLocation)
}

extension Counter {
  /// Keeps its processor busy until the value is n.
  func spin(until n: Int) { while value != n {} }
}
