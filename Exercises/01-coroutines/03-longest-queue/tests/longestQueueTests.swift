// SPDX-License-Identifier: Apache-2.0
//
// How long the queue ever was.

import Testing

@testable import Stage

extension RuntimeTests {
  @Suite("exercise: the longest queue")
  struct LongestQueueTests {
    @Test func `the longest queue is counted`() throws {
      try inRun { t in
        // More than there ever were.
        let n = schedulerCounters().longestQueue + 1000
        let ended = Counter()
        for _ in 0..<n { go { ended.add() } }
        t.equal(schedulerCounters().longestQueue, n, "with \(n) made")
        ended.await(n)
        go { ended.add() }
        ended.await(n + 1)
        t.equal(schedulerCounters().longestQueue, n + 1, "with main behind them")
      }
    }
  }
}
