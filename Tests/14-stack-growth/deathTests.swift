// SPDX-License-Identifier: Apache-2.0
//
// How a program ends badly: Go's words, and exit status 2. Each in a process of its
// own.                    Go: src/runtime/crash_test.go, testprog/deadlock.go

import CLinux
import Synchronization
import Testing

@testable import Stage

private let deadlock = "fatal error: all goroutines are asleep - deadlock!"

/// A kilobyte a call, for ever.
@inline(never)
private func recurseForEver(_ n: Int) -> Int {
  var frame = InlineArray<128, Int>(repeating: n)
  if n == .max { return 0 }
  frame[n & 127] = recurseForEver(n + 1)
  return frame[(n + 1) & 127]
}

/// Frames of 64 KB, for ever. Go: StackOverflow
@inline(never)
private func recurseInLargeFrames(_ n: Int) -> Int {
  withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 16) { buffer in
    buffer.storeBytes(of: n, as: Int.self)
    return recurseInLargeFrames(n + 1) + buffer.load(as: Int.self)
  }
}

@inline(never)
private func throwInThisFunction() throws {
  throw TestError(id: 42)
}

private struct ErrorThatYields: Error, CustomStringConvertible {
  var description: String {
    gosched()
    let c = Channel<Int>()
    go { c.send(1) }
    _ = c.receive()
    return "error that yields"
  }
}

private struct ErrorThatDoesIO: Error, CustomStringConvertible {
  var description: String {
    guard let pipe = try? GoPipe() else { return "no pipe" }
    go { try pipe.write([1]) }
    let n = withUnsafeTemporaryAllocation(byteCount: 1, alignment: 1) {
      try? pipe.read(into: $0)
    }
    blocking { sleepInKernel(milliseconds: 1) }
    return "error that read \(n ?? -1)"
  }
}

extension RuntimeTests {
  @Suite("deadlock, panic, misuse")
  struct DeathTests {
    // Deadlock.

