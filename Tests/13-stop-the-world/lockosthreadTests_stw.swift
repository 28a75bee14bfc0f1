// SPDX-License-Identifier: Apache-2.0
//
// Locked goroutines, and a world that stops.           Go: src/runtime/proc_test.go

import Testing

@testable import Stage

extension RuntimeTests.LockOSThreadTests {
  // Go: TestMexitSTW
  @Test(arguments: [1, 4])
  func `threads end while the world stops and starts`(procs: Int) throws {
    try inRun(procs: procs) { _ in
      let group = WaitGroup()
      for _ in 0..<scaled(20) {
        for _ in 0..<5 {
          group.go {
            lockOSThread()
            gosched()
          }
        }
        stopTheWorld {}
        gosched()
        stopTheWorld {}
      }
      group.wait()
    }
  }

  // Go: TestLockOSThreadTemplateThreadRace (issue 38931)
  @Test func `the first locks race with a stopped world`() throws {
    for _ in 0..<scaled(20) {
      try inRun(procs: 2) { _ in
        let group = WaitGroup()
        for _ in 0..<2 {
          group.go {
            lockOSThread()
            gosched()
            unlockOSThread()
          }
        }
        stopTheWorld {}
        group.wait()
      }
    }
  }
}
