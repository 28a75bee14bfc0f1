// SPDX-License-Identifier: Apache-2.0
//
// Deep stacks.

import Stage

/// Needs stack, and switches at the bottom of it.
@inline(never)
private func descend(_ n: Int) -> Int {
  if n == 0 {
    gosched()
    return 1
  }
  var frame = InlineArray<16, Int>(repeating: n)
  frame[n & 15] = descend(n - 1)
  return frame[n & 15]
}

extension Parts {
  static let stackGrowth = Part(
    operations: [Operation("deep stack") { _, r in _ = descend(r.below(3000)) }]
  )
}
