// SPDX-License-Identifier: Apache-2.0
//
// System calls too short for anybody to take the P: only preemption ends a turn.
//                                                      Go: src/runtime/proc_test.go

import CLinux
import Testing

@testable import Stage

extension RuntimeTests.SyscallTests {
  // Go: TestPreemptionAfterSyscall
  @Test(arguments: [10, 100, 1000])
  func `a goroutine that makes short calls all the time lets others run`(
    microseconds: Int64
  ) throws {
    try inRun(procs: 2) { _ in
      let n = 8
      let c = Channel<Void>(capacity: n)
      let stop = Counter()
      for _ in 0..<n {
        go {
          c.send(())
          while stop.value == 0 {
            blocking {
              let start = nanotime()
              while nanotime() - start < microseconds * 1000 {}
            }
          }
          c.send(())
        }
      }
      for _ in 0..<n { _ = c.receive() }
      stop.value = 1
      for _ in 0..<n { _ = c.receive() }
    }
  }

  // Go: TestGCFairness
  @Test func `goroutines busy with system calls do not starve a sleeper`() throws {
    try inRun(procs: 1) { _ in
      let null = openDevNull()
      for _ in 0..<2 {
        go { while true { _ = blocking { writeTo(null, 1) } } }
      }
      sleep(for: .milliseconds(10))
    }
  }
}
