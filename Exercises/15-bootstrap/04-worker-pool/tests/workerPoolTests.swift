// SPDX-License-Identifier: Apache-2.0
//
// Exercise 15.04.

import Testing

@testable import Stage

extension RuntimeTests {
  @Suite("WorkerPool")
  struct WorkerPoolTests {
    @Test(arguments: procsToTry)
    func `every job runs, and no more at a time than there are workers`(
      procs: Int
    ) throws {
      try inRun(procs: procs) { t in
        let pool = WorkerPool(workers: 3, backlog: 2)
        let running = Counter()
        let done = Counter()
        for _ in 0..<200 {
          let taken = pool.submit {
            t.check(running.add() <= 3, "more than three at a time")
            gosched()
            running.add(-1)
            done.add()
          }
          t.check(taken)
        }
        pool.close()
        t.equal(done.value, 200)
        t.equal(pool.failures, 0)
      }
    }

    @Test func `who submits waits while the backlog is full`() throws {
      try inRun(procs: 2) { t in
        let pool = WorkerPool(workers: 1, backlog: 2)
        let gate = Channel<Int>()
        let begun = Counter()
        let done = Counter()
        t.check(
          pool.submit {
            begun.add()
            _ = gate.receive()
          })
        begun.await(1)
        t.check(pool.submit { done.add() })
        t.check(pool.submit { done.add() })
        t.check(!pool.trySubmit { done.add() }, "there is no room")
        goUntilParked { t.check(pool.submit { done.add() }, "taken in the end") }
        t.equal(done.value, 0)
        gate.close()
        done.await(3)
        pool.close()
        t.equal(done.value, 3)
      }
    }

    @Test
    func `a job that throws, or leaves by goexit, is counted, and its worker goes on`()
      throws
    {
      try inRun(procs: 2) { t in
        let pool = WorkerPool(workers: 2, backlog: 4)
        let done = Counter()
        for i in 0..<30 {
          _ = pool.submit {
            if i % 3 == 0 { throw TestError(id: i) }
            if i % 3 == 1 { try goexit() }
            done.add()
          }
        }
        pool.close()
        t.equal(done.value, 10)
        t.equal(pool.failures, 20)
      }
    }

    @Test(arguments: procsToTry)
    func `submit and close at the same time: what was taken is done, and nobody panics`(
      procs: Int
    ) throws {
      try inRun(procs: procs) { t in
        for _ in 0..<scaled(20) {
          let pool = WorkerPool(workers: 2, backlog: 1)
          let taken = Counter()
          let done = Counter()
          let group = WaitGroup()
          for i in 0..<4 {
            group.go {
              var more = true
              while more {
                let waits = i % 2 == 0 || taken.value < 20
                more =
                  waits ? pool.submit { done.add() } : pool.trySubmit { done.add() }
                if more { taken.add() }
              }
            }
          }
          taken.await(atLeast: 10)
          group.go { pool.close() }
          pool.close()
          group.wait()
          t.check(!pool.submit {})
          t.check(!pool.trySubmit {})
          t.equal(done.value, taken.value)
        }
      }
    }
  }
}
