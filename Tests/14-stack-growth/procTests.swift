// SPDX-License-Identifier: Apache-2.0
//
// Goroutines: starting, taking turns, ending.          Go: src/runtime/proc_test.go

import CLinux
import Synchronization
import Testing

@testable import Stage

/// Descends, making goroutines at every level, until depth is used up.
private func tree(_ depth: Int, _ leaves: Counter, _ group: WaitGroup) {
  if depth == 0 {
    leaves.add()
    return
  }
  for _ in 0..<2 { group.go { tree(depth - 1, leaves, group) } }
}

extension RuntimeTests {
  @Suite("run, go, gosched, goexit, numGoroutine")
  struct ProcTests {
    @Test(arguments: procsToTry)
    func `run runs main and returns`(procs: Int) throws {
      let ran = Counter()
      try inRun(procs: procs) { _ in ran.add() }
      #expect(ran.value == 1)
    }

    @Test func `an error that main throws leaves run`() {
      #expect(throws: TestError(id: 7)) {
        try inRun(procs: 2) { _ in throw TestError(id: 7) }
      }
    }

    @Test(arguments: procsToTry)
    func `run can be called again and again`(procs: Int) throws {
      for i in 0..<50 {
        let sum = Counter()
        try inRun(procs: procs) { t in
          let group = WaitGroup()
          for k in 0..<10 { group.go { sum.add(k) } }
          group.wait()
          t.equal(sum.value, 45, "round \(i)")
        }
      }
    }

