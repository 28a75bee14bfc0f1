// SPDX-License-Identifier: Apache-2.0
//
// What GODEBUG has signals do.

import CLinux
import Testing

@testable import Stage

extension RuntimeTests.BootTests {
  @Test func `without preemption by signals a loop with checks still gives way`() async {
    await #expect(processExitsWith: .exitCode(0)) {
      exitTestDeadline()
      setEnvironment("GODEBUG", "asyncpreemptoff=1")
      try run(procs: 1) {
        let stop = Counter()
        go {
          let c = Channel<Int>(capacity: 1)
          while stop.value == 0 {
            c.send(1)
            _ = c.receive()
          }
        }
        sleep(for: .milliseconds(20))
        stop.value = 1
        exit_(0)
      }
    }
  }
}
