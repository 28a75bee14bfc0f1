// SPDX-License-Identifier: Apache-2.0
//
// select.                        Go: src/runtime/chan_test.go, test/chan/select*.go

import Synchronization
import Testing

@testable import Stage

extension RuntimeTests {
  @Suite("select")
  struct SelectTests {
    // Go: test/chan/select4.go, select7.go
    @Test func `the case that is ready is chosen, and its body runs`() throws {
      try inRun { t in
        let a = Channel<Int>(capacity: 1)
        let b = Channel<Int>(capacity: 1)
        a.send(1)
        var chosen = ""
        select {
          receive(from: a) { chosen = "a \($0 ?? -1)" }
          receive(from: b) { chosen = "b \($0 ?? -1)" }
        }
        t.equal(chosen, "a 1")
        select {
          receive(from: a) { _ in chosen = "a" }
          send(5, to: b) { chosen = "sent" }
        }
        t.equal(chosen, "sent")
        t.equal(b.receive(), 5)
        a.close()
        select {
          receive(from: a) { chosen = $0 == nil ? "closed" : "open" }
          receive(from: b) { _ in chosen = "b" }
        }
        t.equal(chosen, "closed")
      }
    }

    @Test func `with nothing ready, otherwise is chosen`() throws {
      try inRun { t in
        let a = Channel<Int>()
        let full = Channel<Int>(capacity: 1)
        full.send(0)
        var chosen = ""
        select {
          receive(from: a) { _ in chosen = "received" }
          send(1, to: full) { chosen = "sent" }
          otherwise { chosen = "otherwise" }
        }
        t.equal(chosen, "otherwise")
        select { otherwise { chosen = "alone" } }
        t.equal(chosen, "alone")
        select {
          receive(from: full) { chosen = "\($0!)" }
          otherwise { chosen = "otherwise" }
        }
        t.equal(chosen, "0")
      }
    }

    // Go: test/chan/select3.go
    @Test func `a nil channel is never ready`() throws {
      try inRun { t in
        let none: Channel<Int>? = nil
        let a = Channel<Int>(capacity: 1)
        var chosen = ""
        select {
          receive(from: none) { _ in chosen = "nil received" }
          send(1, to: none) { chosen = "nil sent" }
          otherwise { chosen = "otherwise" }
        }
        t.equal(chosen, "otherwise")
        select {
          receive(from: none) { _ in chosen = "nil received" }
          send(1, to: none) { chosen = "nil sent" }
          send(2, to: a) { chosen = "sent" }
        }
        t.equal(chosen, "sent")
        // Only nil channels: blocks, like no case at all.
        goUntilParked { select { receive(from: none) { _ in } } }
        goUntilParked { select {} }
      }
    }

    // Go: TestNonblockSelectRace
    @Test func `select looks at all channels at one moment`() throws {
      try inRun { t in
        let done = Channel<Bool>(capacity: 1)
        for _ in 0..<scaled(1000) {
          let c1 = Channel<Int>(capacity: 1)
          let c2 = Channel<Int>(capacity: 1)
          c1.send(1)
          go {
            var ready = true
            select {
              receive(from: c1) { _ in }
              receive(from: c2) { _ in }
              otherwise { ready = false }
            }
            done.send(ready)
          }
          c2.send(1)
          _ = c1.tryReceive()
          t.check(done.receive()!, "no channel was ready")
        }
      }
    }

    // Go: TestNonblockSelectRace2
    @Test func `select looks at all channels at one moment, with close`() throws {
      try inRun { t in
        let done = Channel<Bool>(capacity: 1)
        for _ in 0..<scaled(1000) {
          let c1 = Channel<Int>(capacity: 1)
          let c2 = Channel<Int>()
          c1.send(1)
          go {
            var ready = true
            select {
              receive(from: c1) { _ in }
              receive(from: c2) { _ in }
              otherwise { ready = false }
            }
            done.send(ready)
          }
          c2.close()
          _ = c1.tryReceive()
          t.check(done.receive()!, "no channel was ready")
        }
      }
    }

    // Go: TestSelfSelect
    @Test(arguments: [0, 10])
    func `a select that sends to and receives from one channel does not meet itself`(
      capacity: Int
    ) throws {
      try inRun { t in
        let c = Channel<Int>(capacity: capacity)
        let group = WaitGroup()
        for p in 0..<2 {
          group.go {
            for i in 0..<1000 {
              let check = { (v: Int?) in
                t.check(capacity != 0 || v != p, "received its own value")
              }
              if p == 0 || i % 2 == 0 {
                select {
                  send(p, to: c)
                  receive(from: c, check)
                }
              } else {
                select {
                  receive(from: c, check)
                  send(p, to: c)
                }
              }
            }
          }
        }
        group.wait()
      }
    }

