// SPDX-License-Identifier: Apache-2.0
//
// Channels.                         Go: src/runtime/chan_test.go, test/chan/*.go

import Synchronization
import Testing

@testable import Stage

/// Four words and more, so that a copy can be seen half made.
private struct Big: Equatable {
  var words = InlineArray<128, Int>(repeating: 0)
  var object: Tracked?

  init(_ n: Int, _ object: Tracked? = nil) {
    for i in 0..<128 { words[i] = n + i }
    self.object = object
  }

  static func == (a: Big, b: Big) -> Bool {
    for i in 0..<128 where a.words[i] != b.words[i] { return false }
    return true
  }
}

private protocol Shape {
  var area: Int { get }
}
private struct Square: Shape {
  var side: Int
  var area: Int { side * side }
}
private final class Circle: Shape {
  let area = 3
}

/// Go: test/chan/sieve1.go
private func primes(below limit: Int, _ capacity: Int) -> [Int] {
  let numbers = Channel<Int>(capacity: capacity)
  go {
    for i in 2..<limit { numbers.send(i) }
    numbers.close()
  }
  var found: [Int] = []
  var source = numbers
  while let prime = source.receive() {
    found.append(prime)
    let input = source
    let output = Channel<Int>(capacity: capacity)
    go {
      for i in input where i % prime != 0 { output.send(i) }
      output.close()
    }
    source = output
  }
  return found
}

extension RuntimeTests {
  @Suite("Channel")
  struct ChanTests {
    // Go: TestChan, test/chancap.go
    @Test func `a channel blocks when empty and when full, and count and capacity tell`()
      throws
    {
      try inRun { t in
        for capacity in 0..<20 {
          let empty = Channel<Int>(capacity: capacity)
          let received = Counter()
          for _ in 0..<2 {
            goUntilParked {
              _ = empty.receive()
              received.add()
            }
          }
          t.equal(received.value, 0, "received from an empty channel")
          empty.send(0)
          empty.send(0)
          received.await(2)

          let full = Channel<Int>(capacity: capacity)
          t.equal(full.capacity, capacity)
          for i in 0..<capacity {
            t.equal(full.count, i)
            full.send(i)
          }
          t.equal(full.count, capacity)
          let sent = Counter()
          goUntilParked {
            full.send(0)
            sent.add()
          }
          t.equal(sent.value, 0, "sent to a full channel")
          t.check(capacity == 0 || !full.trySend(0), "sent to a full channel")
          t.equal(full.receive(), 0)
          sent.await(1)
        }
      }
    }

    // Go: TestChan, test/closedchan.go
    @Test func `a closed channel gives what it holds, then nil, for ever`() throws {
      try inRun { t in
        for capacity in 0..<20 {
          let c = Channel<Int>(capacity: capacity)
          for i in 0..<capacity { c.send(i) }
          c.close()
          for i in 0..<capacity { t.equal(c.receive(), i) }
          for _ in 0..<3 {
            t.equal(c.receive(), nil)
            if case .closed = c.tryReceive() {} else { t.check(false, "not closed") }
          }
          t.equal(c.count, 0)
        }
      }
    }

    // Go: TestChan. Venice: testDoneChannelUnblocks
    @Test func `close wakes every receiver, with nil`() throws {
      try inRun { t in
        for capacity in 0..<5 {
          let c = Channel<Int>(capacity: capacity)
          let group = WaitGroup()
          let nils = Counter()
          for _ in 0..<10 {
            let watched = Watched()
            group.go {
              watched.begin()
              if c.receive() == nil { nils.add() }
            }
            watched.awaitParked()
          }
          c.close()
          group.wait()
          t.equal(nils.value, 10)
        }
      }
    }

    // Go: TestChan, test/chan/fifo.go
    @Test func `one sender's values arrive in order`() throws {
      try inRun { t in
        for capacity in 0..<10 {
          let c = Channel<Int>(capacity: capacity)
          go {
            for i in 0..<500 { c.send(i) }
            c.close()
          }
          t.equal(Array(c), Array(0..<500))
        }
      }
    }

    // Go: TestChan
    @Test func `many senders' values arrive once each at many receivers`() throws {
      try inRun { t in
        for capacity in [0, 1, 2, 3, 10, 100] {
          let n = 1000
          let c = Channel<Int>(capacity: capacity)
          let results = Channel<[Int]>()
          for _ in 0..<4 {
            go { for i in 0..<n { c.send(i) } }
            go {
              var seen = Array(repeating: 0, count: n)
              for _ in 0..<n { seen[c.receive()!] += 1 }
              results.send(seen)
            }
          }
          var total = Array(repeating: 0, count: n)
          for _ in 0..<4 {
            for (i, k) in results.receive()!.enumerated() { total[i] += k }
          }
          t.equal(total, Array(repeating: 4, count: n))
        }
      }
    }

