// SPDX-License-Identifier: Apache-2.0
//
// Goroutines that another P takes.                   Go: src/runtime/proc_test.go

import CLinux
import Testing

@testable import Stage

extension RuntimeTests.ProcTests {
  @Test(arguments: [2, 4])
  func `a burst made on one P is run by all`(procs: Int) throws {
    try inRun(procs: procs) { t in
      let threads = (0..<procs).map { _ in Counter() }
      let started = Counter()
      func arrive() {
        // In the runtime nobody is preempted: nobody leaves before all have come, so
        // each has a thread of its own.
        let gp = enterRuntime("test")
        threads[started.add() - 1].value = Int(gettid_())
        started.spin(until: procs)
        exitRuntime(gp)
      }
      let group = WaitGroup()
      for _ in 1..<procs { group.go { arrive() } }
      // Main keeps its P. Every start wakes an idle one, until all have come. One at a
      // time: whoever always finds something on the global queue does not steal.
      let ran = Counter()
      while started.value < procs - 1 {
        let before = ran.value
        group.go { ran.add() }
        while ran.value == before, started.value < procs - 1 {}
      }
      arrive()
      group.wait()
      t.equal(Set(threads.map(\.value)).count, procs)
    }
  }
}
