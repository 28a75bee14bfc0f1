// SPDX-License-Identifier: Apache-2.0
//
// Goroutines on several threads.                     Go: src/runtime/proc_test.go

import CLinux
import Testing

@testable import Stage

extension RuntimeTests.ProcTests {
  // Go: TestGoroutineParallelism
  @Test func `several goroutines run at the same time`() throws {
    try inRun(procs: 4) { _ in
      let n = 3
      for _ in 0..<3 {
        let done = Channel<Void>()
        let x = Counter()
        for g in 0..<n {
          go {
            // From the global queue any thread takes it.
            gosched()
            for i in 0..<3 {
              x.spin(until: n * i + g)
              x.value = n * i + g + 1
            }
            done.send(())
          }
        }
        for _ in 0..<n { _ = done.receive() }
      }
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
      func parkInside(_ x: inout Int, _ wake: Channel<Void>) {
        let tid = gettid_()
        x += 1
        _ = wake.receive()
        while gettid_() == tid { gosched() }
        x += 1
      }
      for _ in 0..<20 {
        let object = Shared(0)
        let wake = Channel<Void>()
        let finished = Counter()
        goUntilParked {
          parkInside(&object.value, wake)
          finished.value = 1
        }
        wake.send(())
        // Three for two threads: they change places.
        go { while finished.value == 0 { gosched() } }
        finished.await(1)
        t.equal(object.value, 2)
      }
    }
  }

  @Test func `gomaxprocs tells what run was asked for`() throws {
    for procs in [1, 2, 3, 8] {
      try inRun(procs: procs) { t in
        t.equal(gomaxprocs(), procs)
      }
    }
    try inRun(procs: -1) { t in t.equal(gomaxprocs(), 1) }
    try inRun(procs: 5000) { t in t.equal(gomaxprocs(), 1024) }
  }

  // Go: TestBigGOMAXPROCS
  @Test func `very many may run at a time`() throws {
    for procs in [256, 1024] {
      try inRun(procs: procs) { t in
        t.equal(gomaxprocs(), procs)
        let group = WaitGroup()
        let count = Counter()
        for _ in 0..<2000 {
          group.go {
            gosched()
            count.add()
          }
        }
        group.wait()
        t.equal(count.value, 2000)
      }
    }
  }

  @Test(arguments: procsToTry)
  func `run returns on the thread that called it, wherever main was`(procs: Int) throws {
    for _ in 0..<10 {
      let here = gettid_()
      try inRun(procs: procs) { _ in
        let stop = Counter()
        go { while stop.value == 0 { gosched() } }
        // With one thread it is that one.
        for _ in 0..<1000 where gettid_() == here { gosched() }
        stop.value = 1
      }
      #expect(gettid_() == here)
    }
  }
}
