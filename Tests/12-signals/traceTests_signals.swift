// SPDX-License-Identifier: Apache-2.0
//
// Traces of goroutines that a signal makes yield.

import Testing
import TraceFile

@testable import Stage

extension RuntimeTests.TraceTests {
  @Test func `tells of preemption, asked for, done and refused`() throws {
    let file = try traced(.inTurns) { _ in
      let stop = Counter()
      let group = WaitGroup()
      group.go { while stop.value == 0 { checkUnlessSignals() } }
      group.go {
        while stop.value == 0 { checkpoint() }
      }
      group.go {
        for _ in 0..<20 { gosched() }
        stop.value = 1
      }
      group.wait()
    }
    #expect(file.count(.preemptRequest) > 0)
    #expect(file.count(.preemptHit) > 0)
    #expect(check(file, bound: 1_000_000_000).problems.isEmpty)
  }
}
