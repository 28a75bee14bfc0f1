// SPDX-License-Identifier: Apache-2.0
//
// Four goroutines on one P print 4 1 2 3.
//
// Seed fact: `go` puts the new G into runnext and kicks the one that was there
// to the tail of the run queue. The last one started runs first, the others in
// the order in which they were started.

import Stage

extension Programs.FourPrints {
  static var body: Body? { { _ in try fourPrints() } }
}

func fourPrints() throws {
  try run(procs: 1) {
    let everyone = WaitGroup()
    for i in 1...4 {
      everyone.go { print(i) }
    }
    // Nothing has run so far: the only P is busy with this goroutine.
    everyone.wait()
  }
}
