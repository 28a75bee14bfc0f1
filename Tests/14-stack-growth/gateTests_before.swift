// SPDX-License-Identifier: Apache-2.0
//
// The gate on the stage before.

import Stage13
import Testing

extension RuntimeTests.GateTests {
  @Test func `on stage 13 a recursion that needs a megabyte ends the process`() async {
    let result = await #expect(
      processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
    ) {
      exitTestDeadline()
      try run(procs: 1) {
        let result = Channel<Int>()
        go { result.send(callsDeep(megabyteDeep)) }
        _ = result.receive()
      }
    }
    let text = stderrText(result)
    #expect(text.contains("-byte limit"), "\(text)")
    #expect(text.contains("fatal error: stack overflow"), "\(text)")
  }

  @Test func `on stage 13 what goroutines touched once stays theirs`() async {
    await #expect(processExitsWith: .exitCode(0)) {
      exitTestDeadline()
      let t = Report()
      try run(procs: 1) {
        let end = Channel<Void>()
        let parked = WaitGroup()
        let before = processStatus("VmRSS")
        for _ in 0..<200 {
          parked.add(1)
          go {
            t.equal(callsDeep(onceDeep), onceDeep)
            parked.done()
            _ = end.receive()
          }
        }
        parked.wait()
        // However long one waits: there is nothing that would give it back.
        for _ in 0..<1000 { gosched() }
        let kept = processStatus("VmRSS") - before
        t.check(kept > 200 * onceDeep, "\(kept) KB kept")
        t.equal(numGoroutine(), 201)
        end.close()
      }
      for message in t.messages { Issue.record("\(message)") }
    }
  }
}
