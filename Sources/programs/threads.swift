// SPDX-License-Identifier: Apache-2.0
//
// Why threads are slow: their stacks, their creation by the kernel, and their
// registers saved and switched by the kernel. Each is measured, for threads and
// for goroutines.
//
// Seed fact: the three reasons, measured, not told.

import Glibc
import Stage

extension Programs.Threads {
  static var body: Body? { threads }
}

func threads(_ n: Int) throws {
  let thread = try measureThreads(n)
  try run {
    let goroutine = measureGoroutines(n)
    print("\(grouped(n)) of each, all alive and waiting\n")
    print(left("", 26) + right("thread", 12) + right("goroutine", 12))
    row("memory in use", size(thread.resident), size(goroutine.resident))
    row("memory of the kernel", size(thread.kernel), size(goroutine.kernel))
    row("address space reserved", size(thread.reserved), size(goroutine.reserved))
    row("creation", pleasant(thread.creation), pleasant(goroutine.creation))
    row("switch", pleasant(thread.change), pleasant(goroutine.change))
  }
}

/// What one of them costs.
private struct Cost {
  var resident = 0.0
  var kernel = 0.0
  var reserved = 0.0
  var creation = 0.0
  var change = 0.0
}

private func row(_ name: String, _ thread: String, _ goroutine: String) {
  print(left(name, 26) + right(thread, 12) + right(goroutine, 12))
}

private func size(_ bytes: Double) -> String {
  let kilobytes = max(0, bytes) / 1024
  return switch kilobytes {
  case ..<1024: tenths(kilobytes) + " KB"
  case ..<1_048_576: tenths(kilobytes / 1024) + " MB"
  default: tenths(kilobytes / 1_048_576) + " GB"
  }
}

private func measureThreads(_ n: Int) throws -> Cost {
  let gate = Gate()
  var all: [pthread_t] = []
  let before = memory()
  let time = seconds {
    for _ in 0..<n {
      guard let thread = startThread({ gate.pass() }) else { break }
      all.append(thread)
    }
    gate.wait(for: all.count)
  }
  let after = memory()
  gate.open()
  for thread in all {
    pthread_join(thread, nil)
  }
  if all.count < n {
    throw Failure(message: "the kernel gave \(all.count) threads; try a smaller N")
  }
  var cost = Cost(before, after, n)
  cost.creation = time / Double(n)
  cost.change = threadSwitch()
  return cost
}

private func measureGoroutines(_ n: Int) -> Cost {
  let gate = Channel<Void>()
  let arrived = WaitGroup()
  let left = WaitGroup()
  arrived.add(n)
  let before = memory()
  let time = seconds {
    for _ in 0..<n {
      left.go {
        arrived.done()
        _ = gate.receive()
      }
    }
    arrived.wait()
  }
  let after = memory()
  gate.close()
  left.wait()
  var cost = Cost(before, after, n)
  cost.creation = time / Double(n)
  cost.change = goroutineSwitch()
  return cost
}

extension Cost {
  fileprivate init(_ before: Memory, _ after: Memory, _ n: Int) {
    resident = Double(after.resident - before.resident) / Double(n)
    kernel = Double(after.kernel - before.kernel) / Double(n)
    reserved = Double(after.reserved - before.reserved) / Double(n)
  }
}

/// A switch there and one back make a round; both sides do nothing else.
private let rounds = 20_000

private func threadSwitch() -> Double {
  let ball = Ball()
  let time = seconds {
    let other = startThread {
      for _ in 0..<rounds { ball.hit(from: 1) }
    }
    for _ in 0..<rounds { ball.hit(from: 0) }
    if let other { pthread_join(other, nil) }
  }
  return time / Double(2 * rounds)
}

private func goroutineSwitch() -> Double {
  let there = Channel<Void>()
  let back = Channel<Void>()
  go {
    for _ in there { back.send(()) }
  }
  let time = seconds {
    for _ in 0..<rounds {
      there.send(())
      _ = back.receive()
    }
  }
  there.close()
  return time / Double(2 * rounds)
}
