// SPDX-License-Identifier: Apache-2.0
//
// Goroutines tied to a thread.   Go: src/runtime/proc_test.go, testprog/lockosthread.go

import CLinux
import Synchronization
import Testing

@testable import Stage

/// How often the current M is locked.
private func lockCount() -> UInt32 {
  let gp = enterRuntime("test")
  defer { exitRuntime(gp) }
  let mp = gp[].m!
  return mp[].lockedExt
}

extension RuntimeTests {
  @Suite("lockOSThread")
  struct LockOSThreadTests {
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

    @Test(arguments: procsToTry)
    func `a locked goroutine stays on its thread, and has it alone`(procs: Int) throws {
      try inRun(procs: procs) { t in
        let group = WaitGroup()
        let locked = Counter()
        for _ in 0..<4 {
          group.go {
            lockOSThread()
            let mine = gettid_()
            locked.value = Int(mine)
            let c = Channel<Int>(capacity: 1)
            for i in 0..<100 {
              gosched()
              t.equal(gettid_(), mine, "after gosched")
              c.send(i)
              _ = c.receive()
              if i % 20 == 0 { sleep(for: .microseconds(100)) }
              if i % 20 == 1 { blocking { osyield() } }
              t.equal(gettid_(), mine)
            }
            unlockOSThread()
          }
        }
        group.wait()

        // Another goroutine never runs on a thread that is taken.
        let taken = Counter()
        let stop = Channel<Void>()
        goUntilParked {
          lockOSThread()
          taken.value = Int(gettid_())
          _ = stop.receive()
          unlockOSThread()
        }
        for _ in 0..<20 {
          group.go {
            for _ in 0..<50 {
              t.check(Int(gettid_()) != taken.value, "on a thread that is another's")
              gosched()
            }
          }
        }
        group.wait()
        stop.close()
      }
    }

    // Go: TestYieldLocked
    @Test(arguments: procsToTry)
    func `a locked goroutine yields and sleeps, and ends still locked`(procs: Int) throws
    {
      try inRun(procs: procs) { _ in
        let c = Channel<Void>()
        go {
          lockOSThread()
          for _ in 0..<10 {
            gosched()
            sleep(for: .milliseconds(1))
          }
          c.send(())
        }
        _ = c.receive()
      }
    }

    // Go: TestYieldLockedProgress
    @Test(arguments: procsToTry)
    func `a locked goroutine that polls and yields lets others progress`(
      procs: Int
    ) throws {
      try inRun(procs: procs) { _ in
        let c = Channel<Void>()
        let acknowledge = Channel<Void>()
        go {
          lockOSThread()
          var running = true
          while running {
            select {
              receive(from: c) { _ in running = false }
              otherwise { gosched() }
            }
          }
          acknowledge.send(())
        }
        sleep(for: .milliseconds(5))
        c.send(())
        _ = acknowledge.receive()
      }
    }

    // Go: TestBlockLocked
    @Test(arguments: procsToTry)
    func `a locked goroutine sends on an unbuffered channel`(procs: Int) throws {
      try inRun(procs: procs) { _ in
        let c = Channel<Void>()
        go {
          lockOSThread()
          for _ in 0..<100 { c.send(()) }
          unlockOSThread()
        }
        for _ in 0..<100 { _ = c.receive() }
      }
    }

    // Go: TestCoroLockOSThread's concern, with channels.
    @Test(arguments: procsToTry)
    func `two locked goroutines hand a value to and fro`(procs: Int) throws {
      try inRun(procs: procs) { t in
        let ping = Channel<Int>()
        let pong = Channel<Int>()
        go {
          lockOSThread()
          for v in ping { pong.send(v + 1) }
          pong.close()
        }
        lockOSThread()
        let mine = gettid_()
        var v = 0
        for _ in 0..<500 {
          ping.send(v)
          v = pong.receive()!
        }
        ping.close()
        t.equal(v, 500)
        t.equal(gettid_(), mine)
        unlockOSThread()
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
          while threadExists(tid) { sleep(for: .microseconds(100)) }
        }
      }
    }

    // Go: TestMexitSTW
    @Test(arguments: [1, 4])
    func `threads end while the world stops and starts`(procs: Int) throws {
      try inRun(procs: procs) { _ in
        let group = WaitGroup()
        for _ in 0..<scaled(20) {
          for _ in 0..<5 {
            group.go {
              lockOSThread()
              gosched()
            }
          }
          stopTheWorld {}
          gosched()
          stopTheWorld {}
        }
        group.wait()
      }
    }

    @Test func `a thread that a goroutine unlocked in time is kept`() throws {
      try inRun(procs: 1) { t in
        let tids = Channel<Int32>(capacity: 1)
        for _ in 0..<20 {
          go {
            lockOSThread()
            lockOSThread()
            unlockOSThread()
            unlockOSThread()
            tids.send(gettid_())
          }
          let tid = tids.receive()!
          t.check(threadExists(tid))
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

    @Test(arguments: procsToTry)
    func `run returns on the thread that called it, wherever main was`(procs: Int) throws
    {
      for _ in 0..<10 {
        let here = gettid_()
        try inRun(procs: procs) { _ in
          let stop = Counter()
          go { while stop.value == 0 { checkUnlessSignals() } }
          for _ in 0..<3 { gosched() }
          stop.value = 1
        }
        #expect(gettid_() == here)
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
    func `nor does one that goes on where a locked goroutine has ended`(procs: Int) throws
    {
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
        while threadNames().contains("left") { sleep(for: .milliseconds(1)) }
      }
    }

    // Go: TestLockOSThreadTemplateThreadRace (issue 38931)
    @Test func `the first locks race with a stopped world`() throws {
      for _ in 0..<scaled(20) {
        try inRun(procs: 2) { _ in
          let group = WaitGroup()
          for _ in 0..<2 {
            group.go {
              lockOSThread()
              gosched()
              unlockOSThread()
            }
          }
          stopTheWorld {}
          group.wait()
        }
      }
    }

    @Test func `the rounding mode is the thread's`() throws {
      try inRun(procs: 2) { t in
        let group = WaitGroup()
        group.go {
          lockOSThread()
          roundUpwards(true)
          for _ in 0..<100 {
            gosched()
            t.check(roundsUpwards(), "lost")
          }
          roundUpwards(false)
          unlockOSThread()
        }
        group.go { for _ in 0..<100 { gosched() } }
        group.wait()
      }
    }

    // libdill, boost.fiber: locked and free goroutines, all kinds of waiting.
    @Test(arguments: procsToTry)
    func `locked goroutines among free ones`(procs: Int) throws {
      try inRun(procs: procs) { t in
        let c = Channel<Int>(capacity: 2)
        let mutex = GoMutex()
        let n = Shared(0)
        let group = WaitGroup()
        let rounds = scaled(200)
        for i in 0..<6 {
          group.go {
            if i % 3 == 0 { lockOSThread() }
            for k in 0..<rounds {
              c.send(k)
              mutex.withLock { n.value += 1 }
              if k % 50 == 0 { sleep(for: .microseconds(10)) }
            }
          }
          group.go {
            if i % 3 == 1 { lockOSThread() }
            for _ in 0..<rounds { _ = c.receive() }
          }
        }
        group.wait()
        t.equal(n.value, 6 * rounds)
      }
    }
  }
}
