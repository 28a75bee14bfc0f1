// SPDX-License-Identifier: Apache-2.0
//
// The gate: a hundred goroutines want what another one makes, which takes it a thousand
// turns. On stage 01 each of them looks every time round whether it is there yet
// (gateTests_before.swift); here they wait, and are not run before it is.

import Testing

@testable import Stage

let consumers = 100

/// How often the producer gives way before it has made what the others want.
let turns = 1000

extension RuntimeTests {
  @Suite("gate: a hundred that wait")
  struct GateTests {
    @Test func `here who waits is not run`() throws {
      try inRun(.inTurns) { t in
        let before = schedulerCounters().switches
        let product = Channel<Int>()
        let group = WaitGroup()
        for _ in 0..<consumers { group.go { t.equal(product.receive(), 7) } }
        group.go {
          for _ in 0..<turns { gosched() }
          for _ in 0..<consumers { product.send(7) }
        }
        group.wait()
        // Each consumer twice: to begin, and when it has its value.
        let switches = Int(schedulerCounters().switches - before)
        t.check(switches < turns + 4 * consumers, "\(switches) switches")
      }
    }
  }
}
