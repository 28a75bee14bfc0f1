// SPDX-License-Identifier: Apache-2.0
//
// A loop without a check, which only a signal can interrupt.

import Stage

extension Parts {
  static let signals = Part(
    leftovers: [
      { _ in
        lockOSThread()
        while true { _ = compute(1000) }
      }
    ]
  )
}
