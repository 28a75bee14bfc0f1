// SPDX-License-Identifier: Apache-2.0
//
// The gate: 100,000 goroutines that sleep at the same time, in a process that may have
// 100 threads. On stage 08 each sleeper takes a thread with it, and the process ends
// (gateTests_before.swift); here a sleeper is an entry in a heap.

import CLinux
import Testing

@testable import Stage

extension RuntimeTests {
  @Suite("gate: many sleepers, few threads")
  struct GateTests {
    @Test func `here sleepers need no threads`() async {
      await #expect(processExitsWith: .exitCode(0)) {
        exitTestDeadline()
        try run(procs: 2) {
          sched[].maxmcount = 100
          let group = WaitGroup()
          for _ in 0..<100_000 {
            group.go { sleep(for: .milliseconds(200)) }
          }
          group.wait()
        }
        exit_(0)
      }
    }
  }
}
