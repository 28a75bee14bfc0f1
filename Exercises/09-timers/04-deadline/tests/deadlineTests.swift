// SPDX-License-Identifier: Apache-2.0
//
// Exercise 09.04: a receive that does not wait for ever.

import CLinux
import Testing

@testable import Stage

/// Timers in the heaps of all Ps.
private func timersInHeaps() -> Int {
  var n = 0
  for i in 0..<sched[].gomaxprocs.load(ordering: .relaxed) {
    n += Int(allp[][i]![].timers.len.load(ordering: .sequentiallyConsistent))
  }
  return n
}

extension RuntimeTests {
  @Suite("exercise 09.04")
  struct DeadlineTests {
    @Test func `a value that is there is received`() throws {
      try inRun(procs: 2) { t in
        let c = Channel<Int>(capacity: 1)
        c.send(7)
        guard case .value(7) = c.receive(within: .zero) else {
          return t.check(false, "it was there")
        }
      }
    }

    @Test func `nothing comes, and the time is over, not earlier`() throws {
      try inRun(procs: 2) { t in
        let c = Channel<Int>()
        let start = nanotime()
        guard case .empty = c.receive(within: .milliseconds(20)) else {
          return t.check(false, "nobody sends")
        }
        t.check(nanotime() - start >= 20_000_000, "given up too early")
      }
    }

    @Test func `a value that comes in time is received`() throws {
      try inRun(procs: 2) { t in
        let c = Channel<Int>()
        go {
          sleep(for: .milliseconds(5))
          c.send(8)
        }
        guard case .value(8) = c.receive(within: .seconds(50)) else {
          return t.check(false, "it was sent")
        }
      }
    }

    @Test func `a channel that is closed says so at once`() throws {
      try inRun(procs: 2) { t in
        let c = Channel<Int>()
        let start = nanotime()
        go { c.close() }
        guard case .closed = c.receive(within: .seconds(50)) else {
          return t.check(false, "it is closed")
        }
        t.check(nanotime() - start < 40_000_000_000, "it waited for the deadline")
      }
    }

    @Test func `no timer is left in a heap, and no value is lost`() throws {
      try inRun(procs: 1) { t in
        let c = Channel<Int>()
        let before = timersInHeaps()
        for i in 0..<100 {
          go { c.send(i) }
          guard case .value(i) = c.receive(within: .seconds(3600)) else {
            return t.check(false, "value \(i)")
          }
        }
        t.equal(timersInHeaps(), before, "timers that nobody waits for")
        // Too late for the receiver: the value stays with its sender.
        go {
          sleep(for: .milliseconds(20))
          c.send(1)
        }
        guard case .empty = c.receive(within: .milliseconds(1)) else {
          return t.check(false, "too early")
        }
        t.equal(c.receive(), 1)
      }
    }
  }
}
