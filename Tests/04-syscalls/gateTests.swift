// SPDX-License-Identifier: Apache-2.0
//
// The gate: four goroutines that block in the kernel, none of which goes on before all
// have come, where one may run at a time. On stage 03 the first keeps the others from
// coming, and gives up (gateTests_before.swift); here each lets another run in its place.

import Testing

@testable import Stage

/// Comes, and waits in the kernel for the others, a hundred milliseconds at most. Whether
/// all have come.
func comesAndWaits(_ arrived: Counter, for n: Int) -> Bool {
  arrived.add()
  for _ in 0..<100 where arrived.value < n { sleepInKernel(milliseconds: 1) }
  return arrived.value == n
}

extension RuntimeTests {
  @Suite("gate: four calls that block, in one place")
  struct GateTests {
    @Test func `here four blocking calls overlap`() throws {
      try inRun(procs: 1) { t in
        let arrived = Counter()
        let group = WaitGroup()
        for _ in 0..<4 {
          group.go {
            let met = blocking { comesAndWaits(arrived, for: 4) }
            t.check(met, "only \(arrived.value) have come")
          }
        }
        group.wait()
        t.equal(schedulerCounters().handoffs >= 4, true)
      }
    }
  }
}
