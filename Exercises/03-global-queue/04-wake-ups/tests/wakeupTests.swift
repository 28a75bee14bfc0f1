// SPDX-License-Identifier: Apache-2.0
//
// How often threads are woken.

import Testing

@testable import Stage

/// Wake-ups while 1,000 values pass through a channel without a buffer.
private func wakeupsOfAThousand(_ report: Report) -> Int {
  let before = schedulerCounters().wakeups
  let c = Channel<Int>()
  go { for i in 0..<1_000 { c.send(i) } }
  for i in 0..<1_000 { report.equal(c.receive(), i) }
  return Int(schedulerCounters().wakeups - before)
}

extension RuntimeTests {
  @Suite("exercise: wake-ups")
  struct WakeupTests {
    @Test func `wake-ups of Ms are counted`() throws {
      try inRun(procs: 1) { t in t.equal(wakeupsOfAThousand(t), 0, "at GOMAXPROCS 1") }
      try inRun(procs: 2) { t in
        let n = wakeupsOfAThousand(t)
        t.check(n >= 1, "\(n) at GOMAXPROCS 2")
        t.check(n <= 2_001, "\(n) at GOMAXPROCS 2: more than goroutines were queued")
      }
    }
  }
}
