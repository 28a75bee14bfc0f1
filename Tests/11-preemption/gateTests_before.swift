// SPDX-License-Identifier: Apache-2.0
//
// The gate on the stage before.

import Stage10
import Testing

/// Many time slices, if there were any.
private let rounds = 10_000_000

extension RuntimeTests.GateTests {
  @Test func `on stage 10 a loop of calls starves the others until it is over`() async {
    await #expect(processExitsWith: .exitCode(0)) {
      exitTestDeadline()
      let t = Report()
      try run(procs: 1) {
        let other = Counter()
        go { other.add() }
        for _ in 0..<rounds { _ = goroutineID() }
        t.equal(other.value, 0, "after \(rounds) rounds")
        gosched()
        t.equal(other.value, 1)
      }
      for message in t.messages { Issue.record("\(message)") }
    }
  }

  @Test func `on stage 10 a loop of messages to oneself starves them, too`() async {
    await #expect(processExitsWith: .exitCode(0)) {
      exitTestDeadline()
      let t = Report()
      try run(procs: 1) {
        let other = Counter()
        go { other.add() }
        let c = Channel<Int>(capacity: 1)
        for _ in 0..<rounds / 10 {
          c.send(1)
          _ = c.receive()
        }
        t.equal(other.value, 0, "after \(rounds / 10) rounds")
        gosched()
        t.equal(other.value, 1)
      }
      for message in t.messages { Issue.record("\(message)") }
    }
  }
}
