// SPDX-License-Identifier: Apache-2.0
//
// Exercise 13.04.

import CLinux
import Testing

@testable import Stage

extension RuntimeTests {
  @Suite("goroutineCounts")
  struct GoroutineCountsTests {
    @Test(arguments: procsToTry)
    func `those that wait are counted by what they wait for`(procs: Int) throws {
      try inRun(procs: procs) { t in
        let never = Channel<Int>()
        let mutex = GoMutex()
        mutex.lock()
        for _ in 0..<5 { goUntilParked { _ = never.receive() } }
        for _ in 0..<3 { goUntilParked { mutex.lock() } }
        goUntilParked { select {} }
        let counts = goroutineCounts()
        t.equal(counts.running, 1)
        t.equal(counts.runnable, 0)
        t.equal(counts.syscall, 0)
        t.equal(counts.waiting["chan receive"], 5)
        t.equal(counts.waiting["sync.Mutex.Lock"], 3)
        t.equal(counts.waiting["select (no cases)"], 1)
        t.equal(counts.total, numGoroutine())
      }
    }

    @Test func `one in the kernel is counted as such`() throws {
      try inRun(procs: 2) { t in
        let inside = Counter()
        let leave = Counter()
        go {
          blocking {
            inside.value = 1
            while leave.value == 0 { osyield() }
          }
        }
        inside.await(1)
        let counts = goroutineCounts()
        leave.value = 1
        t.equal(counts.syscall, 1)
        t.equal(counts.total, 2)
      }
    }

    @Test(arguments: procsToTry)
    func `the numbers belong to one moment`(procs: Int) throws {
      try inRun(procs: procs) { t in
        let stop = Counter()
        let group = WaitGroup()
        for i in 0..<16 {
          group.go {
            let c = Channel<Int>(capacity: 1)
            while stop.value == 0 {
              c.send(i)
              gosched()
              _ = c.receive()
            }
          }
        }
        for _ in 0..<200 {
          let counts = goroutineCounts()
          t.equal(counts.total, 17, "\(counts)")
          t.equal(counts.running, 1, "\(counts)")
        }
        stop.value = 1
        group.wait()
        // Those that have called done may not have ended yet.
        while numGoroutine() > 1 { gosched() }
        t.equal(goroutineCounts().total, 1)
      }
    }
  }
}
