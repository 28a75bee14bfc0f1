// SPDX-License-Identifier: Apache-2.0
//
// I/O, and goroutines that compute.                     Go: src/runtime/proc_test.go

import Testing

@testable import Stage

extension RuntimeTests.NetpollTests {
  @Test func `writing to a pipe that nobody reads is EPIPE, and no more`() throws {
    try inRun(procs: 2) { t in
      let pipe = try GoPipe()
      pipe.closeRead()
      t.equal(failure { try pipe.write([1]) }, 32)
      pipe.closeWrite()
    }
  }

  @Test(arguments: [1, 2, 4])
  func `what arrives while a goroutine computes is not kept waiting`(procs: Int) throws {
    try inRun(procs: procs, within: 20) { _ in
      let (first, wakeFirst) = makePipe()
      let (second, wakeSecond) = makePipe()
      let (end, finish) = makePipe()
      let computing = Counter()
      let answered = Counter()
      go {
        try waitReadable(first)
        computing.value = 1
        while answered.value == 0 { checkUnlessSignals() }
      }
      go {
        try waitReadable(second)
        answered.value = 1
      }
      detachForeignThread {
        // Everything sleeps, the watchman included.
        while !sched[].sysmonwait.load(ordering: .relaxed) {
          sleepInKernel(milliseconds: 1)
        }
        _ = writeByte(wakeFirst)
        while computing.value == 0 { sleepInKernel(milliseconds: 1) }
        _ = writeByte(wakeSecond)
        while answered.value == 0 { sleepInKernel(milliseconds: 1) }
        _ = writeByte(finish)
      }
      try waitReadable(end)
    }
  }
}
