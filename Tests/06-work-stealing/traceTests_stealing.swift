// SPDX-License-Identifier: Apache-2.0
//
// Traces of goroutines that are stolen.

import CLinux
import Testing
import TraceFile

@testable import Stage

extension RuntimeTests.TraceTests {
  @Test func `tells of steals`() throws {
    let file = try traced(Way(procs: 4)) { _ in
      func steals() -> UInt64 {
        (0..<4).reduce(0) {
          $0 + allp[][$1]![].counters.steals.load(ordering: .relaxed)
        }
      }
      let before = steals()
      while steals() == before {
        let group = WaitGroup()
        for _ in 0..<200 { group.go { procyield(1_000) } }
        group.wait()
      }
    }
    #expect(file.count(.steal) > 0)
    #expect(check(file, bound: 1_000_000_000).problems.isEmpty)
  }
}
