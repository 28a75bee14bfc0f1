// SPDX-License-Identifier: Apache-2.0
//
// The gate on the stage before.

import CLinux
import Stage02
import Testing

extension RuntimeTests.GateTests {
  @Test func `on stage 02 one that computes keeps the other from running`() throws {
    let arrived = Counter()
    let alone = Counter()
    try run {
      let group = WaitGroup()
      for n in 1...2 {
        group.go {
          // The first meets nobody; the second finds that the first has been there.
          if !comesAndComputes(arrived), n == 1 { alone.add() }
        }
      }
      group.wait()
    }
    #expect(alone.value == 1)
    #expect(arrived.value == 2)
  }
}

/// Comes, and computes until the other has come, too, or for a fifth of a second. Whether
/// both have come.
private func comesAndComputes(_ arrived: Counter) -> Bool {
  arrived.add()
  let end = nanotime() + 200_000_000
  while arrived.value < 2, nanotime() < end {}
  return arrived.value == 2
}
