// SPDX-License-Identifier: Apache-2.0
//
// From one stack to another.                            Go: src/runtime/stubs.go

import CLinux

/// swtch saves the calling goroutine, gp, and continues next where it left off, or at
/// its beginning. It returns when gp is continued.
@inline(__always)
func swtch(_ gp: GPtr, _ next: GPtr) {
  // errno and the exclusive accesses in progress are the thread's to the C and
  // Swift libraries; to the program they are the goroutine's.
  gp[].errno = sched[].errnoAddress.pointee
  sched[].errnoAddress.pointee = next[].errno
  if let head = sched[].accessesAddress {
    gp[].accesses = head.pointee
    head.pointee = next[].accesses
  } else {
    exclusivityexit(addressOf(&gp[].accesses))
    exclusivityenter(addressOf(&next[].accesses))
  }
  asmswtch(gp, next)
}
