// SPDX-License-Identifier: Apache-2.0
//
// System calls that are over at once.

import Glibc
import Stage

extension Syscalls {
  static var bodies: [String: Body] {
    [
      "syscall": { size in
        try inRun { calls(size(300_000)) }
      },
      "syscall-beside": { size in
        try inRun {
          let stop = Counter()
          let ended = Channel<Void>()
          go {
            while stop.value == 0 { gosched() }
            ended.close()
          }
          let each = calls(size(20_000))
          stop.add()
          _ = ended.receive()
          return each
        }
      },
    ]
  }
}

private func calls(_ n: Int) -> Double {
  nanoseconds {
    for _ in 0..<n {
      blocking { _ = getppid() }
    }
  } / Double(n)
}
