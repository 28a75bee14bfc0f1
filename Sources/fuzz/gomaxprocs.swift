// SPDX-License-Identifier: Apache-2.0
//
// GOMAXPROCS, whatever it is: a number from 1 is taken, at most 1024; anything else is
// reported once and ignored.

@testable import Stage

func fuzz(_ input: [UInt8]) {
  let value = cString(input)
  var found: Int32? = nil
  let output = withEnvironment("GOMAXPROCS", value) {
    found = gomaxprocsFromEnvironment()
  }
  let number = decimal(value, atMost: Int64(Int32.max))
  if let number, number > 0 {
    check("GOMAXPROCS", found, is: Int32(min(number, 1024)))
    check("what is reported", output, is: [])
  } else {
    check("GOMAXPROCS", found, is: nil)
    let line = report("GOMAXPROCS", value, "not a positive number")
    check("what is reported", output, is: value.isEmpty ? [] : line)
  }
}
