// SPDX-License-Identifier: Apache-2.0
//
// That somebody comes for a goroutine that waits, although nobody else is started.
//                                                    Go: src/runtime/proc_test.go

import CLinux
import Testing

@testable import Stage

extension RuntimeTests.ProcTests {
  // Go: TestGoroutineParallelism
  @Test func `as many goroutines as there are Ps run at the same time`() throws {
    try inRun(procs: 3) { _ in
      let p = 3
      for _ in 0..<3 {
        let done = Channel<Void>()
        let x = Counter()
        for g in 0..<p {
          go {
            for i in 0..<3 {
              x.spin(until: p * i + g)
              x.value = p * i + g + 1
            }
            done.send(())
          }
        }
        for _ in 0..<p { _ = done.receive() }
      }
    }
  }

  // Go: TestGoroutineParallelism2
  @Test func `goroutines made by goroutines run at the same time, too`() throws {
    try inRun(procs: 4) { _ in
      let p = 4
      for _ in 0..<3 {
        // All threads have something to do, then park.
        let loaded = Channel<Void>()
        let n = Counter()
        for _ in 0..<p {
          go {
            if n.add() == p { loaded.send(()) } else { n.spin(until: p) }
          }
        }
        _ = loaded.receive()
        let done = Channel<Void>()
        let x = Counter()
        for g in 0..<p / 2 {
          go {
            for h in 0..<2 {
              go {
                for i in 0..<3 {
                  let expected = p * i + g * 2 + h
                  x.spin(until: expected)
                  x.value = expected + 1
                }
                done.send(())
              }
            }
          }
        }
        for _ in 0..<p { _ = done.receive() }
      }
    }
  }

  @Test func `a goroutine in runnext of a busy P is stolen`() throws {
    try inRun(procs: 2) { _ in
      for _ in 0..<100 {
        let flag = Counter()
        go { flag.value = 1 }
        flag.spin(until: 1)
      }
    }
  }

  // Go: BenchmarkWakeupParallelSpinning's shape.
  @Test(arguments: [2, 4, 8])
  func `a chain of wake-ups reaches every P`(procs: Int) throws {
    try inRun(procs: procs) { _ in
      for _ in 0..<scaled(50) {
        // Nobody can end before all run, and each is made by the one before.
        let running = Counter()
        let group = WaitGroup()
        func link(_ n: Int) {
          if n > 1 { group.go { link(n - 1) } }
          running.add()
          while running.value < procs { procyield(10) }
        }
        group.go { link(procs) }
        group.wait()
      }
    }
  }
}
