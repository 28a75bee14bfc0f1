// SPDX-License-Identifier: Apache-2.0
//
// Goroutines whose turn only preemption ends.        Go: src/runtime/proc_test.go

import Testing

@testable import Stage

extension RuntimeTests.ProcTests {
  @Test func `goroutines that make each other runnable do not starve the global queue`()
    throws
  {
    try inRun(procs: 1) { t in
      let stop = Counter()
      let hops = Counter()
      func perpetuumMobile() {
        if stop.value != 0 { return }
        hops.add()
        go { perpetuumMobile() }
      }
      go { perpetuumMobile() }
      go { perpetuumMobile() }
      // Each chain shares one time slice, so a turn takes many of them, as in Go.
      for _ in 0..<5 { gosched() }
      stop.value = 1
      t.check(hops.value > 0)
    }
  }

  @Test(arguments: procsToTry)
  func `who spawns without end starves nobody`(procs: Int) throws {
    try inRun(procs: procs) { t in
      let stop = Counter()
      let turns = Counter()
      let group = WaitGroup()
      for _ in 0..<procs {
        group.go { while stop.value == 0 { go {} } }
      }
      for _ in 0..<3 {
        group.go {
          for _ in 0..<20 {
            gosched()
            turns.add()
          }
        }
      }
      turns.await(60)
      stop.value = 1
      group.wait()
    }
  }
}
