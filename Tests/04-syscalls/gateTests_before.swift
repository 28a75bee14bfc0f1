// SPDX-License-Identifier: Apache-2.0
//
// The gate on the stage before.

import Stage03
import Testing

extension RuntimeTests.GateTests {
  @Test func `on stage 03 one call that blocks keeps all from running`() throws {
    let arrived = Counter()
    let alone = Counter()
    try run(procs: 1) {
      let group = WaitGroup()
      for n in 1...4 {
        group.go {
          // The n-th meets nobody: those before it have left, those behind it wait.
          if !comesAndWaits(arrived, for: 4), arrived.value == n { alone.add() }
        }
      }
      group.wait()
    }
    #expect(alone.value == 3)
    #expect(arrived.value == 4)
  }
}
