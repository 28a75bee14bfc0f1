// SPDX-License-Identifier: Apache-2.0
//
// GODEBUG, whatever it is: of every name that is known the last value holds; every
// entry that is not understood is reported, in order, and changes nothing.

@testable import Stage

private struct Values: Equatable {
  var schedtrace: Int64 = 0
  var scheddetail = false
  var asyncpreemptoff = false
  var stackwindow: UInt = 0
  var stackmin: UInt = 0
}

/// One entry after another.
private struct Reading {
  var values = Values()
  var reports: [UInt8] = []

  mutating func take(_ entry: ArraySlice<UInt8>, of whole: [UInt8]) {
    let parts = entry.split(
      separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
    let name = String(decoding: parts[0], as: UTF8.self)
    let names = [
      "schedtrace", "scheddetail", "asyncpreemptoff", "stackwindow", "stackmin",
    ]
    guard parts.count == 2, names.contains(name) else {
      reports += report("GODEBUG", whole, "an unknown name in it")
      return
    }
    guard let value = decimal(parts[1], atMost: .max) else {
      reports += report("GODEBUG", whole, "a value in it is not a number")
      return
    }
    switch name {
    case "schedtrace": values.schedtrace = value
    case "scheddetail": values.scheddetail = value != 0
    case "asyncpreemptoff": values.asyncpreemptoff = value != 0
    case "stackwindow": values.stackwindow = UInt(value)
    default: values.stackmin = UInt(value)
    }
  }
}

func fuzz(_ input: [UInt8]) {
  let value = cString(input)
  var expected = Reading()
  for entry in value.split(separator: UInt8(ascii: ",")) {
    expected.take(entry, of: value)
  }
  debug[].schedtrace = 0
  debug[].scheddetail = false
  debug[].asyncpreemptoff = false
  debug[].stackwindow = 0
  debug[].stackmin = 0
  let output = withEnvironment("GODEBUG", value) { parsedebugvars() }
  let found = Values(
    schedtrace: debug[].schedtrace,
    scheddetail: debug[].scheddetail,
    asyncpreemptoff: debug[].asyncpreemptoff,
    stackwindow: debug[].stackwindow,
    stackmin: debug[].stackmin
  )
  check("GODEBUG", found, is: expected.values)
  check("what is reported", output, is: expected.reports)
}
