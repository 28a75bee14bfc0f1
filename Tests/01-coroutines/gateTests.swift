// SPDX-License-Identifier: Apache-2.0
//
// The gate: two loops, neither of which has ended when the other begins, on one thread.
// There is no stage before to be bad on: a function that calls another is not called back
// before that one has ended.

import CLinux
import Testing

@testable import Stage

extension RuntimeTests {
  @Suite("gate: two loops on one thread")
  struct GateTests {
    @Test func `here two loops take turns, each in the middle of its own`() throws {
      try inRun(.inTurns) { t in
        let thread = gettid_()
        let steps = Shared<[String]>([])
        let ended = Counter()
        for name in ["a", "b"] {
          go {
            for i in 1...3 {
              steps.value.append("\(name)\(i)")
              t.equal(gettid_(), thread)
              gosched()
            }
            ended.add()
          }
        }
        ended.await(2)
        t.equal(steps.value, ["a1", "b1", "a2", "b2", "a3", "b3"])
      }
    }
  }
}