    // Go: TestSelectStress
    @Test func `selects, sends and receives on four channels all finish`() throws {
      try inRun { t in
        let c = [
          Channel<Int>(), Channel<Int>(), Channel<Int>(capacity: 2),
          Channel<Int>(capacity: 3),
        ]
        let n = scaled(3000)
        let group = WaitGroup()
        for k in 0..<4 {
          group.go { for _ in 0..<n { c[k].send(0) } }
          group.go { for _ in 0..<n { _ = c[k].receive() } }
        }
        group.go {
          var left = [n, n, n, n]
          for _ in 0..<4 * n {
            select {
              for k in [3, 2, 0, 1] {
                send(0, to: left[k] > 0 ? c[k] : nil) { left[k] -= 1 }
              }
            }
          }
          t.equal(left, [0, 0, 0, 0])
        }
        group.go {
          var left = [n, n, n, n]
          for _ in 0..<4 * n {
            select {
              for k in 0..<4 {
                receive(from: left[k] > 0 ? c[k] : nil) { _ in left[k] -= 1 }
              }
            }
          }
          t.equal(left, [0, 0, 0, 0])
        }
        group.wait()
      }
    }

    // Go: TestSelectFairness
    @Test func `of several channels that are ready, none is preferred`() throws {
      try inRun { t in
        let trials = 10_000
        let c1 = Channel<Int>(capacity: trials + 1)
        let c2 = Channel<Int>(capacity: trials + 1)
        for _ in 0..<trials + 1 {
          c1.send(1)
          c2.send(2)
        }
        let c3 = Channel<Int>()
        let c4 = Channel<Int>()
        let out = Channel<Int>()
        let done = Channel<Void>()
        let group = WaitGroup()
        group.go {
          var running = true
          while running {
            var b = 0
            select {
              receive(from: c3) { b = $0! }
              receive(from: c4) { b = $0! }
              receive(from: c1) { b = $0! }
              receive(from: c2) { b = $0! }
            }
            select {
              send(b, to: out)
              receive(from: done) { _ in running = false }
            }
          }
        }
        var counts = [0, 0, 0]
        for _ in 0..<trials { counts[out.receive()!] += 1 }
        // Ten standard deviations.
        t.check(abs(counts[1] - trials / 2) < 500, "\(counts[1]) against \(counts[2])")
        done.close()
        group.wait()
      }
    }

    // Go: TestPseudoRandomSend
    @Test(arguments: [0, 100])
    func `each of two sends on one channel is chosen now and then`(capacity: Int) throws {
      try inRun { t in
        let n = 100
        let c = Channel<Int>(capacity: capacity)
        let result = Channel<Int>()
        go {
          var ones = 0
          for _ in 0..<n {
            gosched()
            ones += c.receive()!
          }
          result.send(ones)
        }
        for _ in 0..<n {
          select {
            send(1, to: c)
            send(0, to: c)
          }
        }
        let ones = result.receive()!
        t.check(ones > n / 10 && ones < n - n / 10, "\(ones) ones of \(n)")
      }
    }

    // Go: TestSelectDuplicateChannel
    @Test func `one channel may stand in several cases`() throws {
      try inRun { t in
        for _ in 0..<50 {
          let c = Channel<Int>()
          let d = Channel<Int>()
          let e = Channel<Int>()
          let f = Channel<Int>()
          goUntilParked {
            select {
              receive(from: c) { _ in }
              receive(from: c) { _ in }
              receive(from: d) { _ in }
            }
            e.send(9)
          }
          goUntilParked { f.send(c.receive()!) }
          d.send(7)
          t.equal(e.receive(), 9)
          c.send(8)
          t.equal(f.receive(), 8)
        }
      }
    }

    // Go: test/chan/select6.go
    @Test func `a channel's queue is whole after a select has left its middle`() throws {
      try inRun { t in
        let c1 = Channel<Bool>()
        let c2 = Channel<Bool>()
        let c3 = Channel<Bool>()
        let c4 = Channel<Bool>()
        goUntilParked { _ = c1.receive() }
        goUntilParked {
          select {
            receive(from: c1) { _ in t.check(false, "c1 is not for the select") }
            receive(from: c2) { _ in c3.send(true) }
          }
          _ = c1.receive()
          c4.send(true)
        }
        go { c2.send(true) }
        t.equal(c3.receive(), true)
        c1.send(true)
        c1.send(true)
        t.equal(c4.receive(), true)
      }
    }

