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
    @Test(.enabled(if: !sanitized, "under a sanitizer a turn takes longer than a slice"))
    func `a pair that hands over to each other shares one time slice`() throws {
      try inRun(procs: 1) { t in
        func play(
          _ limit: Int, _ count: Counter, _ wake: Channel<Bool>, _ done: Channel<Bool>
        ) {
          var running = true
          while running {
            select {
              receive(from: done) { _ in running = false }
              receive(from: wake) { _ in
                // An atomic: no compiler makes one addition of them.
                for _ in 0..<limit { count.add() }
                wake.send(true)
              }
            }
          }
        }
        var ratio = 0.0
        for _ in 0..<3 {
          let done = Channel<Bool>()
          let hogWake = Channel<Bool>()
          let lightWake = Channel<Bool>()
          let hog = Counter()
          let light = Counter()
          for _ in 0..<2 { go { play(1_000_000, hog, hogWake, done) } }
          for _ in 0..<2 { go { play(1000, light, lightWake, done) } }
          hogWake.send(true)
          lightWake.send(true)
          sleep(for: .milliseconds(200))
          done.close()
          _ = hogWake.receive()
          _ = lightWake.receive()
          // Were there a slice for each goroutine, it would be a thousand.
          ratio = Double(hog.value) / Double(max(1, light.value))
          if ratio > 1.0 / 20, ratio < 20 { return }
        }
        t.check(false, "hogs over light ones is \(ratio)")
      }
    }
  }
}
