// SPDX-License-Identifier: Apache-2.0
//
// A recursion that needs more than a stack of a fixed size has.

import Stage

extension StackGrowth {
  static var bodies: [String: Body] {
    ["recursion": { size in try recursions(size(200)) }]
  }
}

private let depth = 512 << 10

/// Each on a stack that was never used before: those that have been down there keep theirs.
private func recursions(_ n: Int) throws -> Double {
  try inRun {
    let times = Channel<Double>()
    let hold = Channel<Void>()
    var elapsed = 0.0
    for seed in 1...n {
      go {
        times.send(
          cpuNanoseconds { sink[0] = descend(to: here() - UInt(depth), UInt64(seed)) })
        _ = hold.receive()
      }
      elapsed += times.receive()!
    }
    hold.close()
    return elapsed / Double(n) / Double(depth / 1024)
  }
}
