// SPDX-License-Identifier: Apache-2.0
//
// A semaphore for programs.

import Testing

@testable import Stage

extension RuntimeTests {
  @Suite("exercise: GoSemaphore")
  struct GoSemaphoreTests {
    @Test func `a GoSemaphore lets n in, and in order`() throws {
      try inRun { t in
        let semaphore = GoSemaphore(3)
        let inside = Counter()
        let order = Shared<[Int]>([])
        let group = WaitGroup()
        for i in 0..<10 {
          group.go {
            semaphore.acquire()
            order.value.append(i)
            t.check(inside.add() <= 3, "\(inside.value) inside")
            for _ in 0..<5 { gosched() }
            inside.add(-1)
            semaphore.release()
          }
        }
        group.wait()
        t.equal(order.value, Array(0..<10))

        for _ in 0..<3 { t.check(semaphore.tryAcquire(), "a permit is free") }
        t.check(!semaphore.tryAcquire(), "a fourth permit")
        let got = Counter()
        goUntilParked {
          semaphore.acquire()
          got.add()
        }
        t.equal(got.value, 0)
        semaphore.release()
        got.await(1)
        t.check(!semaphore.tryAcquire(), "a permit that was given away")
      }
    }
  }
}
