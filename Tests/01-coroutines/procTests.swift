// SPDX-License-Identifier: Apache-2.0
//
// Goroutines: starting, taking turns, ending.          Go: src/runtime/proc_test.go

import CLinux
import Testing

@testable import Stage

/// Descends, making goroutines at every level, until depth is used up.
private func tree(_ depth: Int, _ leaves: Counter) {
  if depth == 0 {
    leaves.add()
    return
  }
  for _ in 0..<2 { go { tree(depth - 1, leaves) } }
}

/// Starts n goroutines and waits for their end.
private func runToTheirEnd(_ n: Int, _ body: @Sendable @escaping (Int) throws -> Void) {
  let ended = Counter()
  for i in 0..<n {
    go {
      defer { ended.add() }
      try body(i)
    }
  }
  ended.await(n)
}

extension RuntimeTests {
  @Suite("run, go, gosched, goexit, numGoroutine")
  struct ProcTests {
    @Test(arguments: Way.all)
    func `run runs main and returns`(way: Way) throws {
      let ran = Counter()
      try inRun(way) { _ in ran.add() }
      #expect(ran.value == 1)
    }

    @Test func `an error that main throws leaves run`() {
      #expect(throws: TestError(id: 7)) {
        try inRun { _ in throw TestError(id: 7) }
      }
    }

    @Test(arguments: Way.all)
    func `run can be called again and again`(way: Way) throws {
      for i in 0..<10 {
        let sum = Counter()
        try inRun(way) { t in
          runToTheirEnd(10) { sum.add($0) }
          t.equal(sum.value, 45, "round \(i)")
        }
      }
    }

    @Test(arguments: Way.all)
    func `what run was given is released when it is over`(way: Way) throws {
      let live = Counter()
      for _ in 0..<3 {
        let object = Tracked(live)
        try inRun(way) { t in t.equal(object.live.value, 1) }
        #expect(throws: TestError()) { try way.run { throw TestError(id: object.id) } }
      }
      #expect(live.value == 0)
    }

    @Test func `run can be called from one thread after another`() throws {
      for _ in 0..<10 {
        let ran = Counter()
        onForeignThread {
          try? inRun { t in
            let id = Counter()
            go { id.value = goroutineID() }
            while id.value == 0 { gosched() }
            t.check(id.value > 1, "goroutine \(id.value)")
            ran.add()
          }
        }
        #expect(ran.value == Way.all.count)
      }
    }

