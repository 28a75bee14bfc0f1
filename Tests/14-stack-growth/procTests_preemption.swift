// SPDX-License-Identifier: Apache-2.0
//
// Goroutines that pass on their time slice.          Go: src/runtime/proc_test.go

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
}
