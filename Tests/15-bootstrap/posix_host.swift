// SPDX-License-Identifier: Apache-2.0
//
// The C library, for the tests of what knows nothing of goroutines.

@preconcurrency import Glibc

/// Whether the calling thread may write to standard output.
func standardOutputIsFree() -> Bool {
  if ftrylockfile(stdout) != 0 { return false }
  funlockfile(stdout)
  return true
}
