// SPDX-License-Identifier: Apache-2.0
//
// The C library, for its clock.

import Glibc

/// The time, by a clock that the kernel serves in user space.
func clockRead() -> Int64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}
