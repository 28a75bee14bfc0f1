// SPDX-License-Identifier: Apache-2.0
//
// A test case of XCTest's that uses goroutines. `make test` leaves XCTest out; `make
// host` runs it.

import XCTest

import Stage

final class HostXCTests: XCTestCase {
  func testGoroutines() throws {
    try Stage.run {
      let c = Channel<Int>()
      for i in 0..<10 { go { c.send(i) } }
      var sum = 0
      for _ in 0..<10 { sum += c.receive()! }
      XCTAssertEqual(sum, 45)
    }
  }

  func testErrors() {
    XCTAssertThrowsError(try Stage.run { throw IOError(errno: 1, operation: "test") })
  }
}
