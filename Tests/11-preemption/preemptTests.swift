// SPDX-License-Identifier: Apache-2.0
//
// Preemption at checks.                               Go: src/runtime/proc_test.go

import Testing

@testable import Stage

extension RuntimeTests {
  @Suite("preemption")
  struct PreemptTests {
    // Go: TestPreemption
    @Test func `two goroutines that wait for each other take turns on one P`() throws {
      try inRun(procs: 1) { _ in
        let c = Channel<Void>()
        let x = Counter()
        for g in 0..<2 {
          go {
            for _ in 0..<5 {
              while x.value != g { checkpoint() }
              x.value = 1 - g
            }
            c.send(())
          }
        }
        _ = c.receive()
        _ = c.receive()
      }
    }

    @Test(arguments: procsToTry)
    func `loops with checks do not starve others`(procs: Int) throws {
      try inRun(procs: procs) { t in
        let before = schedulerCounters().preemptions
        let stop = Counter()
        let started = Counter()
        let ended = WaitGroup()
        for _ in 0..<procs {
          ended.go {
            started.add()
            while stop.value == 0 { checkpoint() }
          }
          // Every call of the runtime's ends with a check.
          ended.go {
            started.add()
            let c = Channel<Int>(capacity: 1)
            while stop.value == 0 {
              c.send(1)
              _ = c.receive()
            }
          }
        }
        started.await(2 * procs)
        for _ in 0..<5 { gosched() }
        stop.value = 1
        ended.wait()
        t.check(schedulerCounters().preemptions > before, "nobody was preempted")
      }
    }

    // Go: TestPingPongHog
    @Test func `a pair that hands over to each other shares one time slice`() throws {
      try inRun(procs: 1) { t in
        let there = Channel<Int>()
        let back = Channel<Int>()
        go { for x in there { back.send(x) } }
        // Its turn comes when the slice of the pair is over.
        let third = Counter()
        go { third.add() }
        let before = slices()
        var turns = 0
        while turns < 10_000 || third.value == 0 {
          there.send(turns)
          t.equal(back.receive(), turns)
          turns += 2
        }
        // Were there a slice for each turn, they would be as many.
        let begun = slices() - before
        t.check(begun < turns / 10, "\(begun) slices for \(turns) turns")
      }
    }
  }
}

/// How many time slices have begun on the P that the caller runs on.
private func slices() -> Int {
  Int(getg()[].m![].p![].schedtick.load(ordering: .relaxed))
}
