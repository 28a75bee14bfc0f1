// SPDX-License-Identifier: Apache-2.0
//
// The gate: a recursion that needs a megabyte of stack, and 200 goroutines that were deep
// once and wait. On stage 13 the first ends the process, and what the others have touched
// stays theirs (gateTests_before.swift); here a stack is as large as what runs on it needs.

import Testing

@testable import Stage

/// About a kilobyte a call; the number of calls, if every frame is as it was.
@inline(never)
func callsDeep(_ depth: Int) -> Int {
  var frame = InlineArray<128, Int>(repeating: depth)
  if depth == 0 { return 0 }
  frame[depth & 127] = 1
  let below = callsDeep(depth - 1)
  for i in 0..<128 where frame[i] != (i == depth & 127 ? 1 : depth) { return -1 }
  return below + frame[depth & 127]
}

/// A thousand calls are a megabyte.
let megabyteDeep = 1000

/// What a goroutine of any stage has room for: more than 64 KB, less than 160.
let onceDeep = 64

extension RuntimeTests {
  @Suite("gate: stacks that grow")
  struct GateTests {
    @Test func `here a recursion needs a megabyte, and gets it`() async {
      await #expect(processExitsWith: .exitCode(0)) {
        exitTestDeadline()
        try inRun(.inTurns) { t in
          let result = Channel<Int>()
          go { result.send(callsDeep(megabyteDeep)) }
          t.equal(result.receive(), megabyteDeep)
          t.check(schedulerCounters().stackGrowths > 0)
        }
      }
    }

    // A sanitizer's stacks begin with as much as this needs.
    @Test(.enabled(if: !sanitized))
    func `here what goroutines touched once is given back while they wait`() async {
      await #expect(processExitsWith: .exitCode(0)) {
        exitTestDeadline()
        try inRun(.inTurns) { t in
          let end = Channel<Void>()
          let before = processStatus("VmRSS")
          for _ in 0..<200 {
            goUntilParked {
              t.equal(callsDeep(onceDeep), onceDeep)
              _ = end.receive()
            }
          }
          let deep = processStatus("VmRSS") - before
          let passes = collector[].npasses.load(ordering: .relaxed)
          collectornow()
          while collector[].npasses.load(ordering: .relaxed) == passes { gosched() }
          stopTheWorld {}
          let kept = processStatus("VmRSS") - before
          t.check(deep > 200 * onceDeep, "\(deep) KB when all were deep")
          t.check(kept < deep / 2, "\(kept) KB of \(deep) KB kept")
          t.equal(numGoroutine(), 201)
          end.close()
        }
      }
    }
  }
}
