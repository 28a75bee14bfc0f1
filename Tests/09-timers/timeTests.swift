// SPDX-License-Identifier: Apache-2.0
//
// Timers.                      Go: src/time/sleep_test.go, src/time/tick_test.go
//
// That something comes too early is an error; that it comes late is the machine's
// load, unless a minute goes by.

import CLinux
import Synchronization
import Testing

@testable import Stage

private let far = Duration.seconds(10_000)

private func elapsed(_ start: Int64) -> Duration { .nanoseconds(nanotime() - start) }

/// Whether a value is there at once.
private func ready(_ c: Channel<ContinuousClock.Instant>) -> Bool {
  if case .value = c.tryReceive() { return true }
  return false
}

/// Waits until a value is there.
private func awaitReady(_ c: Channel<ContinuousClock.Instant>) {
  while !ready(c) { sleep(for: .microseconds(100)) }
}

extension RuntimeTests {
  @Suite("sleep, after, afterFunc, GoTimer, Ticker")
  struct TimeTests {
    // Go: TestSleep
    @Test(arguments: procsToTry)
    func `sleep does not return early`(procs: Int) throws {
      try inRun(procs: procs) { t in
        for ms in [1, 2, 5, 20] {
          let start = nanotime()
          sleep(for: .milliseconds(ms))
          t.check(elapsed(start) >= .milliseconds(ms), "slept for \(elapsed(start))")
        }
      }
    }

    // Sub-millisecond precision is asked of the poller; only earliness is wrong.
    @Test func `short sleeps are neither lost nor early`() throws {
      try inRun(procs: 2) { t in
        for us in [1, 10, 50, 100, 500] {
          for _ in 0..<20 {
            let start = nanotime()
            sleep(for: .microseconds(us))
            t.check(elapsed(start) >= .microseconds(us))
          }
        }
      }
    }

    @Test(arguments: procsToTry)
    func `many sleep at once, and wake in order`(procs: Int) throws {
      try inRun(procs: procs) { t in
        let n = 10_000
        let group = WaitGroup()
        let early = Counter()
        for i in 0..<n {
          group.go {
            let d = Duration.microseconds((i * 7919) % 50_000)
            let start = nanotime()
            sleep(for: d)
            if elapsed(start) < d { early.add() }
          }
        }
        group.wait()
        t.equal(early.value, 0)
      }
    }

    @Test func `100,000 sleepers need no threads`() throws {
      try inRun(procs: 2) { t in
        let n = 100_000
        let group = WaitGroup()
        for i in 0..<n { group.go { sleep(for: .milliseconds(50 + i % 10)) } }
        let threads = processStatus("Threads")
        group.wait()
        t.check(threads < 100, "\(threads) threads")
      }
    }

    // Go: TestSleepZeroDeadlock
    @Test func `a sleep of no time, or less, returns at once`() throws {
      try inRun(procs: 4) { t in
        let done = Channel<Void>()
        go {
          for _ in 0..<100 { gosched() }
          done.send(())
        }
        for _ in 0..<100 {
          sleep(for: .zero)
          sleep(for: .seconds(-5))
          let c = Channel<Int>(capacity: 1)
          c.send(1)
          t.equal(c.receive(), 1)
        }
        _ = done.receive()
      }
    }

    // Go: TestAfter
    @Test func `after gives the time, when it has come`() throws {
      try inRun(procs: 2) { t in
        let start = ContinuousClock.now
        let end = after(.milliseconds(20)).receive()!
        t.check(end - start >= .milliseconds(20))
        t.check(ContinuousClock.now - start >= .milliseconds(20))
      }
    }

    // Go: TestAfterTick
    @Test func `one after the other takes as long as all together`() throws {
      try inRun(procs: 1) { t in
        let start = nanotime()
        for _ in 0..<10 { _ = after(.milliseconds(5)).receive() }
        t.check(elapsed(start) >= .milliseconds(50))
      }
    }

    // Go: TestAfterFunc
    @Test(arguments: procsToTry)
    func `afterFunc runs its function in a goroutine of its own`(procs: Int) throws {
      try inRun(procs: procs) { _ in
        let left = Counter(10)
        let done = Channel<Void>()
        func f() {
          if left.add(-1) >= 0 {
            afterFunc(.zero) { f() }
            sleep(for: .seconds(100))
          } else {
            done.send(())
          }
        }
        afterFunc(.zero) { f() }
        _ = done.receive()
      }
    }

