// SPDX-License-Identifier: Apache-2.0
//
// Thieves that begin with their neighbour: each is visited once, and no two thieves that
// look at the same time look at the same P.

import Testing

@testable import Stage

/// Where a thief looks, in this order.
private func places(_ order: StealOrder) -> [UInt32] {
  var order = order
  var result: [UInt32] = []
  while !order.done {
    result.append(order.position)
    order.next()
  }
  return result
}

/// Of all times when a thief looks, those when another one looks at the same P, in
/// percent, if all begin together.
private func meetings(_ orders: [[UInt32]]) -> Int {
  let count = orders.count
  var met = 0
  for step in 0..<count {
    let looked = orders.map { $0[step] }
    met += looked.filter { place in looked.filter { $0 == place }.count > 1 }.count
  }
  return 100 * met / (count * count)
}

extension RuntimeTests {
  @Suite("the neighbour first")
  struct OrderTests {
    @Test func `it begins with the neighbour, and visits every P once`() {
      #expect(places(StealOrder(4, after: 1)) == [2, 3, 0, 1])
      for count in 1...UInt32(70) {
        for id in 0..<count {
          let seen = places(StealOrder(count, after: id))
          #expect(Set(seen).count == Int(count))
          #expect(seen.first == (id + 1) % count)
          #expect(seen.last == id)
        }
      }
    }

    @Test func `thieves that begin together never meet`() {
      for count: UInt32 in [2, 4, 8, 64] {
        let ours = meetings((0..<count).map { places(StealOrder(count, after: $0)) })
        var random = SystemRandomNumberGenerator()
        let theirs = meetings(
          (0..<count).map { _ in places(StealOrder(count, random.next())) })
        print("\(count) thieves: \(ours) % meet, with the random order \(theirs) %")
        #expect(ours == 0)
      }
    }

    @Test func `a burst is still shared`() throws {
      try inRun(procs: 2) { t in
        let before = schedulerCounters().stolen
        let busy = Counter()
        let ran = Counter()
        go {
          busy.value = 1
          busy.spin(until: 2)
        }
        busy.spin(until: 1)
        for _ in 0..<100 { go { ran.add() } }
        busy.value = 2
        ran.spin(until: 100)
        t.check(schedulerCounters().stolen >= before + 100, "not stolen")
      }
    }
  }
}
