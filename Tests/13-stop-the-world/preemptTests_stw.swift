// SPDX-License-Identifier: Apache-2.0
//
// Preemption, and the world that is stopped by it.    Go: src/runtime/proc_test.go

import Testing

@testable import Stage

/// Stops the world again and again while others work: each time every running
/// goroutine is preempted.
func stopWorlds(until finished: Counter, _ n: Int) {
  while finished.value < n {
    stopTheWorld {}
    gosched()
  }
}

extension RuntimeTests.PreemptTests {
  // Go: TestAsyncPreempt, test/fixedbugs/issue10958.go
  @Test(.enabled(if: signalsPreempt), arguments: procsToTry)
  func `loops without a check do not keep the world from stopping`(procs: Int) throws {
    try inRun(procs: procs) { t in
      let stop = Counter()
      let started = Counter()
      let ended = WaitGroup()
      let before = asyncPreemptions()
      ended.go {
        started.add()
        while stop.value == 0 {
          dummy()
          dummy()
        }
      }
      ended.go {
        started.add()
        frameless(stop)
      }
      ended.go {
        started.add()
        while stop.value == 0 {}
      }
      started.await(3)
      for _ in 0..<10 {
        stopTheWorld {}
        gosched()
      }
      stop.value = 1
      ended.wait()
      t.check(asyncPreemptions() > before, "no signal preempted anybody")
    }
  }
}
