// SPDX-License-Identifier: Apache-2.0
//
// What `threads` measures with: a gate and a ball for threads, made of a mutex
// and a condition variable.

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
