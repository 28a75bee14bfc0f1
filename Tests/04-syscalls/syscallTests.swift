// SPDX-License-Identifier: Apache-2.0
//
// A goroutine in a system call, and others that run meanwhile.
//                                                      Go: src/runtime/proc_test.go

import CLinux
import Testing

@testable import Stage

extension RuntimeTests {
  @Suite("blocking")
  struct SyscallTests {
    @Test func `blocking gives back the value of its body, and its error`() throws {
      try inRun(procs: 1) { t in
        t.equal(blocking { 7 }, 7)
        t.equal(try? blocking { () throws -> Int in throw TestError() }, nil)
      }
    }

    @Test func `blocking inside blocking is blocking`() async {
      await #expect(processExitsWith: .exitCode(0)) {
        exitTestDeadline()
        try run(procs: 1) {
          for i in 0..<100 {
            if blocking({ blocking { i } }) != i { exit_(1) }
            gosched()
          }
        }
        exit_(0)
      }
    }

    @Test(arguments: procsToTry)
    func `a blocked goroutine keeps none from running`(procs: Int) throws {
      try inRun(procs: procs) { t in
        let n = 4 * procs
        let arrived = Counter()
        let group = WaitGroup()
        // None comes back before all have gone in.
        for _ in 0..<n {
          group.go {
            blocking {
              arrived.add()
              while arrived.value < n { sleepInKernel(milliseconds: 1) }
            }
          }
        }
        group.wait()
        t.equal(arrived.value, n)
      }
    }

    @Test func `a goroutine releases one that is blocked`() throws {
      try inRun(procs: 1) { _ in
        for _ in 0..<20 {
          let flag = Counter()
          go { flag.value = 1 }
          blocking { while flag.value == 0 { osyield() } }
        }
      }
    }

    @Test(arguments: procsToTry)
    func `short calls lose no goroutine`(procs: Int) throws {
      try inRun(procs: procs) { t in
        let group = WaitGroup()
        let calls = Counter()
        for _ in 0..<20 {
          group.go {
            for i in 0..<500 {
              blocking { if i % 100 == 0 { sleepInKernel(milliseconds: 1) } }
              calls.add()
              if i % 7 == 0 { gosched() }
            }
          }
        }
        group.wait()
        t.equal(calls.value, 10_000)
      }
    }

    @Test func `main may return while others are in system calls`() throws {
      for _ in 0..<5 {
        let arrived = Counter()
        let released = Counter()
        try inRun(procs: 2) { _ in
          for _ in 0..<4 {
            go {
              blocking {
                arrived.add()
                while released.value == 0 { sleepInKernel(milliseconds: 1) }
              }
              released.add(1000)
            }
          }
          arrived.await(4)
        }
        // They come back when their goroutine is no more.
        released.value = 1
        try inRun(procs: 2) { t in
          for _ in 0..<5 {
            blocking { sleepInKernel(milliseconds: 1) }
            gosched()
          }
          t.equal(released.value, 1, "an abandoned goroutine went on")
        }
      }
    }

    @Test func `errno of a call is the goroutine's afterwards`() throws {
      try inRun(procs: 2) { t in
        let group = WaitGroup()
        for i in 1...10 {
          group.go {
            for _ in 0..<50 {
              blocking {
                sleepInKernel(milliseconds: i % 2)
                errno_location().pointee = Int32(i)
              }
              t.equal(errno_location().pointee, Int32(i))
              gosched()
              t.equal(errno_location().pointee, Int32(i))
            }
          }
        }
        group.wait()
      }
    }
  }
}