    // Go: TestNonblockRecvRace
    @Test func `a value that was there before close is never missed`() throws {
      try inRun { t in
        for _ in 0..<scaled(1000) {
          let c = Channel<Int>(capacity: 1)
          c.send(1)
          go {
            if case .empty = c.tryReceive() { t.check(false, "the channel is not ready") }
          }
          c.close()
          _ = c.receive()
        }
      }
    }

    // Go: TestMultiConsumer
    @Test func `23 workers take work and give results, and none is lost`() throws {
      try inRun { t in
        let workers = 23
        let n = scaled(20_000)
        let primes = [2, 3, 7, 11, 13, 17, 19, 23, 27, 31]
        let queue = Channel<Int>(capacity: workers * 3)
        let results = Channel<Int>(capacity: workers * 3)
        let group = WaitGroup()
        for w in 0..<workers {
          group.go {
            for v in queue {
              if primes[w % primes.count] == v { gosched() }
              results.send(v)
            }
          }
        }
        go {
          for i in 0..<n { queue.send(primes[i % primes.count]) }
          queue.close()
          group.wait()
          results.close()
        }
        var count = 0
        var sum = 0
        for v in results {
          count += 1
          sum += v
        }
        t.equal(count, n)
        t.equal(sum, (0..<n).reduce(0) { $0 + primes[$1 % primes.count] })
      }
    }

    // Go: TestChanSendBarrier
    @Test func `a value handed over directly is the receiver's alone`() throws {
      let live = Counter()
      try inRun { t in
        let group = WaitGroup()
        for _ in 0..<10 {
          group.go {
            for j in 0..<scaled(500) {
              let c = Channel<Tracked>()
              go { c.send(Tracked(live, j)) }
              let object = c.receive()
              gosched()
              t.equal(object?.id, j)
            }
          }
        }
        group.wait()
      }
      #expect(live.value == 0)
    }

    // Go: test/chan/fifo.go
    @Test func `senders that wait on an unbuffered channel are served in order`() throws {
      try inRun { t in
        let c = Channel<Int>()
        for i in 0..<100 { goUntilParked { c.send(i) } }
        for i in 0..<100 { t.equal(c.receive(), i) }
      }
    }

    // Go: test/chan/fifo.go
    @Test func `receivers are served in the order in which they came`() throws {
      try inRun { t in
        let c = Channel<Int>()
        let got = Channel<(Int, Int)>(capacity: 100)
        for i in 0..<100 { goUntilParked { got.send((i, c.receive()!)) } }
        for i in 0..<100 { c.send(i) }
        for _ in 0..<100 {
          let (receiver, value) = got.receive()!
          t.equal(receiver, value)
        }
      }
    }

    // Go: test/chan/nonblock.go
    @Test func `trySend and tryReceive never wait`() throws {
      try inRun { t in
        let c = Channel<Int>()
        t.check(!c.trySend(1), "sent without a receiver")
        if case .empty = c.tryReceive() {} else { t.check(false, "received from nobody") }
        let buffered = Channel<Int>(capacity: 1)
        t.check(buffered.trySend(1))
        t.check(!buffered.trySend(2))
        if case .value(1) = buffered.tryReceive() {} else { t.check(false, "not 1") }
        if case .empty = buffered.tryReceive() {} else { t.check(false, "not empty") }
        let got = Channel<Int>(capacity: 1)
        goUntilParked { got.send(c.receive()!) }
        t.check(c.trySend(7), "a receiver waits")
        t.equal(got.receive(), 7)
        goUntilParked { c.send(8) }
        if case .value(8) = c.tryReceive() {} else { t.check(false, "a sender waits") }
      }
    }

    // Go: test/chan/zerosize.go
    @Test func `elements of no size are counted all the same`() throws {
      try inRun { t in
        let c = Channel<Void>(capacity: 3)
        c.send(())
        c.send(())
        t.equal(c.count, 2)
        t.check(c.receive() != nil)
        c.close()
        t.check(c.receive() != nil)
        t.check(c.receive() == nil)
        let direct = Channel<Void>()
        go { for _ in 0..<100 { direct.send(()) } }
        for _ in 0..<100 { t.check(direct.receive() != nil) }
      }
    }

    @Test func `large elements arrive whole`() throws {
      let live = Counter()
      try inRun { t in
        for capacity in [0, 1, 5] {
          let c = Channel<Big>(capacity: capacity)
          for k in 0..<4 {
            go { for i in 0..<200 { c.send(Big(k * 1000 + i, Tracked(live))) } }
          }
          for _ in 0..<800 {
            let value = c.receive()!
            t.check(value == Big(value.words[0]), "a torn value")
            t.check(value.object != nil)
          }
        }
      }
      #expect(live.value == 0)
    }