    // Go: TestChanSendSelectBarrier
    @Test func `a value that a select sent is the receiver's alone`() throws {
      let live = Counter()
      try inRun { t in
        let group = WaitGroup()
        for _ in 0..<10 {
          group.go {
            for j in 0..<scaled(300) {
              let c = Channel<Tracked>()
              let done = Channel<Void>()
              go {
                select {
                  send(Tracked(live, j), to: c)
                  receive(from: done) { _ in }
                }
              }
              let object = c.receive()
              gosched()
              t.equal(object?.id, j)
            }
          }
        }
        group.wait()
        while numGoroutine() != 1 { gosched() }
        t.equal(live.value, 0)
      }
      #expect(live.value == 0)
    }

    @Test func `the value of a send that was not chosen is released`() throws {
      let live = Counter()
      try inRun { t in
        let ready = Channel<Int>(capacity: 1)
        let stuck = Channel<Tracked>()
        for i in 0..<100 {
          ready.send(i)
          select {
            send(Tracked(live, i), to: stuck)
            receive(from: ready) { _ in }
          }
          select {
            send(Tracked(live, i), to: stuck)
            otherwise {}
          }
          let none: Channel<Tracked>? = nil
          select {
            send(Tracked(live, i), to: none)
            otherwise {}
          }
          t.equal(live.value, 0)
        }
        // Parked first, then woken through the other case.
        goUntilParked {
          select {
            send(Tracked(live), to: stuck)
            receive(from: ready) { _ in }
          }
          t.equal(live.value, 0)
        }
        ready.send(1)
        while numGoroutine() != 1 { gosched() }
        t.equal(live.value, 0)
      }
      #expect(live.value == 0)
    }

    @Test func `a body may block, select again, and throw`() throws {
      try inRun { t in
        let a = Channel<Int>(capacity: 1)
        let b = Channel<Int>()
        a.send(1)
        go { b.send(2) }
        var sum = 0
        select {
          receive(from: a) { x in
            sum += x!
            select { receive(from: b) { y in sum += y! } }
            gosched()
          }
        }
        t.equal(sum, 3)
        a.send(4)
        var caught: TestError?
        do {
          try select {
            receive(from: a) { x in throw TestError(id: x!) }
            receive(from: b) { _ in }
          }
        } catch let error as TestError {
          caught = error
        }
        t.equal(caught, TestError(id: 4))
      }
    }

    @Test func `goexit in a body ends the goroutine`() throws {
      try inRun { t in
        let a = Channel<Int>(capacity: 1)
        let order = Channel<Int>(capacity: 3)
        a.send(1)
        go {
          defer { order.close() }
          try select {
            receive(from: a) { _ in try goexit() }
          }
          order.send(1)
        }
        t.equal(Array(order), [])
      }
    }

    @Test func `if, switch and for work among the cases`() throws {
      try inRun { t in
        let channels = (0..<5).map { _ in Channel<Int>(capacity: 1) }
        for flag in [true, false] {
          channels[3].send(3)
          var got = -1
          select {
            if flag {
              receive(from: channels[0]) { _ in got = 0 }
            }
            for i in 1..<5 {
              receive(from: channels[i]) { v in got = v! }
            }
            switch flag {
            case true: receive(from: channels[0]) { _ in got = 0 }
            case false: otherwise { got = 100 }
            }
          }
          t.equal(got, 3)
        }
      }
    }

    @Test func `a case can be kept and used again`() throws {
      try inRun { t in
        let a = Channel<Int>(capacity: 10)
        let out = Channel<Int>(capacity: 10)
        let sum = Counter()
        let cases = [
          receive(from: a) { v in sum.add(v!) },
          send(1, to: out),
        ]
        for _ in 0..<3 { a.send(5) }
        for _ in 0..<13 { select { for c in cases { c } } }
        t.equal(sum.value, 15)
        t.equal(out.count, 10)
      }
    }

