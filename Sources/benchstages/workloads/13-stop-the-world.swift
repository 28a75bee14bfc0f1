// SPDX-License-Identifier: Apache-2.0
//
// Everybody stops, and goes on.

import Stage

extension StopTheWorld {
  static var bodies: [String: Body] {
    ["stop-the-world": { size in try stops(size(2000)) }]
  }
}

private func stops(_ n: Int) throws -> Double {
  try inRun {
    let started = Channel<Void>()
    let stop = Counter()
    go {
      started.close()
      var x: UInt64 = 1
      while stop.value == 0 { x = work(1000, x) }
      sink[0] = x
    }
    _ = started.receive()
    let elapsed = nanoseconds {
      for _ in 0..<n {
        stopTheWorld {}
      }
    }
    stop.add()
    return elapsed / Double(n)
  }
}
