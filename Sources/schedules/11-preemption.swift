// SPDX-License-Identifier: Apache-2.0
//
// Asking a goroutine to yield.

import Controlled
import Stage

extension Scenarios {
  static func check() { checkpoint() }

  static let preemption = [
    Scenario(
      "hog",
      from: "11",
      law: "a loop with checks lets others run after 10 ms",
      procs: 1
    ) {
      let ran = Cell(false)
      go { ran.value = true }
      let start = controlled_now()
      while !ran.value {
        checkpoint()
        controlled_sleep(100_000)
        expect(controlled_now() - start < 100_000_000, "it is not made to yield")
      }
    }
  ]
}
