// SPDX-License-Identifier: Apache-2.0
//
// The gate: a loop that never comes to a check, and another goroutine on the same P. On
// stage 11 sysmon asks in vain, and the other one waits until the loop is over
// (gateTests_before.swift); here a signal interrupts the loop.

import Testing

@testable import Stage

/// Goes round until another goroutine has run, or until so many rounds after it was asked
/// to yield; how many rounds it made in all. None of them has a check.
@inline(never)
func hog(until other: Counter, asked: () -> Bool, patience: Int) -> Int {
  var rounds = 0
  while other.value == 0, !asked() { rounds += 1 }
  var left = patience
  while other.value == 0, left > 0 {
    left -= 1
    rounds += 1
  }
  return rounds
}

extension RuntimeTests {
  @Suite("gate: a loop without a check")
  struct GateTests {
    @Test(.enabled(if: signalsPreempt))
    func `here a signal interrupts a loop that comes to no check`() async {
      await #expect(processExitsWith: .exitCode(0)) {
        exitTestDeadline()
        try inRun(procs: 1) { t in
          let other = Counter()
          go { other.add() }
          let gp = getg()
          _ = hog(
            until: other, asked: { gp[].preempt.load(ordering: .relaxed) }, patience: .max
          )
          t.equal(other.value, 1)
          t.check(schedulerCounters().asyncPreemptions > 0)
        }
      }
    }
  }
}