    // Go: TestSimpleDeadlock
    @Test func `main waits for ever: deadlock`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        try run(procs: 4) { select {} }
      }
      let text = stderrText(result)
      #expect(
        text.contains(deadlock + "\n\ngoroutine 1 [select (no cases)]:\n"), "\(text)")
    }

    @Test func `every kind of waiting is a deadlock when nobody else is there`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        try run(procs: 2) {
          let mutex = GoMutex()
          mutex.lock()
          go { mutex.lock() }
          go { Channel<Int>().send(1) }
          go { for _ in Channel<Int>() {} }
          let group = WaitGroup()
          group.add(1)
          go { group.wait() }
          go {
            let other = GoMutex()
            other.lock()
            GoCond(other).wait()
          }
          _ = Channel<Int>().receive()
        }
      }
      let text = stderrText(result)
      #expect(text.contains(deadlock + "\n"))
      for words in [
        "goroutine 1 [chan receive]:", "[chan send]:", "[sync.Mutex.Lock]:",
        "[sync.WaitGroup.Wait]:",
      ] {
        #expect(text.contains(words), "\(words) in \(text)")
      }
    }

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

    // Go: TestGoexitDeadlock
    @Test func `main goes, then the last goroutine: deadlock, in other words`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        try run(procs: 2) {
          for _ in 0..<2 { go { for _ in 0..<10 { gosched() } } }
          try goexit()
        }
      }
      #expect(
        stderrText(result).contains(
          "fatal error: no goroutines (main called runtime.Goexit) - deadlock!"))
    }

    // Go: TestGoexitExit's concern: main is gone, the others decide.
    @Test func `main goes, another waits for ever: deadlock`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        try run(procs: 2) {
          go { select {} }
          try goexit()
        }
      }
      #expect(stderrText(result).contains(deadlock))
    }

    // Go: test/fixedbugs/issue5963.go
    @Test func `main goes, another ends the process`() async {
      await #expect(processExitsWith: .exitCode(7)) {
        exitTestDeadline()
        try run(procs: 1) {
          go {
            sleep(for: .milliseconds(5))
            exit_(7)
          }
          try goexit()
        }
      }
    }

    @Test func `a deadlock after timers and system calls is found`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        try run(procs: 4) {
          let group = WaitGroup()
          for _ in 0..<10 {
            group.go {
              sleep(for: .milliseconds(2))
              blocking { sleepInKernel(milliseconds: 2) }
            }
          }
          group.wait()
          _ = Channel<Int>().receive()
        }
      }
      #expect(stderrText(result).contains(deadlock))
    }

    @Test func `a deadlock in the second run is found, too`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        try run(procs: 3) {
          for _ in 0..<20 { go { select {} } }
          sleep(for: .milliseconds(1))
        }
        try run(procs: 3) { select {} }
      }
      #expect(stderrText(result).contains(deadlock))
    }

    // Panics.

    // Go: TestMainGoroutineID, TestNoHelperGoroutines
    @Test func `an error that leaves a goroutine is a panic, with its trace`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        try run(procs: 2) {
          go { try throwInThisFunction() }
          select {}
        }
      }
      let text = stderrText(result)
      #expect(text.hasPrefix("panic: TestError(id: 42)\n\ngoroutine "), "\(text)")
      #expect(text.contains(" [running]:\n"), "\(text)")
      // The runtime's own goroutines are no part of it.
      #expect(!text.contains("collector"), "\(text)")
    }

    @Test func `while one panics the others may go on, and are not heard of`() async {
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

    // Go: TestPanicDeadlockGosched
    @Test func `a description that yields and waits does not hinder the panic`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        try run(procs: 1) {
          go { throw ErrorThatYields() }
          while true { gosched() }
        }
      }
      #expect(stderrText(result).contains("panic: error that yields\n"))
    }

    // Go: TestPanicDeadlockSyscall
    @Test func `a description that does I/O does not hinder the panic`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        try run(procs: 1) {
          go { throw ErrorThatDoesIO() }
          while true { gosched() }
        }
      }
      #expect(stderrText(result).contains("panic: error that read 1\n"))
    }

    // Go: TestPanicRace
    @Test func `main returns while another panics: the panic wins`() async {
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

    // Go: test/closedchan.go
    @Test func `sending on a closed channel`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        try run(procs: 2) {
          let c = Channel<Int>(capacity: 1)
          c.close()
          c.send(1)
        }
      }
      let text = stderrText(result)
      #expect(text.hasPrefix("panic: send on closed channel\n\ngoroutine 1 [running]:\n"))
    }

    @Test func `trySend on a closed channel`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        try run(procs: 2) {
          let c = Channel<Int>()
          c.close()
          _ = c.trySend(1)
        }
      }
      #expect(stderrText(result).hasPrefix("panic: send on closed channel\n"))
    }

    @Test func `a select that sends on a closed channel`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        try run(procs: 2) {
          let c = Channel<Int>()
          c.close()
          select {
            receive(from: Channel<Int>()) { _ in }
            send(1, to: c)
          }
        }
      }
      #expect(stderrText(result).hasPrefix("panic: send on closed channel\n"))
    }

    @Test func `closing a channel on which somebody waits to send`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        try run(procs: 2) {
          let c = Channel<Int>()
          goUntilParked { c.send(1) }
          c.close()
          while true { gosched() }
        }
      }
      #expect(stderrText(result).hasPrefix("panic: send on closed channel\n"))
    }

    @Test func `closing a channel on which a select waits to send`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        try run(procs: 2) {
          let c = Channel<Int>()
          goUntilParked {
            select {
              send(1, to: c)
              receive(from: Channel<Int>()) { _ in }
            }
          }
          c.close()
          while true { gosched() }
        }
      }
      #expect(stderrText(result).hasPrefix("panic: send on closed channel\n"))
    }

    @Test func `closing a channel twice`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        try run(procs: 2) {
          let c = Channel<Int>()
          c.close()
          c.close()
        }
      }
      #expect(stderrText(result).hasPrefix("panic: close of closed channel\n"))
    }

    // Go: test/makechan.go
    @Test func `a channel of negative capacity`() async {
      let result = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        try run(procs: 1) { _ = Channel<Int>(capacity: Int(processID()) * -1) }
      }
      #expect(stderrText(result).contains("makechan: size out of range"))
    }

    @Test func `a select with two otherwise`() async {
      await #expect(processExitsWith: .failure) {
        exitTestDeadline()
        try run(procs: 1) {
          select {
            otherwise()
            otherwise()
          }
        }
      }
    }

    // Go: TestWaitGroupMisuse
    @Test func `a WaitGroup that is done too often`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        try run(procs: 1) {
          let group = WaitGroup()
          group.add(1)
          group.done()
          group.done()
        }
      }
      #expect(stderrText(result).hasPrefix("panic: sync: negative WaitGroup counter\n"))
    }

    // Go: TestMutexMisuse
    @Test func `unlocking a mutex that is not locked`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        try run(procs: 1) {
          let mutex = GoMutex()
          mutex.lock()
          mutex.unlock()
          mutex.unlock()
        }
      }
      #expect(
        stderrText(result).hasPrefix("fatal error: sync: unlock of unlocked mutex\n"))
    }

    @Test func `unlocking an RWMutex that is only read-locked`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        try run(procs: 1) {
          let rw = GoRWMutex()
          rw.readLock()
          rw.unlock()
        }
      }
      #expect(
        stderrText(result).hasPrefix("fatal error: sync: Unlock of unlocked RWMutex\n"))
    }

    @Test func `read-unlocking an RWMutex that is not locked`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        try run(procs: 1) {
          let rw = GoRWMutex()
          rw.readLock()
          rw.readUnlock()
          rw.readUnlock()
        }
      }
      #expect(
        stderrText(result).hasPrefix("fatal error: sync: RUnlock of unlocked RWMutex\n"))
    }

    @Test func `read-unlocking an RWMutex that a writer holds`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        try run(procs: 1) {
          let rw = GoRWMutex()
          rw.lock()
          rw.readUnlock()
        }
      }
      #expect(
        stderrText(result).hasPrefix("fatal error: sync: RUnlock of unlocked RWMutex\n"))
    }

    // Go: TestNewTickerLtZeroDuration, TestTickerResetLtZeroDuration
    @Test func `a ticker of no time`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        try run(procs: 1) { _ = Ticker(every: .zero) }
      }
      #expect(stderrText(result).contains("non-positive interval for NewTicker"))
    }

    @Test func `a ticker reset to no time`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        try run(procs: 1) { Ticker(every: .seconds(1)).reset(every: .seconds(-1)) }
      }
      #expect(stderrText(result).contains("non-positive interval for Ticker.Reset"))
    }

    // Stacks and threads.

    // Go: TestStackOverflow
    @Test func `a stack that outgrows its limit`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        try run(procs: 2) {
          setMaxStack(1_474_560)
          _ = recurseInLargeFrames(0)
        }
      }
      let text = stderrText(result)
      #expect(
        text.hasPrefix("runtime: goroutine stack exceeds 1474560-byte limit\n"), "\(text)"
      )
      for words in [
        "fatal error: stack overflow", "runtime: sp=0x", " stack=[0x", "setMaxStack",
        "goroutine 1 [running]:",
      ] {
        #expect(text.contains(words), "\(words) in \(text)")
      }
    }

    @Test func `endless recursion in a goroutine that is not main`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        try run(procs: 2) {
          setMaxStack(8 << 20)
          go { _ = recurseForEver(0) }
          select {}
        }
      }
      let text = stderrText(result)
      #expect(text.hasPrefix("runtime: goroutine stack exceeds 8388608-byte limit\n"))
      #expect(text.contains("fatal error: stack overflow"))
      #expect(text.contains("recurseForEver"), "\(text)")
    }

    @Test(.enabled(if: !sanitized, "the sanitizer's own handler answers"))
    func `a fault that is no stack overflow stays a fault`() async {
      await #expect(processExitsWith: .signal(11)) {
        exitTestDeadline()
        try run(procs: 2) {
          let address = UInt(processID()) % 2 + 64
          say("\(UnsafeRawPointer(bitPattern: address)!.loadUnaligned(as: Int.self))")
        }
      }
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

    // Misuse of the runtime.

    @Test func `a goroutine function on a thread that runs no goroutine`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        onForeignThread { go {} }
      }
      let text = stderrText(result)
      #expect(text.hasPrefix("fatal error: go called on a thread that"), "\(text)")
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

    @Test func `run inside a goroutine`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        try run(procs: 2) { try run { say("nested") } }
      }
      #expect(stderrText(result).hasPrefix("fatal error: run called inside a goroutine"))
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

    // Signals.

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

    // Go: TestSignalExitStatus
    @Test func `SIGTERM ends the process as it does any other`() async {
      await #expect(processExitsWith: .signal(15)) {
        exitTestDeadline()
        try run(procs: 2) {
          raiseSignal(sigTERM)
          while true { gosched() }
        }
      }
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
}

extension String {
  /// How often part occurs.
  fileprivate func components(of part: String) -> Int {
    var n = 0
    var rest = self[...]
    while let range = rest.firstRange(of: part) {
      n += 1
      rest = rest[range.upperBound...]
    }
    return n
  }
}
