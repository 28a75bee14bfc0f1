// SPDX-License-Identifier: Apache-2.0
//
// How many goroutines may run at a time.                    Go: src/runtime/proc.go

import CLinux

/// The most goroutines that may run at a time.
let maxGomaxprocs = 1024

/// A decimal number, the whole of s up to a terminator; nil for anything else.
func atoi(_ s: UnsafePointer<CChar>, _ end: (CChar) -> Bool) -> Int64? {
  var s = s
  var v: Int64 = 0
  var any = false
  while !end(s.pointee) {
    let d = Int64(s.pointee) - 48
    if d < 0 || d > 9 { return nil }
    let (a, o1) = v.multipliedReportingOverflow(by: 10)
    let (b, o2) = a.addingReportingOverflow(d)
    if o1 || o2 { return nil }
    v = b
    any = true
    s += 1
  }
  return any ? v : nil
}

func gomaxprocsFromEnvironment() -> Int32? {
  guard let value = getenv_("GOMAXPROCS"), value.pointee != 0 else { return nil }
  guard let n = atoi(value, { $0 == 0 }), n > 0, n <= Int64(Int32.max) else {
    badenv("GOMAXPROCS", value, "not a positive number")
    return nil
  }
  return Int32(min(n, Int64(maxGomaxprocs)))
}
