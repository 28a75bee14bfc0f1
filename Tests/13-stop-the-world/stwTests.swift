// SPDX-License-Identifier: Apache-2.0
//
// Stopping the world, GOMAXPROCS, dumps.               Go: src/runtime/proc_test.go

import CLinux
import Synchronization
import Testing

@testable import Stage

/// Calls itself deeper and deeper, for the trace.
@inline(never)
private func parkedInThisFunction(_ c: Channel<Void>) {
  _ = c.receive()
}

@inline(never)
private func blockedInThisFunction(_ inside: Counter, _ leave: Counter) {
  blocking {
    inside.value = 1
    while leave.value == 0 { sleepInKernel(milliseconds: 1) }
  }
  inside.value = 2
}

extension RuntimeTests {
  @Suite("stopTheWorld, gomaxprocs, stackDump")
  struct StwTests {
    @Test(arguments: procsToTry)
    func `no goroutine runs while the world is stopped`(procs: Int) throws {
      try inRun(procs: procs) { t in
        let steps = Counter()
        let stop = Counter()
        let group = WaitGroup()
        for i in 0..<2 * procs {
          group.go {
            while stop.value == 0 {
              steps.add()
              if i % 2 == 0 { gosched() } else { checkUnlessSignals() }
            }
          }
        }
        steps.await(atLeast: 100)
        for _ in 0..<20 {
          stopTheWorld {
            let before = steps.value
            for _ in 0..<1000 { procyield(10) }
            t.equal(steps.value, before)
          }
          gosched()
        }
        stop.value = 1
        group.wait()
      }
    }

    @Test func `stopTheWorld gives back the value of its body, and its error`() throws {
      try inRun(procs: 2) { t in
        t.equal(stopTheWorld { 7 }, 7)
        t.check((try? stopTheWorld { throw TestError() }) == nil)
        t.equal(stopTheWorld { goroutineID() }, 1)
      }
    }

    @Test func `the world may be stopped for longer than a time slice`() throws {
      try inRun(procs: 2) { t in
        let steps = Counter()
        let stop = Counter()
        go {
          while stop.value == 0 {
            steps.add()
            checkUnlessSignals()
          }
        }
        steps.await(atLeast: 1)
        stopTheWorld {
          let before = steps.value
          let start = nanotime()
          while nanotime() - start < 60_000_000 {}
          t.equal(steps.value, before)
        }
        stop.value = 1
      }
    }

    @Test(arguments: procsToTry)
    func `goroutines that stop the world take turns`(procs: Int) throws {
      try inRun(procs: procs) { t in
        let inside = Counter()
        let group = WaitGroup()
        for _ in 0..<8 {
          group.go {
            for _ in 0..<scaled(30) {
              stopTheWorld {
                t.equal(inside.add(), 1)
                inside.add(-1)
              }
            }
          }
        }
        group.wait()
      }
    }

    // Go: TestStopTheWorldDeadlock
    @Test func `stopping the world and changing GOMAXPROCS, both all the time`() throws {
      try inRun(procs: 3) { _ in
        let stop = Channel<Void>()
        let complete = Channel<Void>(capacity: 2)
        let rounds = scaled(300)
        func perpetuumMobile() {
          var ended = false
          select {
            receive(from: stop) { _ in ended = true }
            otherwise()
          }
          if !ended { go { perpetuumMobile() } }
        }
        go {
          for _ in 0..<rounds { stopTheWorld {} }
          complete.send(())
        }
        go {
          for _ in 0..<rounds { gomaxprocs(3) }
          complete.send(())
        }
        go { perpetuumMobile() }
        _ = complete.receive()
        _ = complete.receive()
        stop.send(())
      }
    }

    // Go: TestPreemptionGC
    @Test func `the world stops although every P spins`() throws {
      try inRun(procs: 5) { _ in
        let stop = Counter()
        let group = WaitGroup()
        for _ in 0..<4 { group.go { while stop.value == 0 { checkUnlessSignals() } } }
        for _ in 0..<10 {
          gosched()
          stopTheWorld {}
        }
        stop.value = 1
        group.wait()
      }
    }

    @Test func `gomaxprocs gives the old number, and zero only asks`() throws {
      try inRun(procs: 2) { t in
        t.equal(gomaxprocs(), 2)
        t.equal(gomaxprocs(4), 2)
        t.equal(gomaxprocs(0), 4)
        t.equal(gomaxprocs(-1), 4)
        t.equal(gomaxprocs(1), 4)
        t.equal(gomaxprocs(), 1)
      }
      try inRun(procs: 3) { t in t.equal(gomaxprocs(), 3) }
    }

    @Test func `when GOMAXPROCS shrinks no goroutine is lost`() throws {
      try inRun(procs: 8) { t in
        let count = Counter()
        let group = WaitGroup()
        let n = 400
        for i in 0..<n {
          group.go {
            for k in 0..<20 {
              gosched()
              if i == 0 { gomaxprocs([1, 8, 2, 5, 3][k % 5]) }
              if i % 50 == 1 { sleep(for: .microseconds(50)) }
              if i % 50 == 2 { blocking { osyield() } }
            }
            count.add()
          }
        }
        group.wait()
        t.equal(count.value, n)
      }
    }

