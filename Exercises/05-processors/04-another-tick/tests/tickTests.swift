// SPDX-License-Identifier: Apache-2.0
//
// How long a goroutine in the global queue waits beside a P that has enough to do.

import Testing

@testable import Stage

/// The most goroutines that the only P ran while one of the global queue waited, in so
/// many rounds.
private func longestWait(tick: UInt32, rounds: Int) throws -> UInt32 {
  let longest = Shared<UInt32>(0)
  try inRun(procs: 1) { _ in
    sched[].globaltick.store(tick, ordering: .relaxed)
    let stop = Counter()
    // Two that keep the P's own queue from ever being empty.
    func perpetuumMobile() {
      if stop.value != 0 { return }
      go { perpetuumMobile() }
      go {}
    }
    go { perpetuumMobile() }
    go { perpetuumMobile() }
    for _ in 0..<rounds {
      let before = getg()[].m.unsafelyUnwrapped[].p.unsafelyUnwrapped[].schedtick
        .load(ordering: .relaxed)
      gosched()
      let after = getg()[].m.unsafelyUnwrapped[].p.unsafelyUnwrapped[].schedtick
        .load(ordering: .relaxed)
      longest.value = max(longest.value, after &- before)
    }
    stop.value = 1
    sched[].globaltick.store(61, ordering: .relaxed)
  }
  return longest.value
}

extension RuntimeTests {
  @Suite("the tick of the global queue")
  struct TickTests {
    @Test(arguments: [2, 7, 61, 251] as [UInt32])
    func `who is in the global queue waits for a tick, and no longer`(
      tick: UInt32
    ) throws {
      let wait = try longestWait(tick: tick, rounds: 20)
      print("tick \(tick): waited for \(wait) goroutines at most")
      #expect(wait == tick)
    }

    @Test func `it is 61 unless somebody says otherwise`() {
      #expect(sched[].globaltick.load(ordering: .relaxed) == 61)
    }
  }
}
