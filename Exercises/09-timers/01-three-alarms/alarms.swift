// SPDX-License-Identifier: Apache-2.0
//
// Three goroutines sleep while the only P computes. In which order do they go on?

import Glibc
import Stage

/// Computes, and never calls the runtime.
func compute(milliseconds: Int) {
  let end = ContinuousClock.now.advanced(by: .milliseconds(milliseconds))
  while ContinuousClock.now < end {}
}

var order: [String] = []
try run(procs: 1) {
  let group = WaitGroup()
  for ms in [10, 20, 30] {
    group.go {
      sleep(for: .milliseconds(ms))
      print(ms)
      order.append("\(ms)")
    }
  }
  // Let all three fall asleep.
  for _ in 0..<3 { gosched() }
  compute(milliseconds: 200)
  group.wait()
}
print("order: " + order.joined(separator: " "))
