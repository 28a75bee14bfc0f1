// SPDX-License-Identifier: Apache-2.0
//
// What stops the world.

import Controlled
import Stage

extension Scenarios {
  static func resize(_ n: Int) { gomaxprocs(n) }

  static let stops = [
    Scenario(
      "stopped world",
      from: "13",
      law: "while the world is stopped nobody runs, and then everybody goes on",
      procs: 3
    ) {
      let group = WaitGroup()
      let steps = Cell(0)
      for _ in 0..<2 {
        group.go {
          for _ in 0..<3 {
            stopTheWorld {
              let before = steps.value
              for _ in 0..<5 { controlled_yield() }
              expect(steps.value == before, "somebody runs in a stopped world")
            }
          }
        }
      }
      let c = Channel<Int>()
      group.go {
        for i in 0..<5 {
          c.send(i)
          steps.value += 1
        }
        c.close()
      }
      group.go {
        while c.receive() != nil { steps.value += 1 }
      }
      group.go { for _ in 0..<3 { blocking { controlled_sleep(3_000) } } }
      group.wait()
      expect(steps.value == 10, "\(steps.value) steps")
    }
  ]
}
