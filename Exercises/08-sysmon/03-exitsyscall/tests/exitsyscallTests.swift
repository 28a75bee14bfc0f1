// SPDX-License-Identifier: Apache-2.0
//
// Exercise 08.03: what a system call does to the P that it leaves behind.

import CLinux
import Testing

@testable import Stage

/// The P of the calling goroutine, and how many calls have ended on it.
private func here() -> (id: Int32, ticks: UInt32) {
  let gp = enterRuntime("test")
  defer { exitRuntime(gp) }
  let pp = gp[].m![].p!
  return (pp[].id, pp[].syscalltick.load(ordering: .sequentiallyConsistent))
}

extension RuntimeTests {
  @Suite("exercise 08.03")
  struct ExitsyscallTests {
    @Test func `a call is counted when it ends`() throws {
      try inRun(procs: 1) { t in
        // Off the thread that called run, which the first call leaves.
        blocking {}
        for _ in 0..<20 {
          let (before, handoffs) = (here(), schedulerCounters().handoffs)
          for _ in 0..<100 { blocking {} }
          let counted = here().ticks &- before.ticks
          // Once more for each whose P was taken meanwhile.
          let taken = UInt32(schedulerCounters().handoffs - handoffs)
          t.check(
            100...100 + taken ~= counted, "\(counted) counted of 100, \(taken) taken")
        }
      }
    }

    @Test func `a call finds its P in the state in which it left it`() throws {
      try inRun(procs: 1) { t in
        blocking {}
        let gp = enterRuntime("test")
        let pp = gp[].m![].p!
        t.check(pp[].status.load(ordering: .sequentiallyConsistent) == .running)
        t.check(pp[].m.load(ordering: .sequentiallyConsistent) == gp[].m, "not wired")
        exitRuntime(gp)
      }
    }

    @Test func `a thousand short calls lose their P to nobody`() throws {
      try inRun(procs: 1) { t in
        let stop = Counter()
        let group = WaitGroup()
        group.go { while stop.value == 0 { gosched() } }
        let before = schedulerCounters().handoffs
        for _ in 0..<1000 { blocking {} }
        let handoffs = schedulerCounters().handoffs - before
        t.check(handoffs < 100, "\(handoffs) hand-offs in 1000 calls")
        stop.value = 1
        group.wait()
      }
    }
  }
}
