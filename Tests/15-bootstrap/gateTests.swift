// SPDX-License-Identifier: Apache-2.0
//
// The gate: a part of the program that needs goroutines before main begins. On stage 14
// nobody has started the runtime then (gateTests_before.swift); here it starts the
// program.

import Testing

@testable import Stage

private struct Prepared: GoProgram {
  nonisolated(unsafe) static var greeting = ""

  static var initTasks: [@Sendable () throws -> Void] {
    [
      {
        let c = Channel<String>()
        go { c.send("prepared") }
        greeting = c.receive()!
      }
    ]
  }

  static func goMain() throws { say(greeting) }
}

extension RuntimeTests {
  @Suite("gate: goroutines before main")
  struct GateTests {
    @Test func `here an init task has goroutines`() async {
      let result = await #expect(
        processExitsWith: .exitCode(0), observing: [\.standardOutputContent]
      ) {
        exitTestDeadline()
        Prepared.main()
      }
      #expect(stdoutText(result).hasSuffix("prepared"))
    }
  }
}
