// SPDX-License-Identifier: Apache-2.0
//
// What stops the world.

import Stage

extension Parts {
  static let stopTheWorld = Part(
    operations: [
      Operation("gomaxprocs") { _, r in
        if r.below(10) == 0 { gomaxprocs(1 + r.below(16)) }
      },
      Operation("stopTheWorld") { _, r in
        if r.below(5) == 0 { Stage.stopTheWorld { _ = compute(100) } }
      },
      Operation("dump") { _, r in
        if r.below(20) == 0 { _ = stackDump() }
      },
    ]
  )
}
