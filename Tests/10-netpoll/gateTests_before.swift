// SPDX-License-Identifier: Apache-2.0
//
// The gate on the stage before.

import Stage09
import Testing

extension RuntimeTests.GateTests {
  @Test func `on stage 09 a thousand connections take a thousand threads`() async {
    await #expect(processExitsWith: .exitCode(0)) {
      exitTestDeadline()
      _ = raiseDescriptorLimit()
      let t = Report()
      try run(procs: 1) {
        let connections = (0..<connectionsInGate).map { _ in connectionForGate() }
        let waiting = Counter()
        let group = WaitGroup()
        for c in connections {
          group.go {
            let n = blocking {
              waiting.add()
              return readByte(c.here)
            }
            t.equal(n, 1)
            _ = writeByte(c.here)
          }
        }
        while waiting.value < connectionsInGate { gosched() }
        for c in connections { _ = writeByte(c.there) }
        group.wait()
        for c in connections { t.equal(readByte(c.there), 1) }
        let threads = schedulerCounters().threads
        t.check(threads >= connectionsInGate, "\(threads) threads")
      }
      for message in t.messages { Issue.record("\(message)") }
    }
  }
}
