// SPDX-License-Identifier: Apache-2.0
//
// What the goroutines of a round share, and the books that are kept of it.

import Stage
import Synchronization

/// splitmix64: what happens follows from the seed, as far as the order allows.
struct Random: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: UInt64, _ stream: Int = 0) {
    state = seed &+ UInt64(truncatingIfNeeded: stream) &* 0xd1b5_4a32_d192_ed03
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// A number in [0, n).
  mutating func below(_ n: Int) -> Int { Int.random(in: 0..<n, using: &self) }

  mutating func microseconds(below n: Int) -> Duration { .microseconds(below(n)) }
}

final class Tally: Sendable {
  private let n = Atomic(0)

  func add(_ k: Int = 1) { n.wrappingAdd(k, ordering: .sequentiallyConsistent) }

  var value: Int { n.load(ordering: .sequentiallyConsistent) }
}

/// A value that is sent: it must arrive once, and be released.
final class Parcel: Sendable {
  static let alive = Tally()
  let weight: Int

  init(_ weight: Int) {
    self.weight = weight
    Parcel.alive.add()
  }

  deinit { Parcel.alive.add(-1) }
}

/// What was sent and what was received must be the same in the end.
final class Books: Sendable {
  let sent = Tally()
  let sentWeight = Tally()
  let received = Tally()
  let receivedWeight = Tally()

  func send(_ weight: Int) {
    sent.add()
    sentWeight.add(weight)
  }

  func receive(_ parcel: Parcel) {
    received.add()
    receivedWeight.add(parcel.weight)
  }

  /// What is wrong with them, or nil.
  var mistake: String? {
    if sent.value == received.value, sentWeight.value == receivedWeight.value {
      return nil
    }
    return "\(sent.value) values sent that weigh \(sentWeight.value), "
      + "\(received.value) received that weigh \(receivedWeight.value)"
  }
}

final class World: Sendable {
  let seed: UInt64
  let books = Books()

  /// Unbuffered ones, and buffered ones.
  let channels = [0, 0, 1, 5].map { Channel<Parcel>(capacity: $0) }
  let mutex = GoMutex()
  let rw = GoRWMutex()
  let cond: GoCond

  /// Where something is sent back; 0 on stages without the network.
  let port: Int

  /// Closed when no more is sent.
  let closing = Channel<Void>()

  init(_ seed: UInt64, port: Int) {
    self.seed = seed
    self.port = port
    cond = GoCond(mutex)
  }

  private var isClosing: Bool {
    if case .closed = closing.tryReceive() { true } else { false }
  }

  /// Receives whatever comes, until all is sent; where there are timers, until nothing
  /// has come for a while, too.
  func consume() {
    var going = true
    while going {
      let silence = Parts.silence(.milliseconds(2))
      select {
        for c in channels {
          receive(from: c) { parcel in
            if let parcel { self.books.receive(parcel) }
          }
        }
        if let silence {
          receive(from: silence) { _ in going = !self.isClosing }
        } else {
          receive(from: closing) { _ in going = false }
        }
      }
    }
  }

  /// What is left in buffers.
  func drain() {
    for c in channels {
      while case .value(let parcel) = c.tryReceive() { books.receive(parcel) }
    }
  }
}
