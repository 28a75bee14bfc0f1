// SPDX-License-Identifier: Apache-2.0
//
// Goroutines that take turns. There is nothing to wait with yet: main yields until all
// have counted themselves.

import Stage

extension Coroutines {
  static var bodies: [String: Body] {
    [
      "yield-2": { size in try yields(by: 2, size(4_000_000)) },
      "yield-1000": { size in try yields(by: 1000, size(4_000_000)) },
      "spawn": { size in try spawn(batches: size(1000)) },
    ]
  }
}

/// `count` calls of gosched in all; main is one of the goroutines.
private func yields(by goroutines: Int, _ count: Int) throws -> Double {
  try inRun {
    let each = count / goroutines
    let ready = Counter()
    let done = Counter()
    for _ in 1..<goroutines {
      go {
        ready.add()
        while ready.value < goroutines { gosched() }
        for _ in 0..<each { gosched() }
        done.add()
      }
    }
    while ready.value < goroutines - 1 { gosched() }
    let elapsed = cpuNanoseconds {
      ready.add()
      for _ in 0..<each { gosched() }
      while done.value < goroutines - 1 { gosched() }
    }
    return elapsed / Double(each * goroutines)
  }
}

private func spawn(batches: Int) throws -> Double {
  try inRun {
    let batch = 1000
    let done = Counter()
    let elapsed = cpuNanoseconds {
      for i in 1...batches {
        for _ in 0..<batch {
          go { done.add() }
        }
        while done.value < i * batch { gosched() }
      }
    }
    return elapsed / Double(batches * batch)
  }
}
