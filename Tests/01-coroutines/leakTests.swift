// SPDX-License-Identifier: Apache-2.0
//
// What LeakSanitizer finds after 100,000 goroutines: memory that nothing refers to. It
// comes with AddressSanitizer, so these tests are run by `make asan`.
//
// Its roots are globals, the stacks of threads, and what it is told of. Gs and their
// stacks lie outside its heap, so it is told of them (see reportLostMemory).

import CLinux
import Testing

@testable import Stage

/// Describes on standard error the memory that nothing refers to, then ends the process.
/// No goroutine of the program may live.
func reportLostMemory() -> Never {
  forEachG { gp in
    // The runtime's own are parked.
    let lo = isDead(gp) ? gp[].stack.hi : gp[].sched.sp
    let end = UInt(bitPattern: gp.raw) + UInt(MemoryLayout<G>.size)
    leakSanitizer!.addRoot(UnsafeMutableRawPointer(bitPattern: lo)!, Int(end - lo))
  }
  _ = leakSanitizer!.search()
  exit_(0)
}

extension RuntimeTests {
  @Suite("LeakSanitizer", .enabled(if: leakSanitizer != nil, "needs AddressSanitizer"))
  struct LeakTests {
    @Test func `100,000 goroutines that take turns lose no memory`() async {
      let result = await #expect(
        processExitsWith: .exitCode(0), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline(120)
        let live = Counter()
        try run {
          for _ in 0..<100 {
            let ended = Counter()
            for i in 0..<1_000 {
              let object = Tracked(live, i)
              go {
                defer { ended.add() }
                if object.id % 2 == 0 { gosched() }
                if object.id % 3 == 0 { try goexit() }
              }
            }
            ended.await(1_000)
          }
          while numGoroutine() != 1 { gosched() }
        }
        if live.value != 0 { exit_(1) }
        reportLostMemory()
      }
      let text = stderrText(result)
      #expect(!text.contains("LeakSanitizer"), "\(text)")
    }

    @Test func `memory that a goroutine loses is found`() async {
      let result = await #expect(
        processExitsWith: .exitCode(0), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline(120)
        let live = Counter()
        try run {
          let ended = Counter()
          go {
            _ = Unmanaged.passRetained(Tracked(live))
            ended.add()
          }
          ended.await(1)
        }
        if live.value != 1 { exit_(1) }
        reportLostMemory()
      }
      #expect(stderrText(result).contains("LeakSanitizer: detected memory leaks"))
    }
  }
}

private func isDead(_ gp: GPtr) -> Bool {
  gp[].atomicstatus.load(ordering: .sequentiallyConsistent) == .dead
}
