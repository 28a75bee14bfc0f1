// SPDX-License-Identifier: Apache-2.0
//
// What every target of the fuzzer begins with: it is linked into each. A target is a
// function `fuzz` of some bytes that ends the process if something is not as it should
// be.

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  fuzz(Array(UnsafeBufferPointer(start: bytes, count: count)))
  return 0
}

func check(_ condition: Bool, _ message: @autoclosure () -> String) {
  if !condition { fatalError(message()) }
}

func check<T: Equatable>(_ what: String, _ found: T, is expected: T) {
  check(found == expected, "\(what) is \(found), not \(expected)")
}

func check(_ what: String, _ found: [UInt8], is expected: [UInt8]) {
  func text(_ bytes: [UInt8]) -> String {
    String(decoding: bytes, as: UTF8.self).debugDescription
  }
  check(found == expected, "\(what) is \(text(found)), not \(text(expected))")
}