    @Test(arguments: procsToTry)
    func `what run was given is released when it is over`(procs: Int) throws {
      let live = Counter()
      for _ in 0..<3 {
        let object = Tracked(live)
        try inRun(procs: procs) { t in t.equal(object.live.value, 1) }
        #expect(throws: TestError()) {
          try run(procs: procs) { throw TestError(id: object.id) }
        }
      }
      #expect(live.value == 0)
    }

    @Test func `run can be called from one thread after another`() throws {
      for _ in 0..<10 {
        let ran = Counter()
        onForeignThread {
          try? inRun(procs: 2) { t in
            let c = Channel<Int>()
            go { c.send(1) }
            t.equal(c.receive(), 1)
            ran.add()
          }
        }
        #expect(ran.value == 1)
      }
    }

    @Test(arguments: procsToTry)
    func `other goroutines are abandoned when main returns, and never run again`(
      procs: Int
    ) throws {
      let steps = Counter()
      try inRun(procs: procs) { _ in
        for _ in 0..<10 {
          go {
            while true {
              steps.add()
              gosched()
            }
          }
        }
        steps.await(atLeast: 100)
      }
      let before = steps.value
      try inRun(procs: procs) { t in
        t.equal(numGoroutine(), 1)
        for _ in 0..<1000 { gosched() }
      }
      #expect(steps.value == before)
    }

    // Go: issue 9110; what is abandoned must be on no queue any more.
    @Test func `an abandoned waiter is taken off every queue`() throws {
      let channel = Channel<Int>()
      let full = Channel<Int>(capacity: 1)
      let mutex = GoMutex()
      let group = WaitGroup()
      let condMutex = GoMutex()
      let cond = GoCond(condMutex)
      try inRun(procs: 2) { _ in
        mutex.lock()
        group.add(1)
        full.send(1)
        for _ in 0..<20 {
          goUntilParked { _ = channel.receive() }
          goUntilParked { full.send(2) }
          goUntilParked {
            select {
              receive(from: channel) { _ in }
              send(3, to: full)
            }
          }
          goUntilParked { mutex.lock() }
          goUntilParked { group.wait() }
          goUntilParked {
            condMutex.lock()
            cond.wait()
          }
        }
      }
      try inRun(procs: 2) { t in
        t.check(!channel.trySend(1), "an abandoned goroutine received")
        t.equal(full.receive(), 1)
        if case .empty = full.tryReceive() {
        } else {
          t.check(false, "an abandoned sender sent")
        }
        mutex.unlock()
        t.check(mutex.tryLock(), "the mutex went to an abandoned goroutine")
        mutex.unlock()
        group.done()
        group.wait()
        cond.signal()
        cond.broadcast()
        go { channel.send(5) }
        t.equal(channel.receive(), 5)
      }
    }

    // The articles' program: the last one made runs next, the others in order. A time
    // slice that ends among them makes another order, which is right too: then again.
    @Test func `with one P, four goroutines run in the order 4 1 2 3`() throws {
      try inRun(procs: 1) { t in
        var seen: [Int] = []
        var preempted = true
        while preempted {
          let before = schedulerCounters().preemptions
          let order = Channel<Int>(capacity: 4)
          let group = WaitGroup()
          for i in 1...4 { group.go { order.send(i) } }
          group.wait()
          order.close()
          seen = Array(order)
          preempted = schedulerCounters().preemptions != before
        }
        t.equal(seen, [4, 1, 2, 3])
      }
    }

    @Test func `with one P, gosched takes turns`() throws {
      try inRun(procs: 1) { t in
        // The end of a time slice may come in between; not five times.
        for _ in 0..<5 {
          let order = Shared<[Int]>([])
          let arrived = Counter()
          let group = WaitGroup()
          for i in 0..<3 {
            group.go {
              arrived.add()
              arrived.await(3)
              for _ in 0..<4 {
                order.value.append(i)
                gosched()
              }
            }
          }
          group.wait()
          let first = Array(order.value.prefix(3))
          if Set(first) == [0, 1, 2], order.value == first + first + first + first {
            return
          }
        }
        t.check(false, "out of turn five times")
      }
    }

    // Go: TestYieldProgress
    @Test(arguments: procsToTry)
    func `a goroutine that polls and yields lets others progress`(procs: Int) throws {
      try inRun(procs: procs) { _ in
        let c = Channel<Void>()
        let acknowledge = Channel<Void>()
        go {
          while true {
            var done = false
            select {
              receive(from: c) { _ in done = true }
              otherwise { gosched() }
            }
            if done { break }
          }
          acknowledge.send(())
        }
        for _ in 0..<100 { gosched() }
        c.send(())
        _ = acknowledge.receive()
      }
    }

    // Go: TestGoroutineParallelism
    @Test func `as many goroutines as there are Ps run at the same time`() throws {
      try inRun(procs: 3) { _ in
        let p = 3
        for _ in 0..<3 {
          let done = Channel<Void>()
          let x = Counter()
          for g in 0..<p {
            go {
              for i in 0..<3 {
                x.spin(until: p * i + g)
                x.value = p * i + g + 1
              }
              done.send(())
            }
          }
          for _ in 0..<p { _ = done.receive() }
        }
      }
    }

    // Go: TestGoroutineParallelism2
    @Test func `goroutines made by goroutines run at the same time, too`() throws {
      try inRun(procs: 4) { _ in
        let p = 4
        for _ in 0..<3 {
          // All threads have something to do, then park.
          let loaded = Channel<Void>()
          let n = Counter()
          for _ in 0..<p {
            go {
              if n.add() == p { loaded.send(()) } else { n.spin(until: p) }
            }
          }
          _ = loaded.receive()
          let done = Channel<Void>()
          let x = Counter()
          for g in 0..<p / 2 {
            go {
              for h in 0..<2 {
                go {
                  for i in 0..<3 {
                    let expected = p * i + g * 2 + h
                    x.spin(until: expected)
                    x.value = expected + 1
                  }
                  done.send(())
                }
              }
            }
          }
          for _ in 0..<p { _ = done.receive() }
        }
      }
    }

    @Test func `a goroutine in runnext of a busy P is stolen`() throws {
      try inRun(procs: 2) { _ in
        for _ in 0..<100 {
          let flag = Counter()
          go { flag.value = 1 }
          flag.spin(until: 1)
        }
      }
    }

    @Test(arguments: [2, 4])
    func `a burst made on one P is run by all`(procs: Int) throws {
      try inRun(procs: procs) { t in
        let threads = Shared<Set<Int32>>([])
        let mutex = GoMutex()
        let group = WaitGroup()
        let started = Counter()
        for _ in 0..<procs {
          group.go {
            // In the runtime nobody is preempted: nobody leaves before all have
            // come, so each has a thread of its own.
            let gp = enterRuntime("test")
            started.add()
            started.spin(until: procs)
            let tid = gettid_()
            exitRuntime(gp)
            mutex.withLock { _ = threads.value.insert(tid) }
          }
        }
        group.wait()
        t.equal(threads.value.count, procs)
      }
    }

    // Go: TestNumGoroutine
    @Test(arguments: procsToTry)
    func `numGoroutine counts those that have not ended`(procs: Int) throws {
      try inRun(procs: procs) { t in
        t.equal(numGoroutine(), 1)
        let gate = Channel<Void>()
        let ended = Counter()
        for i in 1...100 {
          go {
            _ = gate.receive()
            ended.add()
          }
          t.equal(numGoroutine(), 1 + i)
        }
        gate.close()
        ended.await(100)
        while numGoroutine() != 1 { gosched() }
      }
    }

    // Go: TestMainGoroutineID
    @Test func `main is goroutine 1, and no two goroutines have one id`() throws {
      for _ in 0..<2 {
        try inRun(procs: 4) { t in
          t.equal(goroutineID(), 1)
          let ids = Channel<Int>(capacity: 100)
          let group = WaitGroup()
          for _ in 0..<1000 {
            group.go {
              let id = goroutineID()
              gosched()
              t.equal(id, goroutineID())
              ids.send(id)
            }
          }
          go {
            group.wait()
            ids.close()
          }
          var seen = Set<Int>()
          for id in ids { seen.insert(id) }
          t.equal(seen.count, 1000)
          t.check(!seen.contains(1))
          t.equal(goroutineID(), 1)
        }
      }
    }

    // Go: TestGoexitDefer
    @Test(arguments: procsToTry)
    func `goexit runs every defer on the way and ends only its goroutine`(
      procs: Int
    ) throws {
      try inRun(procs: procs) { t in
        let order = Channel<Int>(capacity: 10)
        func inner() throws {
          defer { order.send(1) }
          try goexit()
        }
        func outer() throws {
          defer { order.send(2) }
          try inner()
          order.send(100)
        }
        go {
          defer { order.close() }
          defer { order.send(3) }
          try outer()
          order.send(101)
        }
        t.equal(Array(order), [1, 2, 3])
      }
    }

    @Test func `a catch that rethrows lets goexit pass, and one that does not stops it`()
      throws
    {
      try inRun(procs: 2) { t in
        let passed = Channel<Int>(capacity: 4)
        go {
          defer { passed.close() }
          do {
            try goexit()
          } catch let error as TestError {
            passed.send(error.id)
          } catch {
            passed.send(1)
            throw error
          }
          passed.send(2)
        }
        t.equal(Array(passed), [1])
        let swallowed = Channel<Int>(capacity: 4)
        go {
          try? goexit()
          swallowed.send(1)
        }
        t.equal(swallowed.receive(), 1)
      }
    }

    @Test(arguments: procsToTry)
    func `nothing leaks after 100,000 goroutines`(procs: Int) throws {
      let live = Counter()
      try inRun(procs: procs) { t in
        let n = 100_000
        let ended = Counter()
        for i in 0..<n {
          let object = Tracked(live, i)
          go {
            if object.id % 2 == 0 { gosched() }
            ended.add()
            if object.id % 3 == 0 { try goexit() }
          }
          if i % 1000 == 999 { ended.await(atLeast: i - 500) }
        }
        ended.await(n)
        while numGoroutine() != 1 { gosched() }
        t.equal(live.value, 0, "captured objects that still live")
      }
      #expect(live.value == 0)
    }

    @Test func `Gs and stacks are used again`() throws {
      try inRun(procs: 2) { t in
        func batch() {
          let group = WaitGroup()
          for _ in 0..<1000 { group.go {} }
          group.wait()
        }
        for _ in 0..<20 { batch() }
        let before = processStatus("VmRSS")
        for _ in 0..<200 { batch() }
        let grown = processStatus("VmRSS") - before
        t.check(
          grown < 32 << 10 + freedButKept, "\(grown) KB more after 200,000 goroutines")
      }
    }

    // See isAhead. With one P nothing else runs, unless the spawner yields.
    @Test func `who spawns lets others go first when they end, and only then`() throws {
      try inRun(procs: 1) { t in
        func free() -> Int32 {
          var n = getg()[].m.unsafelyUnwrapped[].p.unsafelyUnwrapped[].gFree.size
          for c in 0..<windowClasses.count { n += sched[].gFree[c].size }
          return n
        }
        var preempted = true
        while preempted {
          let ran = Counter()
          let group = WaitGroup()
          let before = schedulerCounters().preemptions
          // Nothing to be used again, and more that waits than fits a ring. That may
          // take longer than a time slice, so it is done outside any, and then a new
          // one begins.
          let mp = acquirem()
          while free() > 0 || sched[].runqsize.load(ordering: .relaxed) < 128 {
            group.go { ran.add() }
          }
          let pp = mp[].p.unsafelyUnwrapped
          pp[].schedtick.add(1, ordering: .relaxed)
          getg()[].stackguard0.store(getg()[].softlo, ordering: .relaxed)
          releasem(mp)
          sched[].gfbatchesSeen.store(
            sched[].gfbatches.load(ordering: .relaxed), ordering: .relaxed)
          group.go { ran.add() }
          let news = ran.value
          sched[].gfbatches.add(1, ordering: .relaxed)
          group.go { ran.add() }
          preempted = schedulerCounters().preemptions != before
          if !preempted {
            t.equal(news, 0, "had run when no goroutine had ended")
            t.check(ran.value > 256, "\(ran.value) had run when one had")
          }
          group.wait()
        }
      }
    }

    @Test(arguments: procsToTry)
    func `who spawns without end starves nobody`(procs: Int) throws {
      try inRun(procs: procs) { t in
        let stop = Counter()
        let turns = Counter()
        let group = WaitGroup()
        for _ in 0..<procs {
          group.go { while stop.value == 0 { go {} } }
        }
        for _ in 0..<3 {
          group.go {
            for _ in 0..<20 {
              gosched()
              turns.add()
            }
          }
        }
        turns.await(60)
        stop.value = 1
        group.wait()
      }
    }

    // Venice: testTenThousandWhispers. Go: test/chan/goroutines.go
    @Test(arguments: procsToTry)
    func `a chain of 10,000 goroutines passes a value along`(procs: Int) throws {
      try inRun(procs: procs) { t in
        let leftmost = Channel<Int>()
        var right = leftmost
        for _ in 0..<10_000 {
          let left = right
          let next = Channel<Int>()
          go { left.send(1 + next.receive()!) }
          right = next
        }
        right.send(0)
        t.equal(leftmost.receive(), 10_000)
      }
    }

    @Test(arguments: procsToTry)
    func `goroutines that make goroutines all run`(procs: Int) throws {
      try inRun(procs: procs) { t in
        let leaves = Counter()
        let group = WaitGroup()
        group.go { tree(13, leaves, group) }
        group.wait()
        t.equal(leaves.value, 1 << 13)
      }
    }

    // Go: the global queue is looked at every 61st time.
    @Test func `goroutines that make each other runnable do not starve the global queue`()
      throws
    {
      try inRun(procs: 1) { t in
        let stop = Counter()
        let hops = Counter()
        func perpetuumMobile() {
          if stop.value != 0 { return }
          hops.add()
          go { perpetuumMobile() }
        }
        go { perpetuumMobile() }
        go { perpetuumMobile() }
        // Each chain shares one time slice, so a turn takes many of them, as in Go.
        for _ in 0..<5 { gosched() }
        stop.value = 1
        t.check(hops.value > 0)
      }
    }

    @Test(arguments: [2, 4, 8])
    func `no wake-up is lost while Ms go idle and wake`(procs: Int) throws {
      try inRun(procs: procs) { t in
        // Every exchange finds the other side's M parked, parking or looking for
        // work; a wake-up that is lost is a deadlock.
        let rounds = scaled(20_000)
        let pairs = 3
        let group = WaitGroup()
        let sum = Counter()
        for _ in 0..<pairs {
          let ping = Channel<Int>()
          let pong = Channel<Int>()
          group.go {
            for i in 0..<rounds {
              ping.send(i)
              sum.add(pong.receive()! - i)
            }
          }
          group.go {
            for _ in 0..<rounds { pong.send(ping.receive()! + 1) }
          }
        }
        group.wait()
        t.equal(sum.value, pairs * rounds)
      }
    }

    // Go: BenchmarkWakeupParallelSpinning's shape.
    @Test(arguments: [2, 4, 8])
    func `a chain of wake-ups reaches every P`(procs: Int) throws {
      try inRun(procs: procs) { _ in
        for _ in 0..<scaled(50) {
          // Nobody can end before all run, and each is made by the one before.
          let running = Counter()
          let group = WaitGroup()
          func link(_ n: Int) {
            if n > 1 { group.go { link(n - 1) } }
            running.add()
            while running.value < procs { procyield(10) }
          }
          group.go { link(procs) }
          group.wait()
        }
      }
    }

    // bthread: errno_not_changed
    @Test(arguments: procsToTry)
    func `errno is kept per goroutine`(procs: Int) throws {
      try inRun(procs: procs) { t in
        let group = WaitGroup()
        for i in 1...20 {
          group.go {
            let mine = Int32(i)
            errno_location().pointee = mine
            let c = Channel<Int>(capacity: 1)
            for k in 0..<200 {
              gosched()
              t.equal(errno_location().pointee, mine, "after gosched")
              c.send(k)
              _ = c.receive()
              t.equal(errno_location().pointee, mine, "after a channel")
            }
          }
        }
        group.wait()
      }
    }

    // Go: TestGetgThreadSwitch
    @Test func `getg is the same before and after a change of threads`() throws {
      try inRun(procs: 2) { t in
        let moves = Counter()
        let group = WaitGroup()
        for _ in 0..<4 {
          group.go {
            let gp = getg()
            var tid = gettid_()
            // Until some goroutine has moved: else nothing is tested.
            var i = 0
            while i < scaled(5000) || moves.value == 0 {
              i += 1
              gosched()
              t.check(getg() == gp, "getg changed")
              if gettid_() != tid {
                tid = gettid_()
                moves.add()
              }
            }
          }
        }
        group.wait()
      }
    }

    @Test func `a goroutine parked inside an access resumes on another thread`() throws {
      try inRun(procs: 2) { t in
        func parkInside(_ x: inout Int, _ wake: Channel<Void>) -> Bool {
          let tid = gettid_()
          x += 1
          _ = wake.receive()
          x += 1
          return gettid_() != tid
        }
        let moved = Counter()
        var rounds = 0
        while moved.value < 20, rounds < 100_000 {
          rounds += 1
          let object = Shared(0)
          let wake = Channel<Void>()
          let finished = Counter()
          goUntilParked {
            if parkInside(&object.value, wake) { moved.add() }
            finished.value = 1
          }
          wake.send(())
          // Keeps this P, so that another one takes the goroutine over.
          finished.spin(until: 1)
          t.equal(object.value, 2)
        }
        t.check(moved.value >= 20, "changed threads \(moved.value) times only")
      }
    }

    @Test func `accesses of several goroutines on one thread end in any order`() throws {
      try inRun(procs: 1) { t in
        func parkInside(_ x: inout Int, _ wake: Channel<Void>) {
          x += 1
          _ = wake.receive()
          x += 1
        }
        let objects = (0..<10).map { _ in Shared(0) }
        let gates = (0..<10).map { _ in Channel<Void>() }
        let group = WaitGroup()
        for i in 0..<10 {
          group.go {
            parkInside(&objects[i].value, gates[i])
          }
        }
        for i in [3, 0, 9, 1, 8, 2, 7, 4, 6, 5] { gates[i].send(()) }
        group.wait()
        t.equal(objects.map(\.value), Array(repeating: 2, count: 10))
      }
    }

    @Test func `an access that is abandoned is forgotten`() throws {
      func parkInside(_ x: inout Int, _ wake: Channel<Void>) {
        x += 1
        _ = wake.receive()
        x += 1
      }
      let object = Shared(0)
      let never = Channel<Void>()
      for i in 1...5 {
        try inRun(procs: 1) { _ in
          goUntilParked { parkInside(&object.value, never) }
        }
        object.value += 10
        #expect(object.value == i * 11)
      }
    }

    // Swift allocates and frees on different threads; nothing of the runtime's may
    // be in the way.
    @Test(arguments: procsToTry)
    func `objects made by one goroutine die in another`(procs: Int) throws {
      let live = Counter()
      try inRun(procs: procs) { t in
        let c = Channel<Tracked>(capacity: 10)
        let group = WaitGroup()
        for k in 0..<4 {
          group.go { for i in 0..<2000 { c.send(Tracked(live, k * 2000 + i)) } }
        }
        go {
          group.wait()
          c.close()
        }
        var sum = 0
        for object in c { sum += object.id }
        t.equal(sum, 7999 * 8000 / 2)
      }
      #expect(live.value == 0)
    }

    // libmill: overload.c
    @Test(arguments: procsToTry)
    func `a pool of goroutines serves a channel of functions`(procs: Int) throws {
      try inRun(procs: procs) { t in
        let jobs = Channel<@Sendable () -> Void>(capacity: 16)
        let results = Channel<Int>(capacity: 16)
        let workers = WaitGroup()
        for _ in 0..<8 { workers.go { for job in jobs { job() } } }
        go {
          for i in 0..<5000 { jobs.send { results.send(i * 2) } }
          jobs.close()
          workers.wait()
          results.close()
        }
        var sum = 0
        for r in results { sum += r }
        t.equal(sum, 4999 * 5000)
      }
    }
  }
}
