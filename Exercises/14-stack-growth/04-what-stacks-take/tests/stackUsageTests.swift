// SPDX-License-Identifier: Apache-2.0
//
// Exercise 14.04.

import CLinux
import Testing

@testable import Stage

/// About a kilobyte a call; waits at the bottom.
@inline(never)
private func descend(_ depth: Int, _ bottom: Channel<Int>) -> Int {
  var frame = InlineArray<128, Int>(repeating: depth)
  if depth == 0 { return bottom.receive() ?? 0 }
  frame[depth & 127] = 1
  return descend(depth - 1, bottom) + frame[depth & 127]
}

/// What the calling goroutine may use.
private func usableHere() -> Int { Int(stacktop(getg()) - getg()[].softlo) }

extension RuntimeTests {
  @Suite("stackUsage")
  struct StackUsageTests {
    @Test func `a thousand that wait have what a stack begins with`() async {
      await #expect(processExitsWith: .exitCode(0)) {
        exitTestDeadline()
        try inRun(.inTurns) { t in
          let end = Channel<Int>()
          // The first of all may need more, to prepare what the others find prepared.
          goUntilParked { _ = end.receive() }
          let before = stackUsage()
          let mine = usableHere()
          for _ in 0..<1000 { goUntilParked { _ = end.receive() } }
          let after = stackUsage()
          t.equal(after.stacks - before.stacks, 1000)
          // The stack of this goroutine may grow meanwhile.
          let grown = usableHere() - mine
          t.equal(after.usable - before.usable - grown, 1000 * Int(stackMin))
          t.check(after.reserved - before.reserved > 1000 << 20, "\(after)")
          end.close()
        }
      }
    }

    @Test(.enabled(if: !sanitized))
    func `one that is deep has more`() async {
      await #expect(processExitsWith: .exitCode(0)) {
        exitTestDeadline()
        try inRun(.inTurns) { t in
          let end = Channel<Int>()
          goUntilParked { _ = descend(1000, end) }
          let usage = stackUsage()
          t.check(usage.deepest >= 1 << 20, "\(usage)")
          t.check(usage.deepest <= 16 << 20, "\(usage)")
          end.close()
        }
      }
    }

    @Test(.enabled(if: !sanitized && guard_is_cheap() != 0))
    func `a hundred thousand, in three numbers`() async {
      await #expect(processExitsWith: .exitCode(0)) {
        exitTestDeadline(60)
        let memory = processStatus("VmRSS")
        let tables = processStatus("VmPTE")
        try inRun(.inTurns) { t in
          let n = 100_000
          let end = Channel<Int>()
          let group = WaitGroup()
          for _ in 0..<n { group.go { _ = end.receive() } }
          // The last of them may not have begun.
          while stackUsage().stacks < n { gosched() }
          for _ in 0..<1000 { gosched() }
          let usage = stackUsage()
          let kilobytes = processStatus("VmRSS") - memory
          let pages = processStatus("VmPTE") - tables
          say(
            """
            \(usage.stacks) stacks: \(usage.reserved / n) bytes reserved each,
            \(usage.usable / n) usable, \(kilobytes * 1024 / n) in memory,
            \(pages * 1024 / n) of page tables

            """)
          t.check(usage.stacks >= n, "\(usage)")
          t.check(kilobytes * 1024 / n < 16 << 10, "\(kilobytes) KB")
          end.close()
          group.wait()
        }
      }
    }
  }
}
