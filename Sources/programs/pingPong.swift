// SPDX-License-Identifier: Apache-2.0
//
// Two goroutines hand a ball over, N times there and back.
//
// Seed fact: a goroutine that is made ready goes to runnext and inherits the
// time slice, so two that talk to each other run at once, one after the other,
// and need neither a second thread nor the kernel.

import Stage

extension Programs.PingPong {
  static var body: Body? { pingPong }
}

func pingPong(_ n: Int) throws {
  try run {
    let there = Channel<Int>()
    let back = Channel<Int>()
    go {
      for ball in there {
        back.send(ball + 1)
      }
      back.close()
    }
    var ball = 0
    let time = seconds {
      for _ in 1...n {
        there.send(ball)
        ball = back.receive()!
      }
    }
    there.close()
    print("\(grouped(ball)) round trips, \(pleasant(time / Double(n))) each")
  }
}
