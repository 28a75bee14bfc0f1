// SPDX-License-Identifier: Apache-2.0
//
// Calls that block, and goroutines that keep their thread.

import Stage

extension Parts {
  static let syscalls = Part(
    operations: [
      Operation("blocking call") { _, r in
        let us = r.below(100)
        blocking { pause(us) }
      },
      Operation("locked thread") { _, _ in
        lockOSThread()
        gosched()
        unlockOSThread()
      },
      Operation("goroutine that ends locked, or by goexit") { _, r in
        let ended = Channel<Void>()
        let kind = r.below(4)
        go {
          defer { ended.close() }
          if kind & 1 != 0 { lockOSThread() }
          if kind & 2 != 0 { try goexit() }
        }
        _ = ended.receive()
      },
    ],
    leftovers: [
      { _ in
        blocking { pause(3000) }
        gosched()
      }
    ]
  )
}
