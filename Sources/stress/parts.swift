// SPDX-License-Identifier: Apache-2.0
//
// What rounds are made of. A stage that adds to it has a file with the stage's name, which
// is compiled for that stage and all later ones (stress.sh); for the others it adds what
// stands here, nothing.

import Stage

struct Part: Sendable {
  var operations: [Operation] = []

  /// What a round may leave behind when it ends: the end of run must cope.
  var leftovers: [@Sendable (World) throws -> Void] = []
}

/// Listens on a port of 127.0.0.1 and sends back what comes.
struct Server {
  let port: Int
  let stop: () -> Void
}

protocol Additions {}

extension Additions {
  static var syscalls: Part { Part() }
  static var timers: Part { Part() }
  static var netpoll: Part { Part() }
  static var signals: Part { Part() }
  static var stopTheWorld: Part { Part() }
  static var stackGrowth: Part { Part() }

  /// A channel that is silent for so long.
  static func silence(_ duration: Duration) -> Channel<ContinuousClock.Instant>? { nil }

  static func serve() throws -> Server? { nil }
}

/// A stage's own come before those above.
enum Parts: Additions {
  static let all = [
    first, syscalls, timers, netpoll, signals, stopTheWorld, stackGrowth,
  ]
}

let operations = Parts.all.flatMap(\.operations)

let leftovers = Parts.all.flatMap(\.leftovers)
