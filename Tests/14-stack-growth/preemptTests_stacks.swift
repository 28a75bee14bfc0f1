// SPDX-License-Identifier: Apache-2.0
//
// Preemption, and stacks that grow.                   Go: src/runtime/proc_test.go

import Testing

@testable import Stage

extension RuntimeTests.PreemptTests {
  // Go: TestPreemptSplitBig
  @Test(.enabled(if: signalsPreempt))
  func `a goroutine is preempted while its stack grows and shrinks`() throws {
    try inRun(procs: 2) { t in
      let finished = Counter()
      for _ in 0..<4 {
        go {
          for i in 0..<scaled(300) {
            t.equal(frames(100 + i % 200), frames(100 + i % 200))
          }
          finished.add()
        }
      }
      stopWorlds(until: finished, 4)
    }
  }
}
