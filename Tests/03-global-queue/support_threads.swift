// SPDX-License-Identifier: Apache-2.0
//
// For tests where goroutines run on several threads at a time.

import Testing

@testable import Stage

/// What gomaxprocs is in a parameterised test.
let procsToTry = [1, 2, 4, 8]

extension Way {
  static var all: [Way] { procsToTry.map { Way(procs: $0) } }

  func run(_ main: sending @escaping () throws -> Void) throws {
    try Stage.run(procs: procs, main)
  }
}

/// A test of what a run does with so many goroutines at a time.
func inRun(
  procs: Int,
  within seconds: Int = 60,
  _ name: String = #function,
  sourceLocation: SourceLocation = #_sourceLocation,
  _ body: sending @escaping (Report) throws -> Void
) throws {
  try inRun(
    Way(procs: procs), within: seconds, name, sourceLocation: sourceLocation, body)
}

extension Counter {
  /// Keeps its processor busy until the value is n.
  func spin(until n: Int) { while value != n {} }
}
