// SPDX-License-Identifier: Apache-2.0
//
// Locks that are counted, and threads that end with their goroutines.
//                              Go: src/runtime/proc_test.go, testprog/lockosthread.go

import CLinux
import Testing

@testable import Stage

/// How often the current M is locked.
private func lockCount() -> UInt32 {
  let gp = enterRuntime("test")
  defer { exitRuntime(gp) }
  let mp = gp[].m!
  return mp[].lockedExt
}

extension RuntimeTests.LockOSThreadTests {
  // Go: TestLockOSThreadNesting
  @Test func `locks are counted, and one unlock too many does nothing`() throws {
    try inRun(procs: 2) { t in
      let group = WaitGroup()
      group.go {
        t.equal(lockCount(), 0)
        lockOSThread()
        lockOSThread()
        t.equal(lockCount(), 2)
        unlockOSThread()
        t.equal(lockCount(), 1)
        unlockOSThread()
        t.equal(lockCount(), 0)
        unlockOSThread()
        t.equal(lockCount(), 0)
      }
      group.wait()
    }
  }

  // Go: TestLockOSThreadExit
  @Test(arguments: [1, 4])
  func `the thread of a goroutine that ends locked ends too`(procs: Int) throws {
    let here = gettid_()
    try inRun(procs: procs) { _ in
      let tids = Channel<Int32>()
      for _ in 0..<10 {
        go {
          lockOSThread()
          tids.send(gettid_())
        }
        let tid = tids.receive()!
        // The thread that called run waits for its end instead.
        if tid == here { continue }
        while threadExists(tid) { gosched() }
      }
    }
  }

  @Test func `the thread that called run outlives a goroutine that ends locked on it`()
    throws
  {
    for _ in 0..<5 {
      let here = gettid_()
      try inRun(procs: 1) { t in
        // One P: what is started runs on this very thread first.
        for _ in 0..<10 {
          let c = Channel<Void>()
          go {
            lockOSThread()
            c.send(())
          }
          _ = c.receive()
          gosched()
        }
        t.check(threadExists(here))
      }
      #expect(gettid_() == here, "run returned on another thread")
    }
  }

  // Go: TestLockOSThreadAvoidsStatePropagation
  @Test func `a new thread does not inherit what a locked goroutine did to its own`()
    throws
  {
    try inRun(procs: 4) { t in
      let release = Counter()
      let arrived = Counter()
      let group = WaitGroup()
      group.go {
        lockOSThread()
        nameThread("tainted")
        // More threads are needed now, and this one starts the goroutines.
        for _ in 0..<30 {
          group.go {
            blocking {
              arrived.add()
              while release.value == 0 { sleepInKernel(milliseconds: 1) }
            }
          }
        }
        arrived.await(30)
        t.equal(threadNames().filter { $0 == "tainted" }.count, 1)
        release.value = 1
        nameThread("clean")
        unlockOSThread()
      }
      group.wait()
    }
  }

  // Go: TestLockOSThreadAvoidsStatePropagation
  @Test(arguments: [1, 4])
  func `nor does one that goes on where a locked goroutine has ended`(procs: Int) throws {
    try inRun(procs: procs) { t in
      let release = Channel<Void>()
      let locked = Counter()
      let group = WaitGroup()
      // Each keeps a thread, until none is idle.
      for _ in 0..<40 {
        group.go {
          lockOSThread()
          locked.add()
          _ = release.receive()
          unlockOSThread()
        }
      }
      locked.await(40)
      let names = Channel<String>(capacity: 1)
      for _ in 0..<20 {
        go {
          lockOSThread()
          nameThread("tainted")
          go { names.send(threadName()) }
        }
        t.check(names.receive() != "tainted")
      }
      release.close()
      group.wait()
    }
  }

  @Test(arguments: [true, false])
  func `the thread of a locked goroutine that a run leaves behind ends`(parked: Bool)
    throws
  {
    let caller = gettid_()
    try inRun(procs: 2) { _ in
      let ready = Channel<Void>()
      go {
        // The thread that calls run stays.
        while gettid_() == caller { gosched() }
        lockOSThread()
        nameThread("left")
        ready.close()
        if parked {
          _ = Channel<Void>().receive()
        } else {
          blocking { sleepInKernel(milliseconds: 20) }
        }
        gosched()
      }
      _ = ready.receive()
    }
    // Others may come back to do more; that one does not.
    try inRun(procs: 2) { _ in
      while threadNames().contains("left") { gosched() }
    }
  }
}