    // Go: TestAfterFuncStarvation
    @Test func `a timer fires although two goroutines keep one P busy`() throws {
      try inRun(procs: 1) { _ in
        let stop = Counter()
        let c = Channel<Void>(capacity: 1)
        let group = WaitGroup()
        group.go {
          while stop.value == 0 { c.send(()) }
          c.close()
        }
        group.go { for _ in c {} }
        afterFunc(.microseconds(1)) { stop.value = 1 }
        group.wait()
      }
    }

    // Go: TestTimerFairness
    @Test(arguments: procsToTry)
    func `a timer is heard among channels that are always ready`(procs: Int) throws {
      try inRun(procs: procs) { _ in
        let done = Channel<Void>()
        let c = Channel<Void>()
        let group = WaitGroup()
        for _ in 0..<2 {
          group.go {
            var running = true
            while running {
              select {
                send((), to: c)
                receive(from: done) { _ in running = false }
              }
            }
          }
        }
        let timer = after(.milliseconds(20))
        var running = true
        while running {
          select {
            receive(from: c) { _ in }
            receive(from: timer) { _ in running = false }
          }
        }
        done.close()
        group.wait()
      }
    }

    // Go: TestTimerFairness2
    @Test(arguments: procsToTry)
    func `a timer is heard between system calls`(procs: Int) throws {
      try inRun(procs: procs) { _ in
        let c = Channel<Void>()
        let group = WaitGroup()
        for _ in 0..<2 {
          group.go {
            let timer = after(.milliseconds(20))
            var running = true
            while running {
              blocking { osyield() }
              select {
                send((), to: c)
                receive(from: c) { _ in }
                receive(from: timer) { _ in running = false }
                otherwise { gosched() }
              }
            }
          }
        }
        group.wait()
      }
    }

    // Go: TestAfterQueuing
    @Test(arguments: [1, 2, 4])
    func `what is due earlier comes earlier`(procs: Int) throws {
      try inRun(procs: procs) { t in
        let slots = [5, 3, 6, 6, 6, 1, 1, 2, 7, 9, 4, 8, 0]
        // A loaded machine may delay one wake-up past the next; not five times.
        for attempt in 0..<5 {
          let delta = 5 + attempt * 20
          let result = Channel<Int>(capacity: slots.count)
          for slot in slots {
            let c = after(.milliseconds(slot * delta))
            go {
              _ = c.receive()
              result.send(slot)
            }
          }
          let order = slots.map { _ in result.receive()! }
          if order == order.sorted() { return }
        }
        t.check(false, "out of order five times")
      }
    }

    // Go: TestAfterStop
    @Test func `a timer that was stopped does not fire`() throws {
      try inRun(procs: 2) { t in
        let fired = Counter()
        let t0 = GoTimer(.milliseconds(30))
        let t1 = afterFunc(.milliseconds(30)) { fired.add() }
        t.check(t0.stop(), "it was still to fire")
        t.check(t1.stop(), "it was still to fire")
        t.check(!t0.stop(), "stopped already")
        t.check(!t1.stop(), "stopped already")
        sleep(for: .milliseconds(60))
        t.check(!ready(t0.channel))
        t.equal(fired.value, 0)
      }
    }

    // Go: TestTimerStopStress
    @Test(arguments: [2, 8])
    func `timers that are stopped by many goroutines never fire`(procs: Int) throws {
      try inRun(procs: procs) { t in
        let fired = Counter()
        let group = WaitGroup()
        for _ in 0..<scaled(1000) {
          group.go {
            let timer = afterFunc(.seconds(600)) { fired.add() }
            sleep(for: .milliseconds(1))
            t.check(timer.stop())
          }
        }
        group.wait()
        t.equal(fired.value, 0)
      }
    }

