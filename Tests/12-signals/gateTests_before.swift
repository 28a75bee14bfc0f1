// SPDX-License-Identifier: Apache-2.0
//
// The gate on the stage before.

@testable import Stage11
import Testing

extension RuntimeTests.GateTests {
  @Test func `on stage 11 a loop that comes to no check is asked in vain`() async {
    await #expect(processExitsWith: .exitCode(0)) {
      exitTestDeadline()
      let t = Report()
      try run(procs: 1) {
        let other = Counter()
        go { other.add() }
        let gp = getg()
        let rounds = hog(
          until: other, asked: { gp[].preempt.load(ordering: .relaxed) },
          patience: sanitized ? 1_000_000 : 100_000_000)
        t.equal(other.value, 0, "after \(rounds) rounds")
        t.check(gp[].preempt.load(ordering: .relaxed), "it was not asked")
        t.equal(schedulerCounters().preemptions, 0)
        while other.value == 0 { checkpoint() }
        t.check(schedulerCounters().preemptions > 0)
      }
      for message in t.messages { Issue.record("\(message)") }
    }
  }
}
