// SPDX-License-Identifier: Apache-2.0
//
// The gate on the stage before.

import Stage01
import Testing

extension RuntimeTests.GateTests {
  @Test func `on stage 01 each looks every time round`() throws {
    let product = Counter()
    let received = Counter()
    let before = Counter()
    let after = Counter()
    try run {
      before.value = Int(schedulerCounters().switches)
      for _ in 0..<consumers {
        go {
          while product.value == 0 { gosched() }
          received.add(product.value)
        }
      }
      go {
        for _ in 0..<turns { gosched() }
        product.value = 7
      }
      while received.value < 7 * consumers { gosched() }
      after.value = Int(schedulerCounters().switches)
    }
    let switches = after.value - before.value
    #expect(switches >= turns * consumers, "\(switches) switches")
  }
}