    // Go: TestReset
    @Test func `reset moves a timer, and tells whether it was still to fire`() throws {
      try inRun(procs: 2) { t in
        let timer = GoTimer(far)
        t.check(timer.reset(far), "it was still to fire")
        t.check(timer.reset(.microseconds(1)), "it was still to fire")
        _ = timer.channel.receive()
        t.check(!timer.reset(.milliseconds(1)), "it had fired")
        _ = timer.channel.receive()
        t.check(!timer.stop(), "it had fired")
        t.check(!timer.reset(far))
        t.check(timer.stop())
        let start = nanotime()
        let moved = GoTimer(.milliseconds(1))
        moved.reset(.milliseconds(30))
        _ = moved.channel.receive()
        t.check(elapsed(start) >= .milliseconds(30))
      }
    }

    // Go: TestOverflowSleep
    @Test func `the longest time never comes, and the most negative at once`() throws {
      try inRun(procs: 2) { t in
        let big = Duration.nanoseconds(Int64.max)
        go {
          sleep(for: big)
          t.check(false, "the big sleep returned")
        }
        go {
          sleep(for: .seconds(Int64.max))
          t.check(false, "the bigger sleep returned")
        }
        var fired = ""
        select {
          receive(from: after(big)) { _ in fired = "big" }
          receive(from: after(.milliseconds(25))) { _ in fired = "small" }
        }
        t.equal(fired, "small")
        // Go: TestOverflowPeriodRuntimeTimer
        let ticker = Ticker(every: big)
        sleep(for: .milliseconds(2))
        t.check(!ready(ticker.channel), "the longest period is over")
        ticker.stop()
        let negative = Duration.nanoseconds(Int64.min)
        sleep(for: negative)
        sleep(for: .seconds(Int64.min))
        _ = after(negative).receive()
        _ = after(.seconds(Int64.min)).receive()
      }
    }

    // Go: TestZeroTimer (issue 44868)
    @Test(arguments: [1, 4])
    func `timers of no time are not missed`(procs: Int) throws {
      try inRun(procs: procs) { _ in
        for _ in 0..<scaled(20_000) { _ = GoTimer(.zero).channel.receive() }
        let c = Channel<Void>()
        for _ in 0..<scaled(20_000) {
          afterFunc(.zero) { c.send(()) }
          _ = c.receive()
        }
        let timer = GoTimer(far)
        for _ in 0..<scaled(20_000) {
          timer.reset(.zero)
          _ = timer.channel.receive()
        }
      }
    }

    // Go: TestTimerModifiedEarlier (issue 47329)
    @Test(arguments: [1, 4])
    func `a timer moved into the past, again and again, is not dropped`(procs: Int) throws
    {
      try inRun(procs: procs) { _ in
        for _ in 0..<500 {
          let fired = Channel<Void>(capacity: 1)
          let timer = afterFunc(far) { fired.send(()) }
          for _ in 0..<10 {
            if !timer.stop() { _ = fired.receive() }
            timer.reset(.seconds(-1_000_000))
          }
          _ = fired.receive()
        }
      }
    }

    // Go: TestAdjustTimers (issue 47762)
    @Test(arguments: [1, 4])
    func `timers moved to and fro lose none of their times`(procs: Int) throws {
      try inRun(procs: procs) { t in
        struct Entry {
          var timer: GoTimer
          var fired: Channel<Void>
          var state = 0
        }
        var left = (0..<100).map { _ in
          let fired = Channel<Void>(capacity: 1)
          return Entry(timer: afterFunc(.zero) { fired.send(()) }, fired: fired)
        }
        var random = SystemRandomNumberGenerator()
        while !left.isEmpty {
          let i = Int.random(in: 0..<left.count, using: &random)
          let e = left[i]
          left[i].state += 1
          switch e.state {
          case 0: _ = e.fired.receive()
          case 1: t.check(!e.timer.reset(.seconds(60)), "active (1)")
          case 3: t.check(!e.timer.reset(.seconds(180)), "active (3)")
          case 5: t.check(!e.timer.reset(.seconds(120)), "active (2)")
          case 2, 4, 6: t.check(e.timer.stop(), "was not active")
          case 7: t.check(!e.timer.reset(.zero))
          case 8: _ = e.fired.receive()
          default: left.remove(at: i)
          }
        }
      }
    }

