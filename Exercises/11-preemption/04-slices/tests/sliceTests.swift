// SPDX-License-Identifier: Apache-2.0
//
// Exercise 11.04.

import Testing

@testable import Stage

extension RuntimeTests {
  @Suite("timeSlices")
  struct TimeSliceTests {
    @Test func `who yields begins a slice each time`() throws {
      try inRun(procs: 1, within: 20) { t in
        let before = timeSlices()
        for _ in 0..<100 { gosched() }
        let begun = timeSlices() - before
        // sysmon may ask once or twice meanwhile, if the machine is slow.
        t.check(begun >= 100 && begun < 120, "\(begun) slices for 100 turns")
      }
    }

    @Test func `who is handed the ball begins none`() throws {
      try inRun(procs: 1, within: 20) { t in
        let there = Channel<Int>()
        let back = Channel<Int>()
        go {
          for x in there { back.send(x) }
          back.send(timeSlices())
        }
        for i in 0..<1000 {
          there.send(i)
          t.equal(back.receive(), i)
        }
        there.close()
        let begun = back.receive() ?? -1
        t.check(begun >= 0 && begun < 50, "\(begun) slices for 1,000 turns")
      }
    }

    @Test func `a goroutine begins with none, whoever had its stack`() throws {
      try inRun(procs: 1, within: 20) { t in
        for _ in 0..<20 {
          let found = Channel<Int>(capacity: 1)
          go {
            let atStart = timeSlices()
            for _ in 0..<10 { gosched() }
            found.send(atStart)
          }
          let n = found.receive() ?? -1
          t.check(n == 0 || n == 1, "\(n) slices at the start")
        }
      }
    }
  }
}
