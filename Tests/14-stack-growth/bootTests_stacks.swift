// SPDX-License-Identifier: Apache-2.0
//
// Crowds, each in a process of its own for the memory.

import CLinux
import Testing

@testable import Stage

extension RuntimeTests.BootTests {
  /// A million, if compiled for speed.
  @Test func `goroutines are parked by the hundred thousand, and all wake`() async {
    await #expect(processExitsWith: .exitCode(0)) {
      exitTestDeadline(150)
      #if DEBUG
        let most = 200_000
      #else
        let most = 1_000_000
      #endif
      // As many as there is memory for: a page of stack or two each, and what
      // the kernel needs.
      let n =
        sanitized
        ? 4_000
        : guard_is_cheap() == 0 ? 10_000 : min(most, memoryAvailable() / 16)
      let live = Counter()
      let woken = Counter()
      try run(procs: 2) {
        let gate = Channel<Void>()
        let group = WaitGroup()
        for i in 0..<n {
          let object = Tracked(live, i)
          group.go {
            _ = gate.receive()
            woken.add(object.id >= 0 ? 1 : 0)
          }
        }
        if numGoroutine() != n + 1 { exit_(1) }
        gate.close()
        group.wait()
      }
      exit_(woken.value == n && live.value == 0 ? 0 : 1)
    }
  }

  @Test func `a dead G with a large stack goes before one with a small one`() async {
    await #expect(processExitsWith: .exitCode(0)) {
      exitTestDeadline()
      try run(procs: 1) {
        _ = enterRuntime("test")
        let pp = getg()[].m.unsafelyUnwrapped[].p.unsafelyUnwrapped
        let small = malg()
        small[].stackclass = smallWindows
        gfputglobal(malg())
        gfput(pp, small)
        guard let first = gfget(pp) else { exit_(1) }
        exit_(first != small && first[].stackclass < smallWindows ? 0 : 1)
      }
    }
  }

  @Test func `after a crowd has gone, a goroutine may be deep again`() async {
    await #expect(processExitsWith: .exitCode(0)) {
      exitTestDeadline(60)
      try run(procs: 2) {
        let gate = Channel<Void>()
        let crowd = WaitGroup()
        for _ in 0..<(sanitized ? 4_000 : 50_000) { crowd.go { _ = gate.receive() } }
        gate.close()
        crowd.wait()
        @Sendable func recurse(_ n: Int) -> Int {
          var frame = InlineArray<128, Int>(repeating: n)
          if n == 0 { return 0 }
          frame[n & 127] = 1
          return recurse(n - 1) + frame[n & 127]
        }
        // 4 MB each.
        for _ in 0..<100 {
          let c = Channel<Int>()
          go { c.send(recurse(4000)) }
          if c.receive() != 4000 { exit_(1) }
        }
        exit_(0)
      }
    }
  }
}
