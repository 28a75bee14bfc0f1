// SPDX-License-Identifier: Apache-2.0
//
// Taking from others.

import Controlled
import Stage

extension Scenarios {
  static let stealing = [
    Scenario(
      "thieves",
      from: "06",
      law: "a goroutine is run once, by its own P or by one of several thieves",
      procs: 4
    ) {
      for _ in 0..<3 {
        let group = WaitGroup()
        let ran = Cell([Int](repeating: 0, count: 9))
        for i in 0..<9 {
          group.go {
            ran.value[i] += 1
            if i % 3 == 0 { gosched() }
          }
        }
        group.wait()
        expect(ran.value == [Int](repeating: 1, count: 9), "ran \(ran.value)")
      }
    }
  ]
}