    // Go: TestChanSendInterface
    @Test func `elements of every kind`() throws {
      try inRun { t in
        let shapes = Channel<any Shape>(capacity: 2)
        shapes.send(Square(side: 2))
        shapes.send(Circle())
        t.equal(shapes.receive()?.area, 4)
        t.equal(shapes.receive()?.area, 3)
        let strings = Channel<String>()
        go { strings.send(String(repeating: "long enough for the heap ", count: 10)) }
        t.equal(strings.receive()?.count, 250)
        let optionals = Channel<Int?>(capacity: 2)
        optionals.send(nil)
        optionals.send(3)
        optionals.close()
        if case .some(.none) = optionals.receive() {} else { t.check(false, "not nil") }
        if case .some(.some(3)) = optionals.receive() {} else { t.check(false, "not 3") }
        if case .none = optionals.receive() {} else { t.check(false, "not closed") }
        let functions = Channel<@Sendable (Int) -> Int>()
        go { functions.send { $0 + 1 } }
        t.equal(functions.receive()?(1), 2)
        let bytes = Channel<UInt8>(capacity: 300)
        for i in 0..<300 { bytes.send(UInt8(i & 255)) }
        for i in 0..<300 { t.equal(bytes.receive(), UInt8(i & 255)) }
      }
    }

    @Test func `a channel of channels`() throws {
      try inRun { t in
        let requests = Channel<(Int, Channel<Int>)>()
        go { for (n, reply) in requests { reply.send(n * n) } }
        for i in 0..<100 {
          let reply = Channel<Int>()
          requests.send((i, reply))
          t.equal(reply.receive(), i * i)
        }
        requests.close()
      }
    }

    // Go: test/chan/sieve1.go, sieve2.go
    @Test(arguments: [0, 10])
    func `the prime sieve`(capacity: Int) throws {
      try inRun { t in
        t.equal(
          primes(below: 100, capacity),
          [
            2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71,
            73, 79, 83, 89, 97,
          ])
        t.equal(primes(below: 1000, capacity).count, 168)
      }
    }

    // Go: test/chanlinear.go
    @Test func `leaving a queue does not take longer the longer it is`() throws {
      try inRun { t in
        // Every goroutine waits on one channel and leaves it through another:
        // quadratic work would meet the deadline.
        let n = 20_000
        let popular = Channel<Int>()
        let group = WaitGroup()
        let exits = (0..<n).map { _ in Channel<Int>(capacity: 1) }
        for i in 0..<n {
          group.go {
            select {
              receive(from: popular) { _ in }
              receive(from: exits[i]) { _ in }
            }
          }
        }
        gosched()
        // From the middle outwards: never the first, never the last.
        for k in 0..<n { exits[(k * 7919 + n / 2) % n].send(1) }
        group.wait()
        t.check(!popular.trySend(1))
      }
    }

    // Go: ChanSem
    @Test func `a buffered channel is a semaphore`() throws {
      try inRun { t in
        let tokens = Channel<Void>(capacity: 3)
        let inside = Counter()
        let group = WaitGroup()
        for _ in 0..<20 {
          group.go {
            for _ in 0..<200 {
              tokens.send(())
              t.check(inside.add() <= 3, "more than three inside")
              gosched()
              inside.add(-1)
              _ = tokens.receive()
            }
          }
        }
        group.wait()
      }
    }

    @Test func `values left in a channel are released with it`() throws {
      let live = Counter()
      try inRun { t in
        do {
          let c = Channel<Tracked>(capacity: 10)
          for i in 0..<25 {
            c.send(Tracked(live, i))
            if i >= 7 { t.equal(c.receive()?.id, i - 7) }
          }
          t.equal(live.value, 7)
          c.close()
        }
        t.equal(live.value, 0)
      }
      #expect(live.value == 0)
    }

    @Test func `a value that could not be sent is released`() throws {
      let live = Counter()
      try inRun { t in
        let c = Channel<Tracked>()
        t.check(!c.trySend(Tracked(live)))
        t.equal(live.value, 0)
        let full = Channel<Tracked>(capacity: 1)
        full.send(Tracked(live))
        t.check(!full.trySend(Tracked(live)))
        t.equal(live.value, 1)
        if case .value = full.tryReceive() {} else { t.check(false, "was full") }
        t.equal(live.value, 0)
      }
    }

