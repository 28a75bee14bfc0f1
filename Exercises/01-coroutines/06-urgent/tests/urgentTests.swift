// SPDX-License-Identifier: Apache-2.0
//
// Goroutines that run before others.

import Testing

@testable import Stage

extension RuntimeTests {
  @Suite("exercise: urgent goroutines")
  struct UrgentTests {
    @Test func `urgent goroutines run first`() throws {
      try inRun { t in
        let order = Shared<[String]>([])
        let ended = Counter()
        func body(_ name: String) -> @Sendable () -> Void {
          {
            for i in 1...2 {
              order.value.append("\(name)\(i)")
              gosched()
            }
            ended.add()
          }
        }
        go(body("a"))
        goUrgent(body("U"))
        go(body("b"))
        goUrgent(body("V"))
        ended.await(4)
        t.equal(order.value, ["U1", "V1", "U2", "V2", "a1", "b1", "a2", "b2"])

        // A dead G that is used again is not urgent because it was.
        order.value = []
        ended.value = 0
        for name in ["c", "d", "e", "f"] { go(body(name)) }
        goUrgent(body("W"))
        ended.await(5)
        t.equal(order.value.prefix(3), ["W1", "W2", "c1"])
      }
      // What a run leaves behind does not run in the next one.
      let steps = Counter()
      try inRun { _ in
        go { while true { gosched() } }
        goUrgent { steps.add() }
      }
      try inRun { t in
        for _ in 0..<10 { gosched() }
        t.equal(steps.value, 0)
      }
    }
  }
}
