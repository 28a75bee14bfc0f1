// SPDX-License-Identifier: Apache-2.0
//
// N calls that sleep in the kernel for 200 ms each overlap, although there is
// one P only.
//
// Seed fact: a thread that blocks in a system call loses its P, which another
// thread takes on. GOMAXPROCS bounds the threads that run Swift code, not those
// that wait in the kernel. In Go the compiler marks such calls; here `blocking`
// does.

import Glibc
import Stage

extension Programs.Blockers {
  static var body: Body? { blockers }
}

func blockers(_ n: Int) throws {
  try run(procs: 1) {
    let everyone = WaitGroup()
    let time = seconds {
      for _ in 0..<n {
        everyone.go {
          _ = blocking { usleep(200_000) }
        }
      }
      everyone.wait()
    }
    print("\(n) x 200 ms of waiting in the kernel, one P: \(pleasant(time))")
    print("one after the other would take \(pleasant(Double(n) * 0.2))")
  }
}
