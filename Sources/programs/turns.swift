// SPDX-License-Identifier: Apache-2.0
//
// Three loops take turns on one thread, and each goes on where it was: what it counts
// lives on a stack of its own.
//
// Seed fact: gosched yields, and the one that has waited longest runs next.

import Glibc
import Stage

extension Programs.Turns {
  static var body: Body? { turns }
}

func turns(_ rounds: Int) throws {
  // On stages with Ps, one of them.
  setenv("GOMAXPROCS", "1", 1)
  try run {
    for name in ["a", "b", "c"] {
      go {
        for round in 1...rounds {
          print("\(name)\(round)", terminator: " ")
          gosched()
        }
      }
    }
    while numGoroutine() > 1 {
      gosched()
    }
    print()
  }
}
