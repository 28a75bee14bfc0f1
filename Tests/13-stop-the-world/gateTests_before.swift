// SPDX-License-Identifier: Apache-2.0
//
// The gate on the stage before.

import Stage12
import Testing

extension RuntimeTests.GateTests {
  @Test func `on stage 12 a look at goroutines that run sees effects without cause`()
    async
  {
    await #expect(processExitsWith: .exitCode(0)) {
      exitTestDeadline()
      let t = Report()
      try run(procs: 4) {
        let workers = (0..<workersInGate).map { _ in Worker() }
        let stop = Counter()
        let group = WaitGroup()
        for worker in workers {
          group.go { _ = worker.workInThisFunction(until: stop) {} }
        }
        var looks = 0
        var torn = false
        while !torn, looks < 10_000_000 {
          looks += 1
          torn = isTorn(look(at: workers))
        }
        t.check(torn, "\(looks) looks, and nothing was seen")
        stop.value = 1
        group.wait()
      }
      for message in t.messages { Issue.record("\(message)") }
    }
  }

  @Test func `on stage 12 a dump ends the process, and lacks what runs`() async {
    let result = await #expect(
      processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
    ) {
      exitTestDeadline()
      try run(procs: 4) {
        let workers = (0..<workersInGate).map { _ in Worker() }
        let stop = Counter()
        for worker in workers { go { _ = worker.workInThisFunction(until: stop) {} } }
        for worker in workers { while worker.done.value == 0 { gosched() } }
        raiseQuit()
        while true { gosched() }
      }
    }
    let text = stderrText(result)
    #expect(text.hasPrefix("SIGQUIT: quit\n"), "\(text)")
    #expect(text.contains("stack unavailable"), "\(text)")
    #expect(text.components(of: "workInThisFunction") < workersInGate, "\(text)")
  }
}