    // Go: TestStopResult, TestResetResult (issue 69312)
    @Test(arguments: [true, false], [1, 4])
    func `stop and reset tell truly whether a value will come`(
      stopping: Bool, procs: Int
    ) throws {
      try inRun(procs: procs) { _ in
        let start = Channel<Void>()
        let group = WaitGroup()
        for _ in 0..<scaled(200) {
          group.go {
            _ = start.receive()
            for _ in 0..<20 {
              let one = GoTimer(.milliseconds(1))
              let two = GoTimer(.milliseconds(1))
              func other(_ timer: GoTimer) {
                let pending = stopping ? timer.stop() : timer.reset(.seconds(3600))
                // The value is there, or this waits for ever.
                if !pending { _ = timer.channel.receive() }
              }
              select {
                receive(from: one.channel) { _ in other(two) }
                receive(from: two.channel) { _ in other(one) }
              }
            }
          }
        }
        start.close()
        group.wait()
      }
    }

    // Go: TestChan (time): no stale value after stop or reset.
    @Test(arguments: [1, 2, 4])
    func `a timer's channel never holds a stale value`(procs: Int) throws {
      try inRun(procs: procs) { t in
        let timer = GoTimer(far)
        timer.stop()
        t.check(!ready(timer.channel))
        timer.reset(far)
        t.check(!ready(timer.channel))
        timer.reset(.nanoseconds(1))
        awaitReady(timer.channel)
        timer.reset(far)
        t.check(!ready(timer.channel))

        // Fired, and nobody looked: stop takes the value back and says so.
        timer.reset(.nanoseconds(1))
        sleep(for: .milliseconds(10))
        t.check(timer.stop(), "nobody has received it")
        t.check(!ready(timer.channel), "a stale value")
        timer.reset(.nanoseconds(1))
        sleep(for: .milliseconds(10))
        t.check(timer.reset(far), "nobody has received it")
        t.check(!ready(timer.channel), "a stale value")

        // With a receiver that waits.
        let done = Channel<Void>()
        goUntilParked {
          _ = timer.channel.receive()
          done.close()
        }
        timer.reset(far)
        timer.reset(.nanoseconds(1))
        _ = done.receive()
        t.check(!ready(timer.channel), "an extra value")
        t.check(!timer.stop())

        // Two receivers, in selects; one value.
        timer.reset(far)
        let stop = Channel<Void>()
        let woken = Counter()
        let group = WaitGroup()
        for _ in 0..<2 {
          group.go {
            select {
              receive(from: timer.channel) { _ in woken.add() }
              receive(from: stop) { _ in }
            }
          }
        }
        timer.reset(.milliseconds(1))
        woken.await(1)
        stop.close()
        group.wait()
        t.equal(woken.value, 1)
      }
    }

    // Go: TestChan (time), the ticker.
    @Test(arguments: [1, 2, 4])
    func `a ticker's channel never holds a stale value`(procs: Int) throws {
      try inRun(procs: procs) { t in
        let ticker = Ticker(every: far)
        t.check(!ready(ticker.channel))
        ticker.reset(every: .microseconds(100))
        awaitReady(ticker.channel)
        awaitReady(ticker.channel)
        sleep(for: .milliseconds(5))
        ticker.reset(every: far)
        t.check(!ready(ticker.channel), "a stale tick after reset")
        ticker.reset(every: .microseconds(100))
        sleep(for: .milliseconds(5))
        ticker.stop()
        t.check(!ready(ticker.channel), "a stale tick after stop")
        sleep(for: .milliseconds(5))
        t.check(!ready(ticker.channel), "a tick after stop")
      }
    }

    // Go: TestTicker, TestTeardown
    @Test(arguments: procsToTry)
    func `a ticker ticks, not too fast, until it is stopped`(procs: Int) throws {
      try inRun(procs: procs) { t in
        let start = nanotime()
        let ticker = Ticker(every: .milliseconds(2))
        for _ in 0..<5 { _ = ticker.channel.receive() }
        t.check(elapsed(start) >= .milliseconds(10))
        let middle = nanotime()
        ticker.reset(every: .milliseconds(4))
        for _ in 0..<5 { _ = ticker.channel.receive() }
        t.check(elapsed(middle) >= .milliseconds(20))
        ticker.stop()
        sleep(for: .milliseconds(10))
        t.check(!ready(ticker.channel))
        for _ in 0..<3 {
          let short = Ticker(every: .milliseconds(1))
          _ = short.channel.receive()
          short.stop()
        }
      }
    }

