// SPDX-License-Identifier: Apache-2.0
//
// What `threads` measures with: a gate and a ball for threads, made of a mutex
// and a condition variable, and the memory the process uses.

import Glibc

/// A mutex and a condition of pthreads, at fixed addresses.
private final class Monitor: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(changed, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    pthread_cond_destroy(changed)
    mutex.deallocate()
    changed.deallocate()
  }

  func wait(until condition: () -> Bool, then body: () -> Void) {
    pthread_mutex_lock(mutex)
    while !condition() {
      pthread_cond_wait(changed, mutex)
    }
    body()
    pthread_cond_broadcast(changed)
    pthread_mutex_unlock(mutex)
  }
}

/// Threads arrive and wait; somebody sees how many have come, and opens.
final class Gate: @unchecked Sendable {
  private let monitor = Monitor()
  private var arrived = 0
  private var isOpen = false

  func pass() {
    monitor.wait(until: { true }, then: { arrived += 1 })
    monitor.wait(until: { isOpen }, then: {})
  }

  func wait(for count: Int) {
    monitor.wait(until: { arrived == count }, then: {})
  }

  func open() {
    monitor.wait(until: { true }, then: { isOpen = true })
  }
}

/// Two sides hit it in turns; side 0 begins.
final class Ball: @unchecked Sendable {
  private let monitor = Monitor()
  private var side = 0

  func hit(from mine: Int) {
    monitor.wait(until: { side == mine }, then: { side = 1 - mine })
  }
}

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