    @Test func `timers survive the P that they were on`() throws {
      try inRun(procs: 8) { t in
        let fired = Counter()
        let n = 200
        for i in 0..<n {
          go { afterFunc(.milliseconds(1 + i % 10)) { fired.add() } }
        }
        for k in 0..<20 {
          gomaxprocs([1, 8, 2, 5, 3][k % 5])
          gosched()
        }
        gomaxprocs(1)
        fired.await(n)
        t.equal(fired.value, n)
      }
    }

    @Test func `with GOMAXPROCS n, at most n goroutines run at a time`() throws {
      try inRun(procs: 1) { t in
        for n in [1, 2, 3] {
          gomaxprocs(n)
          let running = Counter()
          let group = WaitGroup()
          for _ in 0..<n + 2 {
            group.go {
              for _ in 0..<50 {
                // No check and no call of the runtime: counted while running, but
                // for those that a signal takes off their P in the middle.
                let now = running.add()
                running.add(-1)
                t.check(now <= n + 2)
                gosched()
              }
            }
          }
          group.wait()
          t.equal(sched[].gomaxprocs.load(ordering: .relaxed), Int32(n))
        }
      }
    }

    // Go: TestTraceSTW
    @Test func `across a stop goroutines mostly stay on their Ps`() throws {
      try inRun(procs: 2) { t in
        let stop = Counter()
        let ready = Counter()
        let group = WaitGroup()
        let moves = Counter()
        group.go {
          ready.add()
          var tid = gettid_()
          while stop.value == 0 {
            let now = gettid_()
            if now != tid {
              moves.add()
              tid = now
            }
            checkUnlessSignals()
          }
        }
        ready.await(1)
        let rounds = 50
        for _ in 0..<rounds { stopTheWorld {} }
        stop.value = 1
        group.wait()
        // A loaded machine moves some.
        t.check(moves.value <= rounds / 2, "\(moves.value) moves in \(rounds) stops")
      }
    }

    // Go: TestNumGoroutine
    @Test(arguments: procsToTry)
    func `a dump names every goroutine and why it waits`(procs: Int) throws {
      try inRun(procs: procs) { t in
        let c = Channel<Void>()
        let full = Channel<Int>(capacity: 1)
        full.send(0)
        let mutex = GoMutex()
        mutex.lock()
        let rw = GoRWMutex()
        rw.readLock()
        let condMutex = GoMutex()
        let cond = GoCond(condMutex)
        let waited = WaitGroup()
        waited.add(1)
        let (r, _) = makePipe()
        goUntilParked { parkedInThisFunction(c) }
        goUntilParked { full.send(1) }
        let silent = Channel<Int>()
        goUntilParked {
          select {
            receive(from: c) { _ in }
            receive(from: silent) { _ in }
          }
        }
        goUntilParked { select {} }
        goUntilParked { sleep(for: .seconds(1000)) }
        goUntilParked { mutex.lock() }
        goUntilParked { rw.lock() }
        goUntilParked { rw.readLock() }
        goUntilParked {
          condMutex.lock()
          cond.wait()
        }
        goUntilParked { waited.wait() }
        goUntilParked { try waitReadable(r) }
        let dump = stackDump()
        t.check(dump.hasPrefix("goroutine 1 [running]:\n"), dump)
        for reason in [
          "chan receive", "chan send", "select", "select (no cases)", "sleep",
          "sync.Mutex.Lock", "sync.RWMutex.Lock", "sync.RWMutex.RLock", "sync.Cond.Wait",
          "sync.WaitGroup.Wait", "IO wait",
        ] {
          t.check(
            dump.contains("[\(reason)]") || dump.contains("[\(reason),"),
            "\(reason) is missing")
        }
        t.check(dump.contains("parkedInThisFunction"), "no function names:\n\(dump)")
        let lines = dump.split(separator: "\n")
        let headers = lines.filter { $0.hasPrefix("goroutine ") && $0.hasSuffix("]:") }
        t.equal(headers.count, numGoroutine())
      }
    }

    @Test func `a dump shows where a blocking call was made`() throws {
      try inRun(procs: 2) { t in
        let inside = Counter()
        let leave = Counter()
        go { blockedInThisFunction(inside, leave) }
        inside.await(1)
        let dump = stackDump()
        leave.value = 1
        let paragraphs = dump.split(separator: "\n\n")
        let blocked = paragraphs.first { $0.contains("[syscall]") } ?? ""
        t.check(blocked.contains("blockedInThisFunction"), dump)
        t.check(blocked.contains("_gostart"), dump)
      }
    }

    // Go: test/fixedbugs/issue9321.go, TestTracebackSystemstack
    @Test(arguments: [1, 4])
    func `dumps may be taken by many while all run`(procs: Int) throws {
      try inRun(procs: procs) { t in
        let stop = Counter()
        let others = WaitGroup()
        for i in 0..<5 {
          others.go {
            let c = Channel<Int>(capacity: 1)
            while stop.value == 0 {
              c.send(i)
              _ = c.receive()
              if i == 0 { sleep(for: .microseconds(1)) }
              // Few at a time: all are in every dump.
              if i == 1, numGoroutine() < 50 { go {} }
            }
          }
        }
        let group = WaitGroup()
        for _ in 0..<4 {
          group.go {
            for _ in 0..<5 { t.check(stackDump().contains("goroutine 1 [")) }
          }
        }
        group.wait()
        stop.value = 1
        others.wait()
      }
    }
  }
}
