// SPDX-License-Identifier: Apache-2.0
//
// The memory this process uses, as the kernel has it.

import Glibc

struct Memory {
  /// Of this process, in bytes: pages in use and page tables.
  var resident = 0
  /// Address space of this process, in bytes.
  var reserved = 0
  /// Kernel stacks of the whole machine, in bytes.
  var kernel = 0
}

func memory() -> Memory {
  Memory(
    resident: field("VmRSS:", of: "/proc/self/status")
      + field("VmPTE:", of: "/proc/self/status"),
    reserved: field("VmSize:", of: "/proc/self/status"),
    kernel: field("KernelStack:", of: "/proc/meminfo")
  )
}

/// A line `name  123 kB` of a file in /proc, in bytes; 0 if it is not there.
private func field(_ name: String, of path: String) -> Int {
  guard let file = fopen(path, "r") else { return 0 }
  defer { fclose(file) }
  var line = [CChar](repeating: 0, count: 256)
  while fgets(&line, Int32(line.count), file) != nil {
    let words = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
      .split(whereSeparator: \.isWhitespace)
    if words.count >= 2 && words[0] == name { return (Int(words[1]) ?? 0) * 1024 }
  }
  return 0
}
