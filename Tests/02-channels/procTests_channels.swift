// SPDX-License-Identifier: Apache-2.0
//
// Goroutines that wait for each other.               Go: src/runtime/proc_test.go

import CLinux
import Testing

@testable import Stage

extension RuntimeTests.ProcTests {
  // Go: issue 9110; what is abandoned must be on no queue any more.
  @Test(arguments: Way.all)
  func `an abandoned waiter is taken off every queue`(way: Way) throws {
    let channel = Channel<Int>()
    let full = Channel<Int>(capacity: 1)
    let mutex = GoMutex()
    let group = WaitGroup()
    let condMutex = GoMutex()
    let cond = GoCond(condMutex)
    try inRun(way) { _ in
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
    try inRun(way) { t in
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

  // Go: TestYieldProgress
  @Test func `a goroutine that polls and yields lets others progress`() throws {
    try inRun { _ in
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

  // Venice: testTenThousandWhispers. Go: test/chan/goroutines.go
  @Test func `a chain of 10,000 goroutines passes a value along`() throws {
    try inRun { t in
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

  @Test func `accesses of several goroutines on one thread end in any order`() throws {
    try inRun(.inTurns) { t in
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
      try inRun(.inTurns) { _ in
        goUntilParked { parkInside(&object.value, never) }
      }
      object.value += 10
      #expect(object.value == i * 11)
    }
  }

  // Swift allocates and frees on different threads; nothing of the runtime's may
  // be in the way.
  @Test func `objects made by one goroutine die in another`() throws {
    let live = Counter()
    try inRun { t in
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
  @Test func `a pool of goroutines serves a channel of functions`() throws {
    try inRun { t in
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

  @Test func `errno is kept across a channel`() throws {
    try inRun { t in
      let group = WaitGroup()
      for i in 1...20 {
        group.go {
          let mine = Int32(i)
          errno_location().pointee = mine
          let c = Channel<Int>(capacity: 1)
          for k in 0..<200 {
            c.send(k)
            gosched()
            _ = c.receive()
            t.equal(errno_location().pointee, mine)
          }
        }
      }
      group.wait()
    }
  }
}
