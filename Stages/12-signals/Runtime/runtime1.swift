// SPDX-License-Identifier: Apache-2.0
//
// GODEBUG.                                            Go: src/runtime/runtime1.go

import CLinux

/// What is set from GODEBUG. Written before any M but m0 exists.
struct Debug: ~Copyable {
  var schedtrace: Int64 = 0
  var scheddetail = false
  var asyncpreemptoff = false
}

let debug = Ptr(allocating: Debug())

/// GODEBUG=name=value,name=value
func parsedebugvars() {
  guard let value = getenv_("GODEBUG"), value.pointee != 0 else { return }
  var s = value
  while s.pointee != 0 {
    let start = s
    var eq: UnsafePointer<CChar>? = nil
    while s.pointee != 0, s.pointee != 44 {
      if s.pointee == 61, eq == nil { eq = s }
      s += 1
    }
    if s != start { setdebug(start, eq, s, value) }
    if s.pointee == 44 { s += 1 }
  }
}

private func setdebug(
  _ name: UnsafePointer<CChar>,
  _ eq: UnsafePointer<CChar>?,
  _ end: UnsafePointer<CChar>,
  _ whole: UnsafePointer<CChar>
) {
  func named(_ s: StaticString) -> Bool {
    guard let eq, eq - name == s.utf8CodeUnitCount else { return false }
    return s.withUTF8Buffer { b in
      b.indices.allSatisfy { UInt8(bitPattern: name[$0]) == b[$0] }
    }
  }
  let known =
    named("schedtrace") || named("scheddetail") || named("asyncpreemptoff")
  if !known { return badenv("GODEBUG", whole, "an unknown name in it") }
  guard let v = atoi(eq.unsafelyUnwrapped + 1, { $0 == 0 || $0 == 44 }) else {
    return badenv("GODEBUG", whole, "a value in it is not a number")
  }
  if named("schedtrace") { debug[].schedtrace = v }
  if named("scheddetail") { debug[].scheddetail = v != 0 }
  if named("asyncpreemptoff") { debug[].asyncpreemptoff = v != 0 }
}
