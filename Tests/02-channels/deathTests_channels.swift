// SPDX-License-Identifier: Apache-2.0
//
// Deadlock, and misuse of what goroutines wait for. Each in a process of its own.
//                      Go: src/runtime/crash_test.go, testprog/deadlock.go

import Testing

@testable import Stage

/// Go's words when nobody can ever run again.
let deadlock = "fatal error: all goroutines are asleep - deadlock!"

private struct ErrorThatYields: Error, CustomStringConvertible {
  var description: String {
    gosched()
    let c = Channel<Int>()
    go { c.send(1) }
    _ = c.receive()
    return "error that yields"
  }
}

extension RuntimeTests.DeathTests {
  // Go: TestSimpleDeadlock
  @Test func `main waits for ever: deadlock`() async {
    let result = await #expect(
      processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
    ) {
      exitTestDeadline()
      try run { select {} }
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
      try run {
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

  // Go: TestGoexitExit's concern: main is gone, the others decide.
  @Test func `main goes, another waits for ever: deadlock`() async {
    let result = await #expect(
      processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
    ) {
      exitTestDeadline()
      try run {
        go { select {} }
        try goexit()
      }
    }
    #expect(stderrText(result).contains(deadlock))
  }

  @Test func `a deadlock in the second run is found, too`() async {
    let result = await #expect(
      processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
    ) {
      exitTestDeadline()
      try run { for _ in 0..<20 { goUntilParked { select {} } } }
      try run { select {} }
    }
    #expect(stderrText(result).contains(deadlock))
  }

  // Go: TestPanicDeadlockGosched
  @Test func `a description that yields and waits does not hinder the panic`() async {
    let result = await #expect(
      processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
    ) {
      exitTestDeadline()
      try run {
        go { throw ErrorThatYields() }
        while true { gosched() }
      }
    }
    #expect(stderrText(result).contains("panic: error that yields\n"))
  }

  // Go: test/closedchan.go
  @Test func `sending on a closed channel`() async {
    let result = await #expect(
      processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
    ) {
      exitTestDeadline()
      try run {
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
      try run {
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
      try run {
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
      try run {
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
      try run {
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
      try run {
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
      try run { _ = Channel<Int>(capacity: Int(processID()) * -1) }
    }
    #expect(stderrText(result).contains("makechan: size out of range"))
  }

  @Test func `a select with two otherwise`() async {
    await #expect(processExitsWith: .failure) {
      exitTestDeadline()
      try run {
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
      try run {
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
      try run {
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
      try run {
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
      try run {
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
      try run {
        let rw = GoRWMutex()
        rw.lock()
        rw.readUnlock()
      }
    }
    #expect(
      stderrText(result).hasPrefix("fatal error: sync: RUnlock of unlocked RWMutex\n"))
  }
}
