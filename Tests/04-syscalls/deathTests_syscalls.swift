// SPDX-License-Identifier: Apache-2.0
//
// Bad ends of goroutines that have threads to themselves. Each in a process of its own.
//                                            Go: src/runtime/crash_test.go

import Testing

@testable import Stage

extension RuntimeTests.DeathTests {
  // Go: TestLockedDeadlock
  @Test func `main waits for ever, locked to its thread: deadlock`() async {
    let result = await #expect(
      processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
    ) {
      exitTestDeadline()
      try run(procs: 2) {
        lockOSThread()
        select {}
      }
    }
    let text = stderrText(result)
    #expect(text.contains(deadlock), "\(text)")
    #expect(
      text.contains("goroutine 1 [select (no cases), locked to thread]:"), "\(text)")
  }

  // Go: TestLockedDeadlock2
  @Test func `another goroutine waits, locked to its thread: deadlock`() async {
    let result = await #expect(
      processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
    ) {
      exitTestDeadline()
      try run(procs: 2) {
        goUntilParked {
          lockOSThread()
          select {}
        }
        select {}
      }
    }
    #expect(stderrText(result).contains(deadlock))
  }

  @Test func `a deadlock after system calls is found`() async {
    let result = await #expect(
      processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
    ) {
      exitTestDeadline()
      try run(procs: 4) {
        let group = WaitGroup()
        for _ in 0..<10 {
          group.go {
            blocking { sleepInKernel(milliseconds: 2) }
          }
        }
        group.wait()
        _ = Channel<Int>().receive()
      }
    }
    #expect(stderrText(result).contains(deadlock))
  }

  // Go: TestThreadExhaustion
  @Test func `more threads than may be`() async {
    let result = await #expect(
      processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
    ) {
      exitTestDeadline()
      try run(procs: 2) {
        sched[].maxmcount = 10
        let c = Channel<Void>()
        for _ in 0..<100 {
          go {
            lockOSThread()
            c.send(())
            select {}
          }
          _ = c.receive()
        }
      }
    }
    #expect(
      stderrText(result).hasPrefix(
        "runtime: program exceeds 10-thread limit\nfatal error: thread exhaustion"))
  }
}
