// SPDX-License-Identifier: Apache-2.0
//
// The life of a program, from init tasks to exit status; each in a process of its
// own.                                 Go: src/runtime/proc.go, crash_test.go, init.go

import CLinux
import Synchronization
import Testing

@testable import Stage

private let threadOfStart = Counter()

private struct Ordered: GoProgram {
  static var initTasks: [@Sendable () throws -> Void] {
    [
      { say("init 1 of goroutine \(goroutineID())\n") },
      {
        // Init tasks have the first thread, and goroutines that they start run.
        let c = Channel<String>()
        go { c.send("init 2") }
        say(c.receive()! + "\n")
        say("same thread \(Int(gettid_()) == threadOfStart.value)\n")
      },
      { for _ in 0..<50 { gosched() } },
      { say("still same thread \(Int(gettid_()) == threadOfStart.value)\n") },
    ]
  }

  static func goMain() throws { say("main of goroutine \(goroutineID())\n") }
}

private struct Plain: GoProgram {
  static func goMain() throws {
    go { while true { gosched() } }
    go { select {} }
    go { blocking { sleepInKernel(milliseconds: 100_000) } }
    gosched()
    say("out")
  }
}

private struct Failing: GoProgram {
  static func goMain() throws { throw TestError(id: 9) }
}

private struct FailingInit: GoProgram {
  static var initTasks: [@Sendable () throws -> Void] { [{ throw TestError(id: 10) }] }
  static func goMain() throws { say("main ran") }
}

private struct WaitingInit: GoProgram {
  static var initTasks: [@Sendable () throws -> Void] { [{ select {} }] }
  static func goMain() throws { say("main ran") }
}

private struct LeavingInit: GoProgram {
  static var initTasks: [@Sendable () throws -> Void] {
    [
      {
        go {
          sleep(for: .milliseconds(5))
          exit_(8)
        }
        try goexit()
      }
    ]
  }
  static func goMain() throws { say("main ran") }
}

private struct DiallingInit: GoProgram {
  static var initTasks: [@Sendable () throws -> Void] {
    [
      {
        let listener = try TCPListener()
        go { try listener.accept().close() }
        let c = try TCPConnection(host: "127.0.0.1", port: listener.port)
        _ = try c.read(upTo: 1)
      }
    ]
  }
  static func goMain() throws { say("connected") }
}

private struct Hooked: GoProgram {
  static func goMain() throws {
    atExit { say("first registered\n") }
    atExit { say("last registered\n") }
    say("main\n")
  }
}

extension RuntimeTests {
  @Suite("GoProgram")
  struct BootstrapTests {
    @Test func `init tasks run in order, locked to the first thread, then main`() async {
      let result = await #expect(
        processExitsWith: .exitCode(0), observing: [\.standardOutputContent]
      ) {
        exitTestDeadline()
        threadOfStart.value = Int(gettid_())
        Ordered.main()
      }
      #expect(
        stdoutText(result).contains(
          """
          init 1 of goroutine 1
          init 2
          same thread true
          still same thread true
          main of goroutine 1

          """), "\(stdoutText(result))")
    }

    @Test func `a program ends with its main, whatever others do, and status 0`() async {
      let result = await #expect(
        processExitsWith: .exitCode(0), observing: [\.standardOutputContent]
      ) {
        exitTestDeadline()
        Plain.main()
      }
      #expect(stdoutText(result).hasSuffix("out"))
    }

    @Test func `an error that leaves main is a panic`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        Failing.main()
      }
      #expect(
        stderrText(result).hasPrefix(
          "panic: TestError(id: 9)\n\ngoroutine 1 [running"), "\(stderrText(result))")
    }

    @Test func `an error that leaves an init task is a panic, and main does not run`()
      async
    {
      let result = await #expect(
        processExitsWith: .exitCode(2),
        observing: [\.standardErrorContent, \.standardOutputContent]
      ) {
        exitTestDeadline()
        FailingInit.main()
      }
      #expect(stderrText(result).hasPrefix("panic: TestError(id: 10)\n"))
      #expect(!stdoutText(result).contains("main ran"))
    }

    // Go: TestInitDeadlock
    @Test func `an init task that waits for ever is a deadlock`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        WaitingInit.main()
      }
      #expect(
        stderrText(result).contains(
          "fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [select (no cases), locked to thread]:\n"
        ), "\(stderrText(result))")
    }

    // Go: test/fixedbugs/issue5963.go
    @Test func `goexit in an init task: the others go on`() async {
      await #expect(processExitsWith: .exitCode(8)) {
        exitTestDeadline()
        LeavingInit.main()
      }
    }

    // Go: TestNetpollDeadlock
    @Test func `an init task may use the network`() async {
      let result = await #expect(
        processExitsWith: .exitCode(0), observing: [\.standardOutputContent]
      ) {
        exitTestDeadline()
        DiallingInit.main()
      }
      #expect(stdoutText(result).hasSuffix("connected"))
    }

    // Go: testexithooks
    @Test func `exit hooks run last registered first`() async {
      let result = await #expect(
        processExitsWith: .exitCode(0), observing: [\.standardOutputContent]
      ) {
        exitTestDeadline()
        Hooked.main()
      }
      #expect(stdoutText(result).hasSuffix("main\nlast registered\nfirst registered\n"))
    }

    // The environment.
  }
}