    @Test(arguments: [100, 400])
    func `select works with many cases`(count: Int) throws {
      try inRun { t in
        let channels = (0..<count).map { _ in Channel<Int>() }
        let stop = Channel<Void>()
        let sum = Counter()
        let ended = WaitGroup()
        for _ in 0..<3 {
          ended.go {
            var running = true
            while running {
              select {
                for c in channels { receive(from: c) { sum.add($0!) } }
                receive(from: stop) { _ in running = false }
              }
            }
          }
        }
        for i in 0..<count { channels[(i * 7) % count].send(i) }
        stop.close()
        ended.wait()
        t.equal(sum.value, count * (count - 1) / 2)
      }
    }

    @Test func `a select leaves the queues of channels that stay quiet`() throws {
      try inRun { t in
        let quiet = Channel<Int>()
        let busy = Channel<Int>()
        let done = Channel<Void>()
        go {
          select {
            receive(from: quiet) { _ in }
            receive(from: busy) { _ in }
          }
          done.send(())
        }
        // Sent as soon as it waits.
        while !busy.trySend(1) { gosched() }
        _ = done.receive()
        t.check(HchanPtr(quiet.hchan)[].recvq.first == nil, "it is still on one")
      }
    }

    // Go: test/chan/select2.go, test/fixedbugs/issue9110.go
    @Test func `selects that come and go do not use up memory`() throws {
      try inRun { t in
        let a = Channel<Int>()
        let b = Channel<Int>()
        func batch(_ n: Int) {
          let group = WaitGroup()
          group.go {
            for i in 0..<n {
              select {
                send(i, to: a)
                send(i, to: b)
              }
            }
          }
          group.go {
            for _ in 0..<n {
              select {
                receive(from: a) { _ in }
                receive(from: b) { _ in }
              }
            }
          }
          group.wait()
        }
        batch(10_000)
        let before = processStatus("VmRSS")
        batch(scaled(50_000))
        let grown = processStatus("VmRSS") - before
        t.check(grown < 8 << 10 + freedButKept, "\(grown) KB more")
      }
    }

    @Test func `one value wakes one of many selects`() throws {
      try inRun { t in
        for _ in 0..<100 {
          let a = Channel<Int>()
          let b = Channel<Int>()
          let woken = Counter()
          let stop = Channel<Void>()
          let group = WaitGroup()
          for _ in 0..<8 {
            group.go {
              select {
                receive(from: a) { _ in woken.add() }
                receive(from: b) { _ in woken.add() }
                receive(from: stop) { _ in }
              }
            }
          }
          group.go { a.send(1) }
          group.go { b.send(1) }
          woken.await(2)
          stop.close()
          group.wait()
          t.equal(woken.value, 2)
        }
      }
    }

    // Two channels in opposite orders: the locks are taken in one order.
    @Test func `selects over the same channels in different orders do not deadlock`()
      throws
    {
      try inRun { t in
        let channels = (0..<4).map { _ in Channel<Int>() }
        let n = scaled(2000)
        let group = WaitGroup()
        let sum = Counter()
        for k in 0..<4 {
          group.go {
            for i in 0..<n {
              select {
                for j in 0..<4 { send(i, to: channels[(j + k) % 4]) }
              }
            }
          }
          group.go {
            for _ in 0..<n {
              select {
                for j in 0..<4 {
                  receive(from: channels[(k + 4 - j) % 4]) { sum.add($0!) }
                }
              }
            }
          }
        }
        group.wait()
        t.equal(sum.value, 4 * n * (n - 1) / 2)
      }
    }

    // libmill: choose.c
    @Test func `a keyed channel: receivers wait until their key is there`() throws {
      try inRun { t in
        // A goroutine owns the map; everybody else asks it.
        let puts = Channel<(Int, Int)>()
        let gets = Channel<(Int, Channel<Int>)>()
        let stop = Channel<Void>()
        go {
          var values: [Int: Int] = [:]
          var waiting: [Int: [Channel<Int>]] = [:]
          var running = true
          while running {
            select {
              receive(from: puts) { put in
                let (key, value) = put!
                values[key] = value
                for w in waiting.removeValue(forKey: key) ?? [] { w.send(value) }
              }
              receive(from: gets) { get in
                let (key, reply) = get!
                if let value = values[key] {
                  reply.send(value)
                } else {
                  waiting[key, default: []].append(reply)
                }
              }
              receive(from: stop) { _ in running = false }
            }
          }
        }
        let group = WaitGroup()
        for key in 0..<50 {
          group.go {
            let reply = Channel<Int>(capacity: 1)
            gets.send((key, reply))
            t.equal(reply.receive(), key * key)
          }
          group.go { puts.send((key, key * key)) }
        }
        group.wait()
        stop.close()
      }
    }
  }
}
