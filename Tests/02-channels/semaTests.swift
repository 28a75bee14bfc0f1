// SPDX-License-Identifier: Apache-2.0
//
// Semaphores and what is built on them.   Go: src/runtime/sema_test.go, src/sync/*_test.go

import Synchronization
import Testing

@testable import Stage

/// The runtime's own functions, as a public function would call them.
func acquire(_ s: SemaPtr) {
  let gp = enterRuntime("test")
  semacquire(s)
  exitRuntime(gp)
}

func release(_ s: SemaPtr, handoff: Bool) {
  let gp = enterRuntime("test")
  semrelease1(s, handoff: handoff)
  exitRuntime(gp)
}

extension RuntimeTests {
  @Suite("Sema, WaitGroup, GoMutex, GoRWMutex, GoCond, GoOnce")
  struct SemaTests {
    // Go: TestSemaphore
    @Test func `a semaphore of one is a lock`() throws {
      try inRun { t in
        let sema = Ptr(allocating: Sema(1))
        let inside = Shared(0)
        let group = WaitGroup()
        for _ in 0..<10 {
          group.go {
            for _ in 0..<1000 {
              acquire(sema)
              inside.value += 1
              release(sema, handoff: false)
            }
          }
        }
        group.wait()
        t.equal(inside.value, 10_000)
      }
    }

    // Go: TestWaitGroup
    @Test func `a WaitGroup is a barrier, and can be used again`() throws {
      try inRun { t in
        let first = WaitGroup()
        let second = WaitGroup()
        for _ in 0..<8 {
          let n = 16
          first.add(n)
          second.add(n)
          let exited = Channel<Void>(capacity: n)
          for _ in 0..<n {
            go {
              first.done()
              second.wait()
              exited.send(())
            }
          }
          first.wait()
          for _ in 0..<n {
            if case .value = exited.tryReceive() { t.check(false, "released too soon") }
            second.done()
          }
          for _ in 0..<n { _ = exited.receive() }
        }
      }
    }

    // Go: TestWaitGroupRace
    @Test func `wait returns when both are done, not before`() throws {
      try inRun { t in
        for _ in 0..<scaled(1000) {
          let group = WaitGroup()
          let n = Counter()
          for _ in 0..<2 {
            group.add(1)
            go {
              n.add()
              group.done()
            }
          }
          group.wait()
          t.equal(n.value, 2)
        }
      }
    }

    @Test func `done wakes every waiter`() throws {
      try inRun { t in
        let gate = WaitGroup()
        gate.add(1)
        let others = WaitGroup()
        let woken = Counter()
        for _ in 0..<100 {
          let watched = Watched()
          others.go {
            watched.begin()
            gate.wait()
            woken.add()
          }
          watched.awaitParked()
        }
        t.equal(woken.value, 0)
        gate.done()
        others.wait()
        t.equal(woken.value, 100)
        gate.wait()
      }
    }

    @Test func `WaitGroup go counts a goroutine that ends by goexit`() throws {
      try inRun { _ in
        let group = WaitGroup()
        for _ in 0..<10 { group.go { try goexit() } }
        group.wait()
      }
    }

    // Go: TestMutex
    @Test func `a mutex excludes`() throws {
      try inRun { t in
        let mutex = GoMutex()
        mutex.lock()
        t.check(!mutex.tryLock(), "taken twice")
        mutex.unlock()
        t.check(mutex.tryLock())
        mutex.unlock()
        let n = Shared(0)
        let tried = Counter()
        let group = WaitGroup()
        for _ in 0..<10 {
          group.go {
            for i in 0..<scaled(1000) {
              if i % 3 == 0 {
                if mutex.tryLock() {
                  n.value += 1
                  tried.add()
                  mutex.unlock()
                }
              } else if i % 3 == 1 {
                mutex.lock()
                n.value += 1
                mutex.unlock()
              } else {
                mutex.withLock { n.value += 1 }
              }
            }
          }
        }
        group.wait()
        let each = scaled(1000)
        t.equal(n.value, tried.value + 10 * (each - (each + 2) / 3))
      }
    }

    @Test func `a mutex may be held while its holder parks, and be unlocked elsewhere`()
      throws
    {
      try inRun { t in
        let mutex = GoMutex()
        let n = Shared(0)
        let group = WaitGroup()
        for _ in 0..<8 {
          group.go {
            for _ in 0..<100 {
              mutex.lock()
              let was = n.value
              gosched()
              n.value = was + 1
              mutex.unlock()
            }
          }
        }
        group.wait()
        t.equal(n.value, 800)
        // Unlocked by another than who locked it: allowed, as in Go.
        mutex.lock()
        go { mutex.unlock() }
        mutex.lock()
        mutex.unlock()
      }
    }

