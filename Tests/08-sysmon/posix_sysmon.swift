// SPDX-License-Identifier: Apache-2.0
//
// The C library, for the names of threads.

import Glibc

/// Names the calling thread; a thread inherits the name of the one that made it.
func nameThread(_ name: String) {
  let fd = open("/proc/thread-self/comm", O_WRONLY)
  _ = name.utf8.withContiguousStorageIfAvailable { write(fd, $0.baseAddress, $0.count) }
  close(fd)
}

/// The name of the calling thread.
func threadName() -> String {
  String(contents(of: "/proc/thread-self/comm").prefix { $0 != "\n" })
}

/// The ids of all threads.
func threadIDs() -> [String] {
  guard let dir = opendir("/proc/self/task") else { return [] }
  defer { closedir(dir) }
  var ids: [String] = []
  while let entry = readdir(dir) {
    let id = withUnsafeBytes(of: entry.pointee.d_name) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    if id.first != "." { ids.append(id) }
  }
  return ids
}

/// The names of all threads.
func threadNames() -> [String] {
  threadIDs().map { id in
    String(contents(of: "/proc/self/task/\(id)/comm").prefix { $0 != "\n" })
  }
}
