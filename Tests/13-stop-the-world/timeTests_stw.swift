// SPDX-License-Identifier: Apache-2.0
//
// Timers while the world stops.  Go: src/time/sleep_test.go, src/time/tick_test.go

import Testing

@testable import Stage

extension RuntimeTests.TimeTests {
  // Go: TestSleepZeroDeadlock
  @Test func `a sleep of no time, or less, returns although the world stops`() throws {
    try inRun(procs: 4) { t in
      let done = Channel<Void>()
      go {
        for _ in 0..<100 { stopTheWorld {} }
        done.send(())
      }
      for _ in 0..<100 {
        sleep(for: .zero)
        sleep(for: .seconds(-5))
        let c = Channel<Int>(capacity: 1)
        c.send(1)
        t.equal(c.receive(), 1)
      }
      _ = done.receive()
    }
  }

  // Go: TestTickerStress, TestTickerConcurrentStress
  @Test(arguments: [1, 4])
  func `a ticker as fast as can be, with the world stopped all the time`(
    procs: Int
  ) throws {
    try inRun(procs: procs) { _ in
      let stop = Counter()
      let stopper = WaitGroup()
      stopper.go {
        while stop.value == 0 {
          stopTheWorld {}
          sleep(for: .nanoseconds(1))
        }
      }
      let ticker = Ticker(every: .nanoseconds(1))
      for _ in 0..<100 { _ = ticker.channel.receive() }
      let group = WaitGroup()
      for _ in 0..<10 {
        group.go { for _ in 0..<100 { _ = ticker.channel.receive() } }
      }
      group.wait()
      ticker.stop()
      stop.value = 1
      stopper.wait()
    }
  }
}