    @Test func `withLock unlocks when its body throws`() throws {
      try inRun { t in
        let mutex = GoMutex()
        t.check((try? mutex.withLock { throw TestError() }) == nil)
        t.check(mutex.tryLock())
        let rw = GoRWMutex()
        t.check((try? rw.withLock { throw TestError() }) == nil)
        t.check((try? rw.withReadLock { throw TestError() }) == nil)
        t.equal(rw.withLock { 5 }, 5)
        t.equal(rw.withReadLock { 6 }, 6)
      }
    }

    @Test func `those who wait for a mutex get it in order`() throws {
      try inRun { t in
        let mutex = GoMutex()
        let order = Channel<Int>(capacity: 50)
        mutex.lock()
        for i in 0..<50 {
          goUntilParked {
            mutex.lock()
            order.send(i)
            mutex.unlock()
          }
        }
        mutex.unlock()
        let got = (0..<50).map { _ in order.receive()! }
        t.equal(got, Array(0..<50))
      }
    }

    // Go: TestCondSignal
    @Test func `signal wakes one`() throws {
      try inRun { t in
        let mutex = GoMutex()
        let cond = GoCond(mutex)
        let n = 2
        let running = Channel<Void>(capacity: n)
        let awake = Channel<Void>(capacity: n)
        for _ in 0..<n {
          go {
            mutex.lock()
            running.send(())
            cond.wait()
            awake.send(())
            mutex.unlock()
          }
        }
        for _ in 0..<n { _ = running.receive() }
        for _ in 0..<n {
          if case .value = awake.tryReceive() { t.check(false, "not asleep") }
          mutex.withLock { cond.signal() }
          _ = awake.receive()
          if case .value = awake.tryReceive() { t.check(false, "too many awake") }
        }
        cond.signal()
      }
    }

    // Go: TestCondSignalGenerations
    @Test func `signal wakes who has waited longest`() throws {
      try inRun { t in
        let mutex = GoMutex()
        let cond = GoCond(mutex)
        let n = 100
        let running = Channel<Void>(capacity: n)
        let awake = Channel<Int>(capacity: n)
        for i in 0..<n {
          go {
            mutex.lock()
            running.send(())
            cond.wait()
            awake.send(i)
            mutex.unlock()
          }
          if i > 0 { t.equal(awake.receive(), i - 1) }
          _ = running.receive()
          mutex.withLock { cond.signal() }
        }
      }
    }

    // Go: TestCondBroadcast
    @Test func `broadcast wakes all, once`() throws {
      try inRun { t in
        let mutex = GoMutex()
        let cond = GoCond(mutex)
        let n = 50
        let running = Channel<Int>(capacity: n)
        let awake = Channel<Int>(capacity: n)
        let exit = Shared(false)
        for i in 0..<n {
          go {
            mutex.lock()
            while !exit.value {
              running.send(i)
              cond.wait()
              awake.send(i)
            }
            mutex.unlock()
          }
        }
        for i in 0..<n {
          for _ in 0..<n { _ = running.receive() }
          if i == n - 1 { mutex.withLock { exit.value = true } }
          if case .value = awake.tryReceive() { t.check(false, "not asleep") }
          mutex.withLock { cond.broadcast() }
          var seen = Set<Int>()
          for _ in 0..<n { seen.insert(awake.receive()!) }
          t.equal(seen.count, n)
        }
        if case .value = running.tryReceive() { t.check(false, "did not exit") }
        cond.broadcast()
      }
    }

    // Go: TestRace (sync)
    @Test func `three goroutines pass a value along with one condition`() throws {
      try inRun { t in
        let mutex = GoMutex()
        let cond = GoCond(mutex)
        let x = Shared(0)
        let group = WaitGroup()
        group.go {
          mutex.lock()
          x.value = 1
          cond.wait()
          t.equal(x.value, 2)
          x.value = 3
          cond.signal()
          mutex.unlock()
        }
        group.go {
          mutex.lock()
          while x.value != 1 {
            mutex.unlock()
            gosched()
            mutex.lock()
          }
          x.value = 2
          cond.signal()
          mutex.unlock()
        }
        group.go {
          mutex.lock()
          while true {
            if x.value == 2 {
              cond.wait()
              t.equal(x.value, 3)
              break
            }
            if x.value == 3 { break }
            mutex.unlock()
            gosched()
            mutex.lock()
          }
          mutex.unlock()
        }
        group.wait()
      }
    }

