// SPDX-License-Identifier: Apache-2.0
//
// Bad ends on several threads. Each in a process of its own.
//                                            Go: src/runtime/crash_test.go

import Testing

@testable import Stage

extension RuntimeTests.DeathTests {
  @Test func `main waits for ever, and so does every thread: deadlock`() async {
    let result = await #expect(
      processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
    ) {
      exitTestDeadline()
      // First all threads have something to do, in a run before.
      try run(procs: 4) {
        let group = WaitGroup()
        for _ in 0..<20 { group.go { for _ in 0..<100 { gosched() } } }
        group.wait()
        goUntilParked { select {} }
      }
      try run(procs: 4) { select {} }
    }
    let text = stderrText(result)
    #expect(
      text.contains(deadlock + "\n\ngoroutine 1 [select (no cases)]:\n"), "\(text)")
  }

  // Go: TestPanicRace
  @Test func `main returns while another thread panics: the panic wins`() async {
    let result = await #expect(
      processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
    ) {
      exitTestDeadline()
      struct SlowError: Error, CustomStringConvertible {
        var description: String { "slow error" }
      }
      for _ in 0..<1000 {
        try run(procs: 2) {
          let c = Channel<Void>(capacity: 1)
          go {
            c.send(())
            throw SlowError()
          }
          _ = c.receive()
          for _ in 0..<20 { gosched() }
        }
      }
    }
    #expect(stderrText(result).contains("panic: slow error\n\ngoroutine "))
  }

  @Test func `while one panics the others may go on, and are not heard of`() async {
    let result = await #expect(
      processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
    ) {
      exitTestDeadline()
      try run(procs: 4) {
        for _ in 0..<4 { go { while true { gosched() } } }
        for i in 0..<4 { go { throw TestError(id: i) } }
        while true { gosched() }
      }
    }
    let text = stderrText(result)
    #expect(text.components(of: "panic: ") == 1, "\(text)")
  }

  @Test func `a channel on a foreign thread while goroutines run`() async {
    let result = await #expect(
      processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
    ) {
      exitTestDeadline()
      try run(procs: 2) {
        let c = Channel<Int>(capacity: 1)
        detachForeignThread { c.send(1) }
        while true { gosched() }
      }
    }
    #expect(stderrText(result).hasPrefix("fatal error: "))
    #expect(stderrText(result).contains("on a thread that runs no goroutine"))
  }

  @Test func `run while another thread is in it`() async {
    let result = await #expect(
      processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
    ) {
      exitTestDeadline()
      try run(procs: 2) {
        detachForeignThread { try? run {} }
        while true { gosched() }
      }
    }
    #expect(
      stderrText(result).hasPrefix("fatal error: run called while another thread"))
  }
}

extension String {
  /// How often part occurs.
  func components(of part: String) -> Int {
    var n = 0
    var rest = self[...]
    while let range = rest.firstRange(of: part) {
      n += 1
      rest = rest[range.upperBound...]
    }
    return n
  }
}
