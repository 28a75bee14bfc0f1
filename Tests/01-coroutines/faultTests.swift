// SPDX-License-Identifier: Apache-2.0
//
// What goes wrong: a clear error, nothing lost, nothing hung. Here what the system
// refuses; time, peers, and signals and children, have files of their own.

import Testing

@testable import Stage

extension RuntimeTests {
  @Suite("faults")
  struct FaultTests {
    @Test(.enabled(if: !sanitized, "shadow memory counts, too"))
    func `no address space for a stack is a fatal error that says so`() async {
      let result = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        // On one thread, so that it is no thread that finds none.
        try Way.inTurns.run {
          freezeAddressSpace()
          for _ in 0..<100_000 { go { while true { gosched() } } }
        }
      }
      let text = stderrText(result)
      #expect(text.hasPrefix("fatal error: out of memory (goroutine stack)\n"), "\(text)")
    }
  }
}
