// SPDX-License-Identifier: Apache-2.0
//
// How many goroutines run at a time when nothing is said, and what GOMAXPROCS in the
// environment says; each in a process of its own.
//                                          Go: src/runtime/proc.go, crash_test.go

import CLinux
import Testing

@testable import Stage

/// Says how many goroutines may run at a time, and ends the process.
private func sayProcs() -> Never {
  say("\ngomaxprocs \(gomaxprocs())\n")
  exit_(0)
}

/// What a process that ended had said so.
private func saidProcs(_ result: ExitTest.Result?) -> Substring? {
  stdoutText(result).split(separator: "\n").last { $0.hasPrefix("gomaxprocs ") }
}

/// What one says whose environment asks for nothing.
private func procsByDefault() async -> Substring? {
  let result = await #expect(
    processExitsWith: .exitCode(0), observing: [\.standardOutputContent]
  ) {
    exitTestDeadline()
    unsetEnvironment("GOMAXPROCS")
    try run { sayProcs() }
  }
  let said = saidProcs(result)
  #expect(said != nil)
  return said
}

extension RuntimeTests {
  @Suite("schedinit, environment")
  struct BootTests {
    @Test func `GOMAXPROCS in the environment is used`() async {
      await #expect(processExitsWith: .exitCode(5)) {
        exitTestDeadline()
        setEnvironment("GOMAXPROCS", "5")
        try run { exit_(Int32(gomaxprocs())) }
      }
    }

    @Test func `run's argument wins over the environment`() async {
      await #expect(processExitsWith: .exitCode(3)) {
        exitTestDeadline()
        setEnvironment("GOMAXPROCS", "5")
        try run(procs: 3) { exit_(Int32(gomaxprocs())) }
      }
    }

    @Test func `an empty GOMAXPROCS is no GOMAXPROCS`() async {
      let result = await #expect(
        processExitsWith: .exitCode(0),
        observing: [\.standardErrorContent, \.standardOutputContent]
      ) {
        exitTestDeadline()
        setEnvironment("GOMAXPROCS", "")
        try run { sayProcs() }
      }
      await #expect(saidProcs(result) == procsByDefault())
      #expect(!stderrText(result).contains("GOMAXPROCS"))
    }

    @Test func `garbage in GOMAXPROCS is named and ignored`() async {
      let result = await #expect(
        processExitsWith: .exitCode(0),
        observing: [\.standardErrorContent, \.standardOutputContent]
      ) {
        exitTestDeadline()
        setEnvironment("GOMAXPROCS", "4 lions")
        try run { sayProcs() }
      }
      await #expect(saidProcs(result) == procsByDefault())
      #expect(stderrText(result).contains("GOMAXPROCS"))
      #expect(stderrText(result).contains("4 lions"))
    }

    @Test func `zero in GOMAXPROCS is named and ignored`() async {
      let result = await #expect(
        processExitsWith: .exitCode(0),
        observing: [\.standardErrorContent, \.standardOutputContent]
      ) {
        exitTestDeadline()
        setEnvironment("GOMAXPROCS", "0")
        try run { sayProcs() }
      }
      await #expect(saidProcs(result) == procsByDefault())
      #expect(stderrText(result).contains("GOMAXPROCS"))
    }

    @Test func `a negative GOMAXPROCS is named and ignored`() async {
      let result = await #expect(
        processExitsWith: .exitCode(0),
        observing: [\.standardErrorContent, \.standardOutputContent]
      ) {
        exitTestDeadline()
        setEnvironment("GOMAXPROCS", "-2")
        try run { sayProcs() }
      }
      await #expect(saidProcs(result) == procsByDefault())
      #expect(stderrText(result).contains("GOMAXPROCS"))
      #expect(stderrText(result).contains("-2"))
    }

    @Test func `a GOMAXPROCS that overflows is named and ignored`() async {
      let result = await #expect(
        processExitsWith: .exitCode(0),
        observing: [\.standardErrorContent, \.standardOutputContent]
      ) {
        exitTestDeadline()
        setEnvironment("GOMAXPROCS", "99999999999999999999999")
        try run { sayProcs() }
      }
      await #expect(saidProcs(result) == procsByDefault())
      #expect(stderrText(result).contains("99999999999999999999999"))
    }

    // Go: TestBigGOMAXPROCS
    @Test func `GOMAXPROCS 1024 starts`() async {
      await #expect(processExitsWith: .exitCode(0)) {
        exitTestDeadline()
        setEnvironment("GOMAXPROCS", "1024")
        try run {
          let group = WaitGroup()
          for _ in 0..<3000 { group.go { gosched() } }
          group.wait()
          exit_(gomaxprocs() == 1024 ? 0 : 1)
        }
      }
    }

    @Test func `a report that is too long is cut, and still a line`() async {
      let result = await #expect(
        processExitsWith: .exitCode(0),
        observing: [\.standardErrorContent, \.standardOutputContent]
      ) {
        exitTestDeadline()
        setEnvironment("GOMAXPROCS", String(repeating: "x", count: 2000))
        try run { sayProcs() }
      }
      await #expect(saidProcs(result) == procsByDefault())
      #expect(stderrText(result).contains("x\n"))
    }
  }
}
