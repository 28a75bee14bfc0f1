// SPDX-License-Identifier: Apache-2.0
//
// How a program ends badly: Go's words, and exit status 2. Each in a process of its
// own.                                       Go: src/runtime/crash_test.go

import CLinux
import Testing

@testable import Stage

@inline(never)
private func throwInThisFunction() throws {
  throw TestError(id: 42)
}

extension RuntimeTests {
  @Suite("panic, deadlock, misuse")
  struct DeathTests {
    // Go: TestGoexitDeadlock
    @Test func `main goes, then the last goroutine: deadlock, in other words`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        try run {
          for _ in 0..<2 { go { for _ in 0..<10 { gosched() } } }
          try goexit()
        }
      }
      #expect(
        stderrText(result).contains(
          "fatal error: no goroutines (main called runtime.Goexit) - deadlock!"))
    }

    // Go: test/fixedbugs/issue5963.go
    @Test func `main goes, another ends the process`() async {
      await #expect(processExitsWith: .exitCode(7)) {
        exitTestDeadline()
        try run {
          go {
            for _ in 0..<10 { gosched() }
            exit_(7)
          }
          try goexit()
        }
      }
    }

    // Go: TestMainGoroutineID
    @Test func `an error that leaves a goroutine is a panic, with its trace`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        try run {
          go { try throwInThisFunction() }
          while true { gosched() }
        }
      }
      let text = stderrText(result)
      #expect(text.hasPrefix("panic: TestError(id: 42)\n\ngoroutine "), "\(text)")
      #expect(text.contains(" [running]:\n"), "\(text)")
    }

    @Test(.enabled(if: !sanitized, "the sanitizer's own handler answers"))
    func `a fault ends the process as it does any other`() async {
      await #expect(processExitsWith: .signal(11)) {
        exitTestDeadline()
        try run {
          let address = UInt(processID()) % 2 + 64
          say("\(UnsafeRawPointer(bitPattern: address)!.loadUnaligned(as: Int.self))")
        }
      }
    }

    @Test func `a goroutine function on a thread that runs no goroutine`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        go {}
      }
      let text = stderrText(result)
      #expect(text.hasPrefix("fatal error: go called on a thread that"), "\(text)")
    }

    @Test func `run inside a goroutine`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        try run { try run { say("nested") } }
      }
      #expect(stderrText(result).hasPrefix("fatal error: run called inside a goroutine"))
    }

    // Go: TestSignalExitStatus
    @Test func `SIGTERM ends the process as it does any other`() async {
      await #expect(processExitsWith: .signal(15)) {
        exitTestDeadline()
        try run {
          raiseSignal(sigTERM)
          while true { gosched() }
        }
      }
    }
  }
}
