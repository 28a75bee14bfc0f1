// SPDX-License-Identifier: Apache-2.0
//
// Time, and timers that are touched as they fire.
//
// A step of the wall clock has no test. Nothing the runtime waits by can see one:
// nanotime is CLOCK_MONOTONIC, which cannot be set; futex(2) and epoll_pwait2(2) are
// given spans, never moments; what timers send is a ContinuousClock.Instant. To step
// CLOCK_REALTIME would change the machine for everybody, and a faked clock_gettime
// would show only that the fake is not called.

import CLinux
import Testing

@testable import Stage

extension RuntimeTests.FaultTests {
  @Test func `the runtime's time is the clock that cannot be set`() {
    for _ in 0..<1000 {
      let before = clockRead()
      let now = nanotime()
      #expect(before <= now && now <= clockRead())
    }
  }

  // afterFunc's counterpart of TestStopResult and TestResetResult.
  @Test(arguments: [1, 2, 4])
  func `thousands of timers stopped and reset while they fire lose no call`(
    procs: Int
  ) throws {
    try inRun(procs: procs) { t in
      let n = scaled(3000)
      let calls = Counter()
      let due = Counter()
      let group = WaitGroup()
      let workers = 6
      for k in 0..<workers {
        group.go {
          // All of them are due at about the time at which they are touched.
          let timers = (0..<n / workers).map { i in
            afterFunc(.microseconds(i % 100)) { calls.add() }
          }
          due.add(timers.count)
          for (i, timer) in timers.enumerated() {
            switch (i + k) % 3 {
            case 0:
              if timer.stop() { due.add(-1) }
            case 1:
              if !timer.reset(.microseconds(i % 50)) { due.add() }
            default:
              if !timer.reset(.seconds(3600)) { due.add() }
              if timer.stop() { due.add(-1) }
            }
            if i % 64 == 0 { gosched() }
          }
        }
      }
      group.wait()
      while calls.value != due.value || numGoroutine() > 1 {
        t.check(calls.value <= due.value, "\(calls.value) calls, \(due.value) due")
        if calls.value > due.value { break }
        sleep(for: .microseconds(50))
      }
      sleep(for: .milliseconds(2))
      t.equal(calls.value, due.value)
    }
  }
}