    @Test func `a value moves through every path and dies once`() throws {
      let live = Counter()
      try inRun { t in
        let group = WaitGroup()
        let received = Counter()
        for capacity in [0, 1, 7] {
          let c = Channel<Tracked>(capacity: capacity)
          let senders = WaitGroup()
          for k in 0..<3 {
            senders.add(1)
            group.go {
              for i in 0..<300 {
                switch (i + k) % 3 {
                case 0: c.send(Tracked(live, i))
                case 1: while !c.trySend(Tracked(live, i)) { gosched() }
                default: select { send(Tracked(live, i), to: c) }
                }
              }
              senders.done()
            }
            group.go {
              var running = true
              var i = k
              while running {
                i += 1
                switch i % 3 {
                case 0:
                  if c.receive() != nil { received.add() } else { running = false }
                case 1:
                  switch c.tryReceive() {
                  case .value: received.add()
                  case .empty: gosched()
                  case .closed: running = false
                  }
                default:
                  select {
                    receive(from: c) { object in
                      if object != nil { received.add() } else { running = false }
                    }
                  }
                }
              }
            }
          }
          go {
            senders.wait()
            c.close()
          }
        }
        group.wait()
        t.equal(received.value, 3 * 3 * 300)
        t.equal(live.value, 0)
      }
      #expect(live.value == 0)
    }

    // What an abandoned frame holds leaks; what a channel holds does not.
    @Test(arguments: Way.all)
    func `a channel survives the goroutines that were abandoned in it`(way: Way) throws {
      let live = Counter()
      do {
        let c = Channel<Tracked>(capacity: 2)
        try inRun(way) { _ in
          for i in 0..<10 { goUntilParked2(c, live, i) }
        }
        #expect(c.count == 2)
        try inRun(way) { t in
          t.check(c.receive() != nil)
          t.check(c.receive() != nil)
          if case .empty = c.tryReceive() {} else { t.check(false, "a dead sender sent") }
          c.send(Tracked(live, 100))
          t.equal(c.receive()?.id, 100)
        }
      }
      func goUntilParked2(_ c: Channel<Tracked>, _ live: Counter, _ i: Int) {
        if i < 2 {
          c.send(Tracked(live, i))
        } else {
          goUntilParked { c.send(Tracked(live, i)) }
        }
      }
    }

    @Test func `a loop over a channel ends when it is closed`() throws {
      try inRun { t in
        let c = Channel<Int>()
        go {
          for i in 1...10 { c.send(i) }
          c.close()
        }
        t.equal(c.reduce(0, +), 55)
        let d = Channel<Int>(capacity: 3)
        d.send(1)
        d.send(2)
        d.close()
        t.equal(d.map { $0 * 2 }, [2, 4])
      }
    }

    @Test func `the ring of a buffered channel wraps around at every offset`() throws {
      try inRun { t in
        for capacity in 1...9 {
          let c = Channel<Int>(capacity: capacity)
          var next = 0
          var expected = 0
          for round in 0..<100 {
            for _ in 0..<(round % capacity + 1) {
              c.send(next)
              next += 1
            }
            while c.count > 0 {
              t.equal(c.receive(), expected)
              expected += 1
            }
          }
        }
      }
    }

    // A sender waits on a full buffer: the receiver takes the oldest and puts the
    // sender's value at the tail.
    @Test func `values of waiting senders come after those in the buffer`() throws {
      try inRun { t in
        let c = Channel<Int>(capacity: 3)
        for i in 0..<3 { c.send(i) }
        for i in 3..<8 { goUntilParked { c.send(i) } }
        for i in 0..<8 {
          t.equal(c.count, min(3, 8 - i))
          t.equal(c.receive(), i)
        }
      }
    }

    // The lock is released on g0 after the goroutine can be woken, so the channel may
    // be gone by then.
    @Test func `nothing touches a channel's memory when it is gone`() throws {
      try inRun { t in
        let size = (MemoryLayout<Hchan>.size + 63) & ~63
        let group = WaitGroup()
        for _ in 0..<16 {
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
            for i in 0..<scaled(1000) {
              do {
                let c = Channel<Int>()
                go { t.check(c.receive() == i) }
                if i % 2 == 0 { gosched() }
                c.send(i)
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

    @Test func `close races with receivers and wakes each once`() throws {
      try inRun { t in
        for _ in 0..<scaled(500) {
          let c = Channel<Int>(capacity: 1)
          let group = WaitGroup()
          let values = Counter()
          let nils = Counter()
          for _ in 0..<4 {
            group.go { if c.receive() != nil { values.add() } else { nils.add() } }
          }
          group.go {
            c.send(1)
            c.close()
          }
          group.wait()
          t.equal(values.value, 1)
          t.equal(nils.value, 3)
        }
      }
    }
  }
}
