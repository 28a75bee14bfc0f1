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
        times.send(nanoseconds { sink[0] = descend(to: here() - UInt(depth), UInt64(seed)) })
        _ = hold.receive()
      }
      elapsed += times.receive()!
    }
    hold.close()
    return elapsed / Double(n) / Double(depth / 1024)
  }
}

/// An address on the caller's stack, or close to it.
@inline(never)
private func here() -> UInt {
  var local: UInt8 = 0
  return withUnsafeMutablePointer(to: &local) { UInt(bitPattern: $0) }
}

/// Calls itself until its frame lies below `bottom`. What it does with the words of its
/// frame keeps the compiler from making a loop of it.
@inline(never)
private func descend(to bottom: UInt, _ x: UInt64) -> UInt64 {
  var words = InlineArray<11, UInt64>(repeating: 0)
  words[Int(x & 7)] = x
  let address = withUnsafeMutablePointer(to: &words) { UInt(bitPattern: $0) }
  if address < bottom { return x }
  let below = descend(to: bottom, words[Int((x &+ 3) & 7)] &+ x &+ 1)
  return below &+ words[Int((x &+ 5) & 7)]
}
