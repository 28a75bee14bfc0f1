// SPDX-License-Identifier: Apache-2.0
//
// Signals, and faults. Each in a process of its own.
//                     Go: src/runtime/crash_test.go, src/os/signal/signal_test.go

import CLinux
import Testing

@testable import Stage

/// A kilobyte a call, for ever.
@inline(never)
func recurseForEver(_ n: Int) -> Int {
  var frame = InlineArray<128, Int>(repeating: n)
  if n == .max { return 0 }
  frame[n & 127] = recurseForEver(n + 1)
  return frame[(n + 1) & 127]
}

extension RuntimeTests.DeathTests {
  @Test func `while one panics the others may compute, and are not heard of`() async {
    let result = await #expect(
      processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
    ) {
      exitTestDeadline()
      try run(procs: 4) {
        for _ in 0..<4 { go { while true { checkUnlessSignals() } } }
        for i in 0..<4 { go { throw TestError(id: i) } }
        while true { gosched() }
      }
    }
    let text = stderrText(result)
    #expect(text.components(of: "panic: ") == 1, "\(text)")
  }

  // The Swift runtime's own handler reads memory that may fault: were faults blocked
  // there, the process would end and the program that prints the crash would not.
  @Test(.enabled(if: signalsPreempt))
  func `a handler that was there before is called with the mask it asked for`() async {
    await #expect(processExitsWith: .exitCode(0)) {
      exitTestDeadline()
      endAtFault()
      try run(procs: 2) {
        let address = UInt(processID()) % 2 + 64
        say("\(UnsafeRawPointer(bitPattern: address)!.loadUnaligned(as: Int.self))")
      }
    }
  }

  // Go: TestG0StackOverflow
  @Test(.enabled(if: !sanitized, "the sanitizer's own handler answers"))
  func `a scheduler's stack that overflows is reported`() async {
    let result = await #expect(
      processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
    ) {
      exitTestDeadline()
      try run(procs: 2) {
        // Not on the first thread: that one's stack is the system's.
        go {
          let gp = enterRuntime("test")
          while gp[].m! == m0 { gosched() }
          mcall { _ in _ = recurseForEver(0) }
        }
        while true {}
      }
    }
    #expect(stderrText(result).contains("stack overflow"), "\(stderrText(result))")
  }

  // Go: TestCrashDumpsAllThreads
  @Test func `SIGQUIT prints every goroutine, why it waits, and ends with 2`() async {
    let result = await #expect(
      processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
    ) {
      exitTestDeadline()
      try run(procs: 2) {
        goUntilParked { _ = Channel<Int>().receive() }
        goUntilParked { select {} }
        goUntilParked { sleep(for: .seconds(1000)) }
        goUntilParked {
          lockOSThread()
          Channel<Int>().send(1)
        }
        let inCall = Counter()
        go {
          blocking {
            inCall.add()
            sleepInKernel(milliseconds: 100_000)
          }
        }
        inCall.await(1)
        go { while true {} }
        raiseQuit()
        while true { gosched() }
      }
    }
    let text = stderrText(result)
    #expect(text.hasPrefix("SIGQUIT: quit\n"), "\(text)")
    for words in [
      "goroutine 1 [", "[chan receive]:", "[select (no cases)]:", "[sleep]:",
      "[chan send, locked to thread]:", "[syscall",
    ] {
      #expect(text.contains(words), "\(words) in \(text)")
    }
  }

  @Test func `SIGQUIT is answered while every goroutine sleeps`() async {
    let result = await #expect(
      processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
    ) {
      exitTestDeadline()
      detachForeignThread {
        sleepInKernel(milliseconds: 300)
        raiseQuit()
      }
      try run(procs: 2) { sleep(for: .seconds(1000)) }
    }
    #expect(stderrText(result).contains("goroutine 1 [sleep]:"))
  }

  // Go: os/signal TestStress's concern: preemption signals from elsewhere.
  @Test func `stray preemption signals are harmless`() async {
    await #expect(processExitsWith: .exitCode(7)) {
      exitTestDeadline()
      try run(procs: 4) {
        let stop = Counter()
        detachForeignThread {
          for _ in 0..<2000 { raiseSignal(sigURG) }
          stop.value = 1
        }
        let group = WaitGroup()
        for _ in 0..<4 {
          group.go {
            let c = Channel<Int>(capacity: 1)
            while stop.value == 0 {
              c.send(1)
              _ = c.receive()
              gosched()
            }
          }
        }
        group.wait()
        exit_(7)
      }
    }
  }
}