    @Test func `a ticker drops ticks for a slow receiver`() throws {
      try inRun(procs: 2) { t in
        let ticker = Ticker(every: .milliseconds(1))
        _ = ticker.channel.receive()
        sleep(for: .milliseconds(30))
        // At most what was held, one that is late, and what has come since.
        let since = nanotime()
        t.check(ready(ticker.channel))
        var extra = 0
        while ready(ticker.channel) { extra += 1 }
        let came = Int((nanotime() - since) / 1_000_000) + 2
        t.check(extra <= came, "\(extra) ticks, and \(came) have come")
        ticker.stop()
      }
    }

    // Go: TestTickerConcurrentStress
    @Test(arguments: [1, 4])
    func `a ticker as fast as can be, and many who wait for it`(
      procs: Int
    ) throws {
      try inRun(procs: procs) { _ in
        let ticker = Ticker(every: .nanoseconds(1))
        for _ in 0..<100 { _ = ticker.channel.receive() }
        let group = WaitGroup()
        for _ in 0..<10 {
          group.go { for _ in 0..<100 { _ = ticker.channel.receive() } }
        }
        group.wait()
        ticker.stop()
      }
    }

    // Go: TestMultiWakeupTicker, TestMultiWakeupTimer
    @Test(arguments: [2, 4])
    func `many goroutines on one ticker and on one timer`(procs: Int) throws {
      try inRun(procs: procs) { _ in
        let ticker = Ticker(every: .microseconds(1))
        let group = WaitGroup()
        for _ in 0..<procs {
          group.go {
            for _ in 0..<scaled(5000) {
              select {
                receive(from: ticker.channel) { _ in }
                receive(from: after(.milliseconds(1))) { _ in }
              }
            }
          }
        }
        group.wait()
        ticker.stop()
        let timer = GoTimer(.nanoseconds(1))
        for _ in 0..<procs {
          group.go {
            for _ in 0..<scaled(5000) {
              _ = timer.channel.tryReceive()
              timer.reset(.nanoseconds(1))
            }
          }
        }
        group.wait()
        timer.stop()
      }
    }

    // Go: TestLongAdjustTimers
    @Test func `work goes on while thousands of timers come and go`() throws {
      try inRun(procs: 4) { t in
        let group = WaitGroup()
        for _ in 0..<5000 { group.go { sleep(for: .microseconds(10)) } }
        for _ in 0..<500 { sleep(for: .microseconds(1)) }
        let out = Channel<Int>()
        let inn = Channel<Int>()
        group.go {
          var queue: [Int] = []
          var running = true
          while running {
            select {
              send(queue.first ?? 0, to: queue.isEmpty ? nil : out) {
                queue.removeFirst()
              }
              receive(from: inn) { x in
                if let x { queue.append(x) } else { running = false }
              }
            }
          }
        }
        for i in 0..<scaled(1000) {
          for k in 0..<5 { inn.send(i + k) }
          for k in 0..<5 {
            select {
              receive(from: out) { t.equal($0, i + k) }
              receive(from: after(.seconds(50))) { _ in t.check(false, "stuck") }
            }
          }
        }
        inn.close()
        group.wait()
      }
    }

    // Go: TestTimerGC
    @Test func `timers that nobody has any more cost nothing`() throws {
      try inRun(procs: 2) { t in
        func batch() {
          for _ in 0..<2000 {
            _ = after(.seconds(3600))
            _ = GoTimer(.seconds(3600))
            _ = Ticker(every: .seconds(3600))
            GoTimer(.seconds(3600)).stop()
            Ticker(every: .seconds(3600)).stop()
          }
        }
        batch()
        let before = processStatus("VmRSS")
        for _ in 0..<20 { batch() }
        let grown = processStatus("VmRSS") - before
        t.check(grown < 8 << 10 + freedButKept, "\(grown) KB more after 200,000 timers")
      }
    }

