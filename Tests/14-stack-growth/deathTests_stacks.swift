// SPDX-License-Identifier: Apache-2.0
//
// Stacks that outgrow their limit. Each in a process of its own.
//                                            Go: src/runtime/crash_test.go

import Testing

@testable import Stage

/// Frames of 64 KB, for ever. Go: StackOverflow
@inline(never)
private func recurseInLargeFrames(_ n: Int) -> Int {
  withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 16) { buffer in
    buffer.storeBytes(of: n, as: Int.self)
    return recurseInLargeFrames(n + 1) + buffer.load(as: Int.self)
  }
}

extension RuntimeTests.DeathTests {
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

  // Go: TestNoHelperGoroutines
  @Test func `the runtime's own goroutines are no part of a panic's trace`() async {
    let result = await #expect(
      processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
    ) {
      exitTestDeadline()
      try run(procs: 2) {
        go { throw TestError() }
        select {}
      }
    }
    let text = stderrText(result)
    #expect(text.hasPrefix("panic: "), "\(text)")
    #expect(!text.contains("collector"), "\(text)")
  }
}
