// SPDX-License-Identifier: Apache-2.0
//
// Queues of goroutines that become runnable together.

import Testing

@testable import Stage

extension RuntimeTests.RunqTests {
  @Test func `a GQueue is a queue`() {
    let gs = bareGs(3)
    var q = GQueue()
    #expect(q.pop() == nil)
    q.pushBack(gs[0])
    q.pushBack(gs[1])
    #expect(q.pop() == gs[0])
    q.pushBack(gs[2])
    #expect(q.size == 2)
    #expect(q.pop() == gs[1])
    #expect(q.pop() == gs[2])
    #expect(q.pop() == nil)
    #expect(q.size == 0)
    #expect(q.tail == nil)
  }
}
