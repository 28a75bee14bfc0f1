// SPDX-License-Identifier: Apache-2.0
//
// Exercise 14.02.

import Testing

@testable import Stage

/// One frame of 200 KB.
@inline(never)
private func largeFrame(_ n: Int) -> Int {
  var frame = InlineArray<25_600, Int>(repeating: n)
  frame[n] = 1
  return frame[n] + frame[n + 1]
}

extension RuntimeTests {
  @Suite("stackgrow")
  struct GrowTests {
    @Test(.enabled(if: !sanitized))
    func `a frame of 200 KB is granted at once`() throws {
      try inRun(.inTurns) { t in
        let result = Channel<Int>()
        // Enough of them that some have a stack which is new.
        for i in 0..<20 {
          goUntilParked {
            let before = schedulerCounters().stackGrowths
            let sum = largeFrame(i)
            let growths = schedulerCounters().stackGrowths - before
            t.equal(sum, i + 1)
            t.check(growths <= 2, "\(growths) growths")
            result.send(sum)
          }
        }
        for _ in 0..<20 { _ = result.receive() }
      }
    }
  }
}
