// SPDX-License-Identifier: Apache-2.0
//
// Bad ends with I/O. Each in a process of its own.
//                                            Go: src/runtime/crash_test.go

import Testing

@testable import Stage

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

extension RuntimeTests.DeathTests {
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
}
