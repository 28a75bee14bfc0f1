// SPDX-License-Identifier: Apache-2.0
//
// System calls that are over at once.

import Glibc
import Stage

extension Syscalls {
  static var bodies: [String: Body] {
    [
      "syscall": { size in
        try inRun { calls(size(320_000)) }
      },
      "syscall-beside": { size in
        try inRun {
          let stop = Counter()
          let ended = Channel<Void>()
          go {
            while stop.value == 0 { gosched() }
            ended.close()
          }
          let each = calls(size(100_000), within: 500_000_000)
          stop.add()
          _ = ended.receive()
          return each
        }
      },
    ]
  }
}

/// Nanoseconds a call, of `n` calls or as many as there is time for.
private func calls(_ n: Int, within limit: Int = .max) -> Double {
  let start = now()
  var count = 0
  repeat {
    for _ in 0..<16 {
      blocking { _ = getppid() }
    }
    count += 16
  } while count < n && now() - start < limit
  return Double(now() - start) / Double(count)
}
