// SPDX-License-Identifier: Apache-2.0
//
// Exercise 14.03.

import CLinux
import Testing

@testable import Stage

/// About a kilobyte a call; runs `atBottom` there, and is the number of calls, if every
/// frame is as it was.
@inline(never)
private func descend(_ depth: Int, _ atBottom: () -> Void) -> Int {
  var frame = InlineArray<128, Int>(repeating: depth)
  if depth == 0 {
    atBottom()
    return 0
  }
  frame[depth & 127] = 1
  let below = descend(depth - 1, atBottom)
  for i in 0..<128 where frame[i] != (i == depth & 127 ? 1 : depth) { return -1_000_000 }
  return below + frame[depth & 127]
}

/// Waits for a pass of the collector.
private func pass() {
  let passes = collector[].npasses.load(ordering: .relaxed)
  collectornow()
  while collector[].npasses.load(ordering: .relaxed) == passes { gosched() }
  stopTheWorld {}
}

extension RuntimeTests {
  @Suite("stackshrink")
  struct ShrinkTests {
    @Test(.enabled(if: !sanitized))
    func `what is not in use any more is given back`() async {
      await #expect(processExitsWith: .exitCode(0)) {
        exitTestDeadline()
        try inRun(.inTurns) { t in
          let end = Channel<Int>()
          let gp = Shared<GPtr?>(nil)
          goUntilParked {
            gp.value = getg()
            t.equal(descend(1000) {}, 1000)
            _ = end.receive()
          }
          let g = gp.value!
          t.check(stacktop(g) - g[].softlo >= 1 << 20, "it did not grow")
          pass()
          let size = stacktop(g) - g[].softlo
          t.equal(size, startingStackSize(g), "what a deep call left is given back")
          t.check(!g[].grown)
          var grown = 0
          forEachG { if $0[].grown { grown += 1 } }
          t.equal(Int(stackpool[].ngrown.load(ordering: .relaxed)), grown)
          end.close()
        }
      }
    }

    @Test(.enabled(if: !sanitized))
    func `what is in use stays as it is`() async {
      await #expect(processExitsWith: .exitCode(0)) {
        exitTestDeadline()
        try inRun(.inTurns) { t in
          let middle = Channel<Int>()
          let end = Channel<Int>()
          let result = Channel<Int>(capacity: 1)
          let gp = Shared<GPtr?>(nil)
          goUntilParked {
            gp.value = getg()
            // Deep, and then in the middle: there it waits.
            let calls = descend(300) {
              t.equal(descend(3000) {}, 3000)
              _ = middle.receive()
            }
            result.send(calls)
            _ = end.receive()
          }
          let g = gp.value!
          let deep = stacktop(g) - g[].softlo
          pass()
          let size = stacktop(g) - g[].softlo
          t.check(
            size < deep / 2, "\(size) of \(deep) bytes kept: the rest is given back")
          t.check(size > 300 * 1024, "\(size) bytes are less than what is in use")
          t.check(g[].grown)
          pass()
          t.equal(stacktop(g) - g[].softlo, size, "a second pass finds nothing")
          middle.close()
          t.equal(result.receive(), 300)
          end.close()
        }
      }
    }

    @Test(.enabled(if: !sanitized))
    func `a stack that was made small grows again`() async {
      await #expect(processExitsWith: .exitCode(0)) {
        exitTestDeadline()
        try inRun(.inTurns) { t in
          let again = Channel<Int>()
          let result = Channel<Int>()
          go {
            for _ in again { result.send(descend(1000) {}) }
          }
          for _ in 0..<5 {
            let before = schedulerCounters().stackGrowths
            again.send(1)
            t.equal(result.receive(), 1000)
            t.check(
              schedulerCounters().stackGrowths > before, "was given back, and grows")
            pass()
          }
          again.close()
        }
      }
    }
  }
}
