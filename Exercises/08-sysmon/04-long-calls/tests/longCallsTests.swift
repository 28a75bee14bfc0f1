// SPDX-License-Identifier: Apache-2.0
//
// Exercise 08.04: a report of the calls that lasted.

import CLinux
import Testing

@testable import Stage

extension RuntimeTests {
  @Suite("exercise 08.04")
  struct LongCallsTests {
    @Test func `calls that last are counted, and the longest is told`() throws {
      try inRun(procs: 1) { t in
        let before = longCalls().count
        for ms in [40, 60, 50] {
          let flag = Counter()
          // Somebody waits for the P: sysmon takes it.
          go { flag.value = 1 }
          blocking {
            flag.spin(until: 1)
            sleepInKernel(milliseconds: ms)
          }
        }
        let (count, longest) = longCalls()
        t.equal(count - before, 3)
        t.check(longest >= .milliseconds(60), "the longest took \(longest)")
      }
    }

    @Test func `of a thousand that are over at once hardly any is`() throws {
      try inRun(procs: 2) { t in
        let before = longCalls().count
        for _ in 0..<1000 { blocking {} }
        let count = longCalls().count - before
        t.check(count < 100, "\(count) of 1000 calls are said to have lasted")
      }
    }
  }
}
