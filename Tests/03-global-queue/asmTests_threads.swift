// SPDX-License-Identifier: Apache-2.0
//
// The switcher, and goroutines that change threads.    Go: src/runtime/asm_amd64.s

import CLinux
import Testing

@testable import Stage

extension RuntimeTests.AsmTests {
  @Test func `the thread-local G follows the goroutine to another thread`() throws {
    try inRun(procs: 4) { t in
      let moved = Counter()
      let group = WaitGroup()
      for _ in 0..<8 {
        group.go {
          let id = goroutineID()
          // Until some goroutine has moved: else nothing is tested.
          var i = 0
          while i < scaled(2000) || moved.value == 0 {
            i += 1
            let before = gettid_()
            gosched()
            if gettid_() != before { moved.add() }
            // Of this thread, not of that before.
            t.equal(goroutineID(), id)
            t.equal(errno_location(), errno_location())
          }
        }
      }
      group.wait()
    }
  }
}
