// SPDX-License-Identifier: Apache-2.0
//
// A channel with keys: send(key, value) leaves a value under a key, and
// receive(key) waits until there is one.
//
// Seed fact: whoever waits for a key gives up its thread, not only its turn. A
// condition variable is what a channel cannot be: a wait for a state of a map.

import Stage

extension Programs.Keyed {
  static var body: Body? { { _ in try keyedChannel() } }
}

/// Values under keys; for each key, first in, first out.
final class KeyedChannel<Key: Hashable & Sendable, Value: Sendable>: @unchecked Sendable {
  private let mutex = GoMutex()
  private let arrived: GoCond
  private var values: [Key: [Value]] = [:]

  init() {
    arrived = GoCond(mutex)
  }

  func send(_ key: Key, _ value: Value) {
    mutex.withLock { values[key, default: []].append(value) }
    // All of them: a single one might be waiting for another key.
    arrived.broadcast()
  }

  func receive(_ key: Key) -> Value {
    mutex.withLock {
      while values[key] == nil {
        arrived.wait()
      }
      let value = values[key]!.removeFirst()
      if values[key]!.isEmpty { values[key] = nil }
      return value
    }
  }
}

func keyedChannel() throws {
  try run {
    let answers = KeyedChannel<String, Int>()
    let names = ["circle", "square", "line"]
    let asked = Channel<Void>()
    go {
      _ = asked.receive()
      // The answers arrive last question first, and are read first question first.
      for name in names.reversed() {
        print("  send(\"\(name)\", \(name.count))")
        answers.send(name, name.count)
      }
    }
    for name in names {
      print("receive(\"\(name)\") ...")
      if name == names.first { asked.send(()) }
      print("receive(\"\(name)\") is \(answers.receive(name))")
    }
  }
}
