// SPDX-License-Identifier: Apache-2.0
//
// A loop without any call, on the only P there is, starves nobody.
//
// Seed fact: a goroutine that has run for 10 ms is asked to yield at its next
// stack check. This loop has no check. The signal finds it where it is: that is
// asynchronous preemption, and without it this program would never end.

import Stage
import Synchronization

extension Programs.Hog {
  static var body: Body? { { _ in try hog() } }
}

private final class Flag: Sendable {
  let isSet = Atomic(false)
}

func hog() throws {
  try run(procs: 1) {
    let stop = Flag()
    let rounds = Channel<UInt64>()
    go {
      var n: UInt64 = 0
      while !stop.isSet.load(ordering: .relaxed) {
        n &+= 1
      }
      rounds.send(n)
    }
    for i in 1...5 {
      let time = seconds { sleep(for: .milliseconds(20)) }
      print("tick \(i): slept 20 ms, woke after \(tenths(time * 1000)) ms")
    }
    stop.isSet.store(true, ordering: .relaxed)
    let n = rounds.receive()!
    print("the hog went round \(grouped(Int(n / 1_000_000))) million times meanwhile")
  }
}
