// SPDX-License-Identifier: Apache-2.0
//
// Signals, and stacks that grow.

import CLinux
import Testing

@testable import Stage

extension RuntimeTests.FaultTests {
  @Test func `sums are right while signals rain and stacks grow`() async {
    await #expect(processExitsWith: .success) {
      prepare()
      unblockSignals()
      catchRain(passingOn: false)
      try inRun(procs: 4) { t in try workInTheRain(t, levels: 2000) }
    }
  }

  @Test(.enabled(if: signalsPreempt))
  func `a handler from before the start mends a fault while stacks grow`() async {
    await #expect(processExitsWith: .success) {
      prepare()
      setHandler(sigSEGV, onStack: false, mendsPage)
      try inRun(procs: 2) { t in
        let deep = Counter()
        for _ in 0..<4 { go { deep.add(depth(5000)) } }
        t.equal(page.load(as: Int.self), 0)
        t.equal(takenCount(sigSEGV), 1)
        t.check(!handlerRanOnGoroutine())
        deep.await(20_000)
      }
    }
  }

  @Test(.enabled(if: signalsPreempt))
  func `a handler from during the run mends a fault while stacks grow`() async {
    await #expect(processExitsWith: .success) {
      try inRun(procs: 2) { t in
        prepare()
        setHandler(sigSEGV, mendsPage)
        let deep = Counter()
        // The faults by which stacks grow are passed on.
        for _ in 0..<4 { go { deep.add(depth(5000)) } }
        t.equal(page.load(as: Int.self), 0)
        t.equal(takenCount(sigSEGV), 1)
        t.check(!handlerRanOnGoroutine())
        deep.await(20_000)
      }
    }
  }

  @Test(.enabled(if: signalsPreempt))
  func `stacks grow in a program that ignores SIGSEGV, and a fault ends it`() async {
    await #expect(processExitsWith: .signal(11)) {
      exitTestDeadline(10)
      ignoreSignal(sigSEGV)
      try run(procs: 2) {
        // Sent by somebody, it is ignored.
        raiseSignal(sigSEGV)
        // Stacks grow nevertheless.
        if depth(5000) == 5000 { say("\(page.load(as: Int.self))") }
      }
    }
  }
}
