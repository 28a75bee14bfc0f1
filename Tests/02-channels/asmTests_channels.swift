// SPDX-License-Identifier: Apache-2.0
//
// The switcher, and goroutines that wait.              Go: src/runtime/asm_amd64.s

import Testing

@testable import Stage

extension RuntimeTests.AsmTests {
  @Test func `what lives in registers lives on after a wait`() throws {
    let n = 500
    let expected = (0..<10).map { acrossSwitches(n, $0) {} }
    try inRun { t in
      let group = WaitGroup()
      for i in 0..<10 {
        group.go {
          let c = Channel<Int>(capacity: 1)
          let result = acrossSwitches(n, i) {
            c.send(1)
            _ = c.receive()
          }
          t.equal(result, expected[i], "channel")
        }
        group.go {
          let ping = Channel<Void>()
          go { for _ in 0..<n { ping.send(()) } }
          let result = acrossSwitches(n, i) { _ = ping.receive() }
          t.equal(result, expected[i], "rendezvous")
        }
      }
      group.wait()
    }
  }
}
