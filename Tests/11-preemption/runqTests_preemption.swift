// SPDX-License-Identifier: Apache-2.0
//
// Run queues, and who runs in whose time.

import Testing

@testable import Stage

extension RuntimeTests.RunqTests {
  @Test func `what was next inherits the time slice, others do not`() {
    let pp = bareP()
    let gs = bareGs(3)
    runqput(pp, gs[0], next: false)
    runqput(pp, gs[1], next: false)
    runqput(pp, gs[2], next: true)
    let first = runqget(pp)
    #expect(first.gp?[].goid == 2)
    #expect(first.inheritTime)
    let second = runqget(pp)
    #expect(second.gp?[].goid == 0)
    #expect(!second.inheritTime)
  }
}