    // Go: TestCondSignalStealing
    @Test func `a new waiter does not steal the notification of an old one`() throws {
      try inRun { _ in
        for _ in 0..<scaled(500) {
          let mutex = GoMutex()
          let cond = GoCond(mutex)
          let c = Channel<Void>()
          go {
            mutex.lock()
            c.send(())
            cond.wait()
            mutex.unlock()
            c.send(())
          }
          _ = c.receive()
          mutex.lock()
          mutex.unlock()
          let done = Shared(false)
          go { cond.broadcast() }
          go {
            mutex.lock()
            while !done.value { cond.wait() }
            mutex.unlock()
          }
          _ = c.receive()
          mutex.withLock { done.value = true }
          cond.broadcast()
        }
      }
    }

    // Go: TestOnce
    @Test func `once is once, and all wait for it`() throws {
      try inRun { t in
        for _ in 0..<100 {
          let once = GoOnce()
          let n = Counter()
          let group = WaitGroup()
          for _ in 0..<10 {
            group.go {
              once.do {
                gosched()
                n.add()
              }
              t.equal(n.value, 1)
            }
          }
          group.wait()
          t.equal(n.value, 1)
        }
      }
    }

    // Go: TestOncePanic
    @Test func `a body that throws counts as done`() throws {
      try inRun { t in
        let once = GoOnce()
        t.check((try? once.do { throw TestError() }) == nil, "the error is lost")
        once.do { t.check(false, "done twice") }
      }
    }

    // Go: TestParallelRWMutexReaders
    @Test(arguments: [1, 3, 4])
    func `readers hold the lock at the same time`(readers: Int) throws {
      try inRun { _ in
        let rw = GoRWMutex()
        let locked = Channel<Void>(capacity: readers)
        let release = Counter()
        let done = Channel<Void>()
        for _ in 0..<readers {
          go {
            rw.readLock()
            locked.send(())
            release.await(1)
            rw.readUnlock()
            done.send(())
          }
        }
        for _ in 0..<readers { _ = locked.receive() }
        release.value = 1
        for _ in 0..<readers { _ = done.receive() }
      }
    }

    // Go: TestRWMutex
    @Test(arguments: [1, 3, 5, 10])
    func `writers are alone`(readers: Int) throws {
      try inRun { t in
        let rw = GoRWMutex()
        let activity = Counter()
        let group = WaitGroup()
        let rounds = scaled(300)
        func reader() {
          for _ in 0..<rounds {
            rw.readLock()
            let n = activity.add(1)
            t.check(n >= 1 && n < 10_000, "a writer is in: \(n)")
            for _ in 0..<100 {}
            activity.add(-1)
            rw.readUnlock()
          }
        }
        func writer() {
          for _ in 0..<rounds {
            rw.lock()
            t.equal(activity.add(10_000), 10_000)
            for _ in 0..<100 {}
            activity.add(-10_000)
            rw.unlock()
          }
        }
        group.go { writer() }
        for _ in 0..<readers / 2 { group.go { reader() } }
        group.go { writer() }
        for _ in readers / 2..<readers { group.go { reader() } }
        group.wait()
      }
    }

    @Test func `a writer that waits keeps new readers out`() throws {
      try inRun { t in
        let rw = GoRWMutex()
        let order = Channel<String>(capacity: 2)
        rw.readLock()
        goUntilParked {
          rw.lock()
          order.send("writer")
          rw.unlock()
        }
        goUntilParked {
          rw.readLock()
          order.send("reader")
          rw.readUnlock()
        }
        rw.readUnlock()
        t.equal(order.receive(), "writer")
        t.equal(order.receive(), "reader")
      }
    }

    // Photon: stress; waits of every kind at once.
    @Test func `every kind of waiting together, and nobody is forgotten`() throws {
      try inRun { t in
        let mutex = GoMutex()
        let rw = GoRWMutex()
        let cond = GoCond(mutex)
        let turn = Shared(0)
        let c = Channel<Int>(capacity: 2)
        let n = Shared(0)
        let group = WaitGroup()
        let rounds = scaled(200)
        for k in 0..<4 {
          group.go {
            for _ in 0..<rounds {
              mutex.lock()
              while turn.value != k { cond.wait() }
              turn.value = (k + 1) % 4
              cond.broadcast()
              mutex.unlock()
              rw.withReadLock { _ = n.value }
              c.send(k)
            }
          }
          group.go {
            for _ in 0..<rounds {
              _ = c.receive()
              rw.withLock { n.value += 1 }
            }
          }
        }
        group.wait()
        t.equal(n.value, 4 * rounds)
      }
    }
  }
}
