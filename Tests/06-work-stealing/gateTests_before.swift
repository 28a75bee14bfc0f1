// SPDX-License-Identifier: Apache-2.0
//
// The gate on the stage before.

import CLinux
import Testing

@testable import Stage05

extension RuntimeTests.GateTests {
  @Test func `on stage 05 none of them runs, and a P is idle`() async {
    await #expect(processExitsWith: .exitCode(0)) {
      exitTestDeadline()
      try run(procs: 2) {
        let busy = Counter()
        let ran = Counter()
        go {
          busy.value = 1
          busy.spin(until: 2)
        }
        busy.spin(until: 1)
        for _ in 0..<100 { go { ran.add() } }
        busy.value = 2
        // The other M has looked for work, found none and given up its P.
        while sched[].npidle.load(ordering: .relaxed) == 0 {}
        for _ in 0..<1_000_000 { procyield(10) }
        let mine = getg()[].m.unsafelyUnwrapped[].p.unsafelyUnwrapped
        let queued = mine[].runqtail &- mine[].runqhead + 1
        let idle = sched[].npidle.load(ordering: .relaxed)
        exit_(ran.value == 0 && queued == 100 && idle == 1 ? 0 : 1)
      }
    }
  }
}
