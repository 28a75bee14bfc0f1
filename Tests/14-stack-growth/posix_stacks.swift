// SPDX-License-Identifier: Apache-2.0
//
// The C library, for the memory that there is.

import Glibc

/// Memory that the system could give, in kilobytes.
func memoryAvailable() -> Int {
  for line in contents(of: "/proc/meminfo").split(separator: "\n")
  where line.hasPrefix("MemAvailable:") {
    return line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
  }
  return 0
}
