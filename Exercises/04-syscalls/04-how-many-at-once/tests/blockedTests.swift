// SPDX-License-Identifier: Apache-2.0
//
// How many calls are in the kernel, and how many have been at a time.

import CLinux
import Testing

@testable import Stage

extension RuntimeTests {
  @Suite("calls at a time")
  struct BlockedTests {
    @Test func `eight calls that wait for each other are eight at a time`() throws {
      try inRun(procs: 1) { t in
        t.equal(schedulerCounters().blocked, 0)
        let arrived = Counter()
        let group = WaitGroup()
        for _ in 0..<8 {
          group.go {
            blocking {
              arrived.add()
              while arrived.value < 8 { sleepInKernel(milliseconds: 1) }
            }
          }
        }
        group.wait()
        t.equal(schedulerCounters().blocked, 0, "a call that is over counts")
        t.check(schedulerCounters().mostBlocked >= 8, "too few at a time")
      }
    }

    @Test func `calls that come one after the other are one at a time`() async {
      await #expect(processExitsWith: .exitCode(0)) {
        exitTestDeadline()
        try run(procs: 2) {
          for _ in 0..<20 { blocking { osyield() } }
          exit_(schedulerCounters().mostBlocked == 1 ? 0 : 1)
        }
      }
    }

    @Test func `a call is counted while it lasts`() throws {
      try inRun(procs: 2) { t in
        let inside = Counter()
        let leave = Counter()
        let group = WaitGroup()
        group.go {
          blocking {
            inside.value = 1
            while leave.value == 0 { sleepInKernel(milliseconds: 1) }
          }
        }
        inside.await(1)
        t.equal(schedulerCounters().blocked, 1)
        leave.value = 1
        group.wait()
        t.equal(schedulerCounters().blocked, 0)
      }
    }
  }
}
