// SPDX-License-Identifier: Apache-2.0
//
// The gate: a loop that calls the runtime all the time, and another goroutine on the same
// P. On stage 10 the other one waits until the loop is over (gateTests_before.swift); here
// every call ends with a check, at which the loop yields when it is asked to.

import Testing

@testable import Stage

extension RuntimeTests {
  @Suite("gate: a loop with checks")
  struct GateTests {
    @Test func `here a loop yields at a check once it is asked to`() async {
      await #expect(processExitsWith: .exitCode(0)) {
        exitTestDeadline()
        try inRun(procs: 1) { t in
          let other = Counter()
          go { other.add() }
          // Without end, but for the other one.
          while other.value == 0 { _ = goroutineID() }
          t.check(schedulerCounters().preemptions > 0)
        }
      }
    }

    @Test func `here messages to oneself do not keep the others waiting`() async {
      await #expect(processExitsWith: .exitCode(0)) {
        exitTestDeadline()
        try inRun(procs: 1) { t in
          let other = Counter()
          go { other.add() }
          let c = Channel<Int>(capacity: 1)
          while other.value == 0 {
            c.send(1)
            _ = c.receive()
          }
          t.check(schedulerCounters().preemptions > 0)
        }
      }
    }
  }
}
