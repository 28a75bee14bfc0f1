// SPDX-License-Identifier: Apache-2.0
//
// The gate on the stage before.

import Stage14
import Testing

extension RuntimeTests.GateTests {
  @Test func `on stage 14 a goroutine before run ends the process`() async {
    let result = await #expect(
      processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
    ) {
      exitTestDeadline()
      let c = Channel<String>(capacity: 1)
      go { c.send("prepared") }
      try run { say(c.receive()!) }
    }
    #expect(
      stderrText(result).contains(
        "fatal error: go called on a thread that runs no goroutine; call it inside run"))
  }
}
