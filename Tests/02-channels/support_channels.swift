// SPDX-License-Identifier: Apache-2.0
//
// For tests of goroutines that wait: seeing that one does.

import Synchronization

@testable import Stage

/// The state of another goroutine, seen from outside.
final class Watched: Sendable {
  private let g = Atomic<UInt>(0)
  private let ended = Atomic(false)

  /// To be called by the goroutine that is watched.
  func begin() {
    g.store(UInt(bitPattern: getg().raw), ordering: .sequentiallyConsistent)
  }

  /// To be called by it at its end.
  func end() { ended.store(true, ordering: .sequentiallyConsistent) }

  /// Gives way until the goroutine has begun and is parked, or has been and is over.
  func awaitParked() {
    while !ended.load(ordering: .sequentiallyConsistent) {
      let bits = g.load(ordering: .sequentiallyConsistent)
      if let raw = UnsafeMutableRawPointer(bitPattern: bits),
        GPtr(raw)[].atomicstatus.load(ordering: .sequentiallyConsistent) == .waiting
      {
        return
      }
      gosched()
    }
  }
}

/// Starts a goroutine and returns when it is parked.
func goUntilParked(_ body: sending @escaping () throws -> Void) {
  let watched = Watched()
  go {
    watched.begin()
    defer { watched.end() }
    try body()
  }
  watched.awaitParked()
}
