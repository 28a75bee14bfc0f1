// SPDX-License-Identifier: Apache-2.0
//
// From one stack to another.                            Go: src/runtime/stubs.go

import CLinux

/// mcall saves the calling goroutine and runs fn(gp) on g0's stack. fn does not
/// return; mcall does when the goroutine is executed again, perhaps by another M.
@inline(__always)
func mcall(_ fn: GFunc) {
  let gp = getg()
  let mp = gp[].m.unsafelyUnwrapped
  // errno and the exclusive accesses in progress are the thread's to the C and
  // Swift libraries; to the program they are the goroutine's.
  gp[].errno = mp[].errnoAddress.pointee
  if let head = mp[].accessesAddress {
    gp[].accesses = head.pointee
    head.pointee = 0
  } else {
    exclusivityexit(addressOf(&gp[].accesses))
  }
  asmmcall(gp, mp[].g0, fn)
}

/// gogo continues gp on this M. Runs on g0. Does not return.
@inline(__always)
func gogo(_ gp: GPtr, _ mp: MPtr) -> Never {
  mp[].errnoAddress.pointee = gp[].errno
  if let head = mp[].accessesAddress {
    head.pointee = gp[].accesses
  } else {
    exclusivityenter(addressOf(&gp[].accesses))
  }
  asmgogo(gp)
}
