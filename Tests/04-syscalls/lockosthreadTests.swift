// SPDX-License-Identifier: Apache-2.0
//
// Goroutines tied to a thread.   Go: src/runtime/proc_test.go, testprog/lockosthread.go

import CLinux
import Testing

@testable import Stage

extension RuntimeTests {
  @Suite("lockOSThread")
  struct LockOSThreadTests {
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
        for _ in 0..<100 { gosched() }
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

    @Test func `a thread whose goroutine is unlocked runs others again`() throws {
      try inRun(procs: 1) { t in
        let tids = Channel<Int32>()
        lockOSThread()
        let mine = gettid_()
        go { tids.send(gettid_()) }
        t.check(tids.receive()! != mine, "beside a locked one")
        unlockOSThread()
        go { tids.send(gettid_()) }
        t.equal(tids.receive()!, gettid_())
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
              if k % 50 == 0 { blocking { sleepInKernel(milliseconds: 1) } }
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
