// SPDX-License-Identifier: Apache-2.0
//
// Goroutines that wait for one another.

import Glibc
import Stage

extension Channels {
  static var bodies: [String: Body] {
    [
      "ping-pong-1": { size in try pingPong(size(1_000_000), cpuNanoseconds) },
      "ping-pong-2": { size in try pingPong(size(1_000_000), nanoseconds) },
      "buffered": { size in try buffered(size(5_000_000)) },
      "select-2": { size in try selectOfTwo(size(1_000_000)) },
      "mutex-4": { size in try contendedMutex(size(4_000_000)) },
      "idle-memory": { _ in try idleMemory(10_000) },
    ]
  }
}

private func pingPong(
  _ n: Int,
  _ time: @Sendable @escaping (() throws -> Void) throws -> Double
) throws -> Double {
  try inRun {
    let there = Channel<Int>()
    let back = Channel<Int>()
    go {
      while let v = there.receive() { back.send(v &+ 1) }
    }
    let elapsed = try time {
      for i in 0..<n {
        there.send(i)
        if back.receive() != i &+ 1 { throw Failure(message: "not the number sent") }
      }
    }
    there.close()
    return elapsed / Double(n)
  }
}

private func buffered(_ n: Int) throws -> Double {
  try inRun {
    let channel = Channel<Int>(capacity: 128)
    var sum = 0
    let elapsed = cpuNanoseconds {
      go {
        for i in 0..<n { channel.send(i) }
        channel.close()
      }
      while let v = channel.receive() { sum &+= v }
    }
    if sum != n * (n - 1) / 2 { throw Failure(message: "not the sum of what was sent") }
    return elapsed / Double(n)
  }
}

private func selectOfTwo(_ n: Int) throws -> Double {
  try inRun {
    let a = Channel<Int>()
    let b = Channel<Int>()
    let sum = Slots(1, 0)
    let elapsed = cpuNanoseconds {
      for channel in [a, b] {
        go {
          for i in 0..<n / 2 { channel.send(i) }
        }
      }
      for _ in 0..<n / 2 * 2 {
        select {
          receive(from: a) { sum[0] &+= $0! }
          receive(from: b) { sum[0] &+= $0! }
        }
      }
    }
    let half = n / 2
    if sum[0] != half * (half - 1) {
      throw Failure(message: "not the sum of what was sent")
    }
    return elapsed / Double(half * 2)
  }
}

private func contendedMutex(_ n: Int) throws -> Double {
  try inRun {
    let goroutines = 4
    let each = n / goroutines
    let mutex = GoMutex()
    let count = Slots(1, 0)
    let all = WaitGroup()
    all.add(goroutines)
    let elapsed = nanoseconds {
      for _ in 0..<goroutines {
        go {
          for _ in 0..<each {
            mutex.lock()
            count[0] &+= 1
            mutex.unlock()
          }
          all.done()
        }
      }
      all.wait()
    }
    if count[0] != each * goroutines {
      throw Failure(message: "the mutex does not exclude")
    }
    return elapsed / Double(each * goroutines)
  }
}

private func idleMemory(_ n: Int) throws -> Double {
  try inRun {
    let hold = Channel<Void>()
    let up = Counter()
    let before = try memory()
    for _ in 0..<n {
      go {
        up.add()
        _ = hold.receive()
      }
    }
    while up.value < n { gosched() }
    let bytes = try memory() - before
    return Double(bytes) / Double(n)
  }
}
