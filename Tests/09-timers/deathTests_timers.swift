// SPDX-License-Identifier: Apache-2.0
//
// Deadlock where there were timers, and misuse of them. Each in a process of its own.
//                                               Go: src/time/tick_test.go

import Testing

@testable import Stage

extension RuntimeTests.DeathTests {
  @Test func `a deadlock after timers and system calls is found`() async {
    let result = await #expect(
      processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
    ) {
      exitTestDeadline()
      try run(procs: 4) {
        let group = WaitGroup()
        for _ in 0..<10 {
          group.go {
            sleep(for: .milliseconds(2))
            blocking { sleepInKernel(milliseconds: 2) }
          }
        }
        group.wait()
        _ = Channel<Int>().receive()
      }
    }
    #expect(stderrText(result).contains(deadlock))
  }

  // Go: TestNewTickerLtZeroDuration, TestTickerResetLtZeroDuration
  @Test func `a ticker of no time`() async {
    let result = await #expect(
      processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
    ) {
      exitTestDeadline()
      try run(procs: 1) { _ = Ticker(every: .zero) }
    }
    #expect(stderrText(result).contains("non-positive interval for NewTicker"))
  }

  @Test func `a ticker reset to no time`() async {
    let result = await #expect(
      processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
    ) {
      exitTestDeadline()
      try run(procs: 1) { Ticker(every: .seconds(1)).reset(every: .seconds(-1)) }
    }
    #expect(stderrText(result).contains("non-positive interval for Ticker.Reset"))
  }
}