    @Test(arguments: Way.all)
    func `other goroutines are abandoned when main returns, and never run again`(
      way: Way
    ) throws {
      let steps = Counter()
      try inRun(way) { _ in
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
      try inRun(way) { t in
        t.equal(numGoroutine(), 1)
        for _ in 0..<1000 { gosched() }
      }
      #expect(steps.value == before)
    }

    @Test(arguments: Way.all)
    func `goroutines that ended cost nothing at the end of a run`(way: Way) throws {
      let made = Shared<GPtr?>(nil)
      try inRun(way) { _ in
        let arrived = Counter()
        runToTheirEnd(100) { _ in
          arrived.add()
          arrived.await(100)
        }
        let gp = enterRuntime("test")
        made.value = malg()
        exitRuntime(gp)
      }
      // One that is nowhere, but for those who visit all: they abandon it.
      let stray = made.value!
      stray[].epoch = sched[].epoch.load(ordering: .relaxed)
      stray[].atomicstatus.store(.running, ordering: .relaxed)
      // What the others were to run is released where they are visited.
      let unseen = Counter()
      forEachG { gp in
        guard gp[].atomicstatus.load(ordering: .acquiring) == .dead else { return }
        let object = Tracked(unseen)
        gp[].startfn = { _ = object.id }
      }
      let before = unseen.value
      #expect(before >= 100)
      // Some are made again of what there is; they are few.
      try inRun(way) { _ in runToTheirEnd(1) { _ in } }
      #expect(unseen.value > before - 10)
      #expect(stray[].atomicstatus.load(ordering: .relaxed) == .running)
      stray[].epoch = sched[].epoch.load(ordering: .relaxed)
      try inRun(way) { _ in
        go { while true { gosched() } }
      }
      #expect(unseen.value == 0)
      #expect(stray[].atomicstatus.load(ordering: .relaxed) == .dead)
    }

    @Test func `gosched takes turns`() throws {
      try inRun(.inTurns) { t in
        // The end of a time slice may come in between; not five times.
        for _ in 0..<5 {
          let order = Shared<[Int]>([])
          let arrived = Counter()
          runToTheirEnd(3) { i in
            arrived.add()
            arrived.await(3)
            for _ in 0..<4 {
              order.value.append(i)
              gosched()
            }
          }
          let first = Array(order.value.prefix(3))
          if Set(first) == [0, 1, 2], order.value == first + first + first + first {
            return
          }
        }
        t.check(false, "out of turn five times")
      }
    }

    // Go: TestNumGoroutine
    @Test func `numGoroutine counts those that have not ended`() throws {
      try inRun { t in
        t.equal(numGoroutine(), 1)
        let gate = Counter()
        let ended = Counter()
        for i in 1...100 {
          go {
            gate.await(1)
            ended.add()
          }
          t.equal(numGoroutine(), 1 + i)
        }
        gate.value = 1
        ended.await(100)
        while numGoroutine() != 1 { gosched() }
      }
    }

    // Go: TestMainGoroutineID
    @Test func `main is goroutine 1, and no two goroutines have one id`() throws {
      try inRun { t in
        t.equal(goroutineID(), 1)
        let ids = (0..<1000).map { _ in Counter() }
        runToTheirEnd(1000) { i in
          let id = goroutineID()
          gosched()
          t.equal(id, goroutineID())
          ids[i].value = id
        }
        let seen = Set(ids.map(\.value))
        t.equal(seen.count, 1000)
        t.check(!seen.contains(0) && !seen.contains(1))
        t.equal(goroutineID(), 1)
      }
    }

    // Go: TestGoexitDefer
    @Test func `goexit runs every defer on the way and ends only its goroutine`() throws {
      try inRun { t in
        let order = Shared<[Int]>([])
        @Sendable func inner() throws {
          defer { order.value.append(1) }
          try goexit()
        }
        @Sendable func outer() throws {
          defer { order.value.append(2) }
          try inner()
          order.value.append(100)
        }
        runToTheirEnd(1) { _ in
          defer { order.value.append(3) }
          try outer()
          order.value.append(101)
        }
        t.equal(order.value, [1, 2, 3])
      }
    }

    @Test func `a catch that rethrows lets goexit pass, and one that does not stops it`()
      throws
    {
      try inRun { t in
        let passed = Shared<[Int]>([])
        runToTheirEnd(1) { _ in
          do {
            try goexit()
          } catch let error as TestError {
            passed.value.append(error.id)
          } catch {
            passed.value.append(isGoexit(error) ? 1 : 100)
            throw error
          }
          passed.value.append(2)
        }
        t.equal(passed.value, [1])
        runToTheirEnd(1) { _ in
          try? goexit()
          passed.value.append(3)
        }
        t.equal(passed.value, [1, 3])
      }
    }

    @Test func `nothing leaks after 100,000 goroutines`() throws {
      let live = Counter()
      try inRun { t in
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
      try inRun { t in
        for _ in 0..<20 { runToTheirEnd(1000) { _ in } }
        let before = processStatus("VmRSS")
        for _ in 0..<50 { runToTheirEnd(1000) { _ in } }
        let grown = processStatus("VmRSS") - before
        t.check(
          grown < 32 << 10 + freedButKept, "\(grown) KB more after 50,000 goroutines")
      }
    }

    @Test func `goroutines that make goroutines all run`() throws {
      try inRun { t in
        let leaves = Counter()
        go { tree(13, leaves) }
        leaves.await(1 << 13)
        while numGoroutine() != 1 { gosched() }
        t.equal(leaves.value, 1 << 13)
      }
    }

    // bthread: errno_not_changed
    @Test func `errno is kept per goroutine`() throws {
      try inRun { t in
        runToTheirEnd(20) { i in
          let mine = Int32(i + 1)
          errno_location().pointee = mine
          for _ in 0..<200 {
            gosched()
            t.equal(errno_location().pointee, mine)
          }
        }
      }
    }
  }
}
