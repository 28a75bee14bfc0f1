// SPDX-License-Identifier: Apache-2.0
//
// The C library, for tests of threads that a goroutine has to itself.

import Glibc

/// The threads of this process. Go: the entries of /proc/self/task.
func threadExists(_ tid: Int32) -> Bool { access("/proc/self/task/\(tid)", F_OK) == 0 }

/// Changes the rounding of the calling thread: upwards, or to nearest.
func roundUpwards(_ on: Bool) { fesetround(on ? FE_UPWARD : FE_TONEAREST) }

func roundsUpwards() -> Bool { fegetround() == FE_UPWARD }

/// The threads that the process has are all that it gets. Root is not limited: the
/// process becomes somebody else, for ever.
func freezeThreads() {
  if geteuid() == 0 { _ = setuid(54_321) }
  setLimit(__RLIMIT_NPROC, 1)
}
