// SPDX-License-Identifier: Apache-2.0
//
// Queues of Ps.

import Stage

extension Scenarios {
  static let processors = [
    Scenario(
      "burst",
      from: "05",
      law: "what a full queue cannot hold is run all the same, each once",
      procs: 3,
      every: 4
    ) {
      let group = WaitGroup()
      let ran = Cell([UInt8](repeating: 0, count: 700))
      for i in 0..<700 { group.go { ran.value[i] += 1 } }
      group.wait()
      expect(ran.value.allSatisfy { $0 == 1 }, "not each once")
    }
  ]
}
