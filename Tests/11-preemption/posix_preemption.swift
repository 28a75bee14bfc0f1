// SPDX-License-Identifier: Apache-2.0
//
// The C library, for short system calls.

import Glibc

func writeTo(_ fd: Int32, _ n: Int) -> Int {
  withUnsafeTemporaryAllocation(byteCount: n, alignment: 1) {
    write(fd, $0.baseAddress!, n)
  }
}
