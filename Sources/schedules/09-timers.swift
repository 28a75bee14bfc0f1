// SPDX-License-Identifier: Apache-2.0
//
// Sleeping, and timers.

import Controlled
import Stage

extension Scenarios {
  static let timers = [
    Scenario(
      "timers",
      from: "09",
      law: "who sleeps is woken in time, whatever becomes of the P",
      procs: 3
    ) {
      let group = WaitGroup()
      for k in 1...4 {
        group.go {
          for i in 1...3 {
            let ns = Int64(3_000 * k * i)
            let start = controlled_now()
            sleep(for: .nanoseconds(ns))
            let late = controlled_now() - start - ns
            expect(late >= 0, "woken \(-late) ns early")
            expect(late < tooLate, "woken \(late) ns late")
          }
        }
      }
      group.go {
        for n in [1, 3, 2, 1, 3] {
          resize(n)
          let t = GoTimer(.microseconds(5))
          if n == 2 { _ = t.channel.receive() } else { t.stop() }
        }
      }
      group.wait()
    }
  ]
}
