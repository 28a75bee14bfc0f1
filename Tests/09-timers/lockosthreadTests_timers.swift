// SPDX-License-Identifier: Apache-2.0
//
// Locked goroutines that sleep.                        Go: src/runtime/proc_test.go

import CLinux
import Testing

@testable import Stage

extension RuntimeTests.LockOSThreadTests {
  // Go: TestYieldLocked
  @Test(arguments: procsToTry)
  func `a locked goroutine yields and sleeps, and ends still locked`(procs: Int) throws {
    try inRun(procs: procs) { t in
      let group = WaitGroup()
      for i in 0..<6 {
        group.go {
          if i % 2 == 0 { lockOSThread() }
          let mine = gettid_()
          for _ in 0..<10 {
            gosched()
            sleep(for: .milliseconds(1))
            if i % 2 == 0 { t.equal(gettid_(), mine) }
          }
        }
      }
      group.wait()
    }
  }
}
