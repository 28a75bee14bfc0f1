// SPDX-License-Identifier: Apache-2.0
//
// Goroutines that sleep: many of them, and one beside a loop that does not let go.

import Glibc
import Stage

extension Timers {
  static var bodies: [String: Body] {
    [
      "sleepers": { _ in try sleepers(10_000) },
      "deep-memory": { _ in try deepMemory(1000) },
      "late-checks": { size in
        try lateness {
          var x: UInt64 = 1
          for _ in 0..<loop(size) / 1000 {
            x = work(1000, x)
            sink[1] = UInt64(goroutineID())
          }
          return x
        }
      },
      "late-loop": { size in try lateness { work(loop(size), 1) } },
    ]
  }
}

/// Steps of work that take about 150 ms; never less than several time slices of 10 ms.
private func loop(_ size: Size) -> Int {
  size.isQuick ? 40_000_000 : 120_000_000
}

private func sleepers(_ n: Int) throws -> Double {
  try inRun {
    let sleeps = 4
    let all = WaitGroup()
    all.add(n)
    let before = cpuTime()
    for i in 0..<n {
      go {
        for k in 0..<sleeps {
          let pseudorandom = (i &* 7919 &+ k &* 104_729) % 19_000
          sleep(for: .microseconds(1000 + pseudorandom))
        }
        all.done()
      }
    }
    all.wait()
    return (cpuTime() - before) / Double(n * sleeps)
  }
}

/// By how many milliseconds main wakes too late, on average, while another goroutine is in
/// the loop.
private func lateness(_ loop: @Sendable @escaping () -> UInt64) throws -> Double {
  try inRun {
    let ended = Counter()
    go {
      sink[0] = loop()
      ended.add()
    }
    var late = 0.0
    var sleeps = 0
    while ended.value == 0 {
      late += nanoseconds { sleep(for: .milliseconds(1)) } - 1e6
      sleeps += 1
    }
    return late / Double(sleeps) / 1e6
  }
}

/// Bytes that each of `n` goroutines keeps that have used 96 KB of stack once and now wait: a
/// few seconds later, which gives a runtime that takes them back the time to do so.
private func deepMemory(_ n: Int) throws -> Double {
  try inRun {
    let hold = Channel<Void>()
    let before = try memory()
    for seed in 1...n {
      go {
        sink[0] = descend(to: here() - (96 << 10), UInt64(seed))
        _ = hold.receive()
      }
      gosched()
    }
    let deep = try memory() - before
    var kept = deep
    let start = now()
    while kept > deep / 2, now() - start < 4_500_000_000 {
      sleep(for: .milliseconds(100))
      kept = try memory() - before
    }
    return Double(kept) / Double(n)
  }
}
