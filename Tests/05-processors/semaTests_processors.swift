// SPDX-License-Identifier: Apache-2.0
//
// Semaphores that hand over what is left of a time slice.  Go: src/runtime/sema_test.go

import Testing

@testable import Stage

/// Whether the waiter ran before the goroutine that released it went on.
private func handsOff(_ procs: Int) -> Bool {
  let sema = Ptr(allocating: Sema(0))
  let result = Counter()
  let done = Channel<Void>()
  let group = WaitGroup()
  for _ in 0..<procs {
    group.go {
      while case .empty = done.tryReceive() { gosched() }
    }
  }
  group.go {
    acquire(sema)
    _ = result.change(0, to: 1)
    release(sema, handoff: true)
    done.close()
  }
  while sema[].nwait.load(ordering: .sequentiallyConsistent) == 0 { gosched() }
  release(sema, handoff: true)
  _ = result.change(0, to: 2)
  group.wait()
  return result.value == 1
}

extension RuntimeTests.SemaTests {
  // Go: TestSemaHandoff1, TestSemaHandoff2
  @Test(arguments: [1, 2])
  func `who releases with handoff gives its time slice to the first waiter`(
    procs: Int
  ) throws {
    try inRun(procs: procs) { t in
      let n = scaled(500)
      var direct = 0
      for _ in 0..<n where handsOff(procs) { direct += 1 }
      t.check(direct >= n * 2 / 3, "\(direct) of \(n) were direct")
    }
  }
}