    @Test(arguments: [2, 8])
    func `timers are dropped at the moment at which they fire`(procs: Int) throws {
      try inRun(procs: procs) { t in
        let size = MemoryLayout<Hchan>.size + MemoryLayout<ContinuousClock.Instant>.stride
        let group = WaitGroup()
        for k in 0..<2 * procs {
          group.go {
            // What the allocator gives next, full of ones.
            var blocks: [UnsafeMutableRawPointer] = []
            func give() {
              let block = blocks.removeFirst()
              for i in 0..<size where block.load(fromByteOffset: i, as: UInt8.self) != 255
              {
                t.check(false, "written at \(i)")
              }
              block.deallocate()
            }
            for i in 0..<scaled(500) {
              do {
                let timer = GoTimer(.nanoseconds((i * 37 + k) % 3000))
                let ticker = Ticker(every: .nanoseconds(500))
                for _ in 0..<i % 50 { procyield(4) }
                if i % 3 == 0 { gosched() }
                if i % 7 == 0 { timer.stop() }
                if i % 11 == 0 { ticker.stop() }
              }
              let block = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
              block.initializeMemory(as: UInt8.self, repeating: 255, count: size)
              blocks.append(block)
              if blocks.count > 16 { give() }
            }
            while !blocks.isEmpty { give() }
          }
        }
        group.wait()
      }
    }

    @Test func `afterFunc releases what its function captured`() throws {
      let live = Counter()
      try inRun(procs: 2) { t in
        let ran = Counter()
        for i in 0..<100 {
          let object = Tracked(live, i)
          afterFunc(.zero) { ran.add(object.id >= 0 ? 1 : 0) }
        }
        ran.await(100)
        while live.value != 0 { gosched() }
        do {
          let object = Tracked(live)
          let timer = afterFunc(far) { ran.add(object.id) }
          t.check(timer.stop())
        }
        while live.value != 0 { gosched() }
      }
      #expect(live.value == 0)
    }

    // Go: TestAfterTimes
    @Test func `the value is the time at which the timer fired`() throws {
      try inRun(procs: 2) { t in
        for _ in 0..<10 {
          let start = ContinuousClock.now
          let c = after(.milliseconds(5))
          sleep(for: .milliseconds(200))
          if c.receive()! - start < .milliseconds(150) { return }
        }
        t.check(false, "ten times it was the time of the receive")
      }
    }

    // Go: TestMutexFairness
    @Test func `who holds a mutex for long does not keep others out`() throws {
      try inRun(procs: 4) { _ in
        let mutex = GoMutex()
        let stop = Counter()
        let holder = WaitGroup()
        holder.go {
          while stop.value == 0 {
            mutex.lock()
            sleep(for: .microseconds(100))
            mutex.unlock()
          }
        }
        for _ in 0..<10 {
          sleep(for: .microseconds(100))
          mutex.lock()
          mutex.unlock()
        }
        stop.value = 1
        holder.wait()
      }
    }

    // Go: a sleeper is not a deadlock.
    @Test func `all goroutines may sleep at once`() throws {
      try inRun(procs: 4) { _ in
        let group = WaitGroup()
        for i in 0..<10 { group.go { sleep(for: .milliseconds(10 + i)) } }
        group.wait()
        let c = Channel<Int>()
        afterFunc(.milliseconds(10)) { c.send(1) }
        _ = c.receive()
      }
    }

    @Test func `an earlier timer wakes a thread that waits for a later one`() throws {
      try inRun(procs: 2) { t in
        for _ in 0..<50 {
          let late = GoTimer(.seconds(50))
          goUntilParked { _ = late.channel.receive() }
          let start = nanotime()
          sleep(for: .milliseconds(1))
          t.check(elapsed(start) < .seconds(40), "waited for the later timer")
          late.reset(.zero)
        }
      }
    }

    @Test func `timers of a run that is over do not fire in the next`() throws {
      let fired = Counter()
      for _ in 0..<5 {
        try inRun(procs: 2) { _ in
          for _ in 0..<10 {
            afterFunc(.milliseconds(2)) { fired.add() }
            goUntilParked {
              sleep(for: .milliseconds(2))
              fired.add()
            }
          }
        }
      }
      let before = fired.value
      try inRun(procs: 2) { t in
        sleep(for: .milliseconds(20))
        t.equal(fired.value, before)
      }
    }

    @Test func `a timer is used in one run and again in the next`() throws {
      let timer = Shared<GoTimer?>(nil)
      try inRun(procs: 2) { _ in
        timer.value = GoTimer(far)
        goUntilParked { _ = timer.value!.channel.receive() }
      }
      try inRun(procs: 4) { _ in
        timer.value!.reset(.milliseconds(1))
        _ = timer.value!.channel.receive()
      }
    }
  }
}
