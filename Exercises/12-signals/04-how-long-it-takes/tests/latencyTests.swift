// SPDX-License-Identifier: Apache-2.0
//
// Exercise 12.04.

import CLinux
import Testing

@testable import Stage

extension RuntimeTests {
  @Suite("longestPreemption", .serialized)
  struct LatencyTests {
    @Test(.enabled(if: signalsPreempt))
    func `the time from a request to a preemption is measured`() throws {
      try inRun(procs: 1, within: 20) { t in
        let earlier = longestPreemption() ?? .zero
        let start = nanotime()
        let stop = Counter()
        go { while stop.value == 0 {} }
        let before = schedulerCounters().asyncPreemptions
        while schedulerCounters().asyncPreemptions < before + 3 { gosched() }
        stop.value = 1
        let longest = longestPreemption()
        t.check(longest != nil, "nobody was preempted")
        t.check(longest ?? .zero > .zero)
        let all = Duration.nanoseconds(nanotime() - start)
        t.check(longest ?? .zero <= max(earlier, all), "longer than everything")
      }
    }

    @Test func `where nobody was preempted there is no time`() async {
      await #expect(processExitsWith: .exitCode(0)) {
        exitTestDeadline()
        try run(procs: 1) { exit_(longestPreemption() == nil ? 0 : 1) }
      }
    }
  }
}
