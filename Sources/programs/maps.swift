// SPDX-License-Identifier: Apache-2.0
//
// The same work on two maps: four goroutines count N numbers by their remainder.
// One map belongs to a goroutine that does to it what it is asked over a channel;
// the other lies behind a lock.
//
// Seed fact: share memory by communicating, or by locking. The owner needs no
// lock and its steps are easy to follow; for work as small as this the lock wins,
// because a request costs more than the addition it asks for.

import Stage

extension Programs.Maps {
  static var body: Body? { maps }
}

private let remainders = 1_000
private let workers = 4

func maps(_ n: Int) throws {
  try run {
    var owned: [Int: Int] = [:]
    var locked: [Int: Int] = [:]
    let timeOwned = seconds { owned = countOwned(n) }
    let timeLocked = seconds { locked = countLocked(n) }
    guard owned == locked else {
      throw Failure(message: "the two maps differ")
    }
    print("\(workers) goroutines counted \(grouped(n)) numbers; both maps agree")
    print("owned by a goroutine", right(pleasant(timeOwned / Double(n)), 9), "each")
    print("behind a lock       ", right(pleasant(timeLocked / Double(n)), 9), "each")
  }
}

private enum Request: Sendable {
  case add(key: Int)
  case everything(reply: Channel<[Int: Int]>)
}

private func countOwned(_ n: Int) -> [Int: Int] {
  let requests = Channel<Request>(capacity: 64)
  go {
    var map: [Int: Int] = [:]
    for request in requests {
      switch request {
      case .add(let key): map[key, default: 0] += 1
      case .everything(let reply): reply.send(map)
      }
    }
  }
  work(n) { requests.send(.add(key: $0)) }
  let reply = Channel<[Int: Int]>()
  requests.send(.everything(reply: reply))
  requests.close()
  return reply.receive()!
}

/// A map and the lock that protects it: nobody else can reach the map.
private final class LockedMap: @unchecked Sendable {
  private let mutex = GoMutex()
  private var map: [Int: Int] = [:]

  func add(_ key: Int) {
    mutex.withLock { map[key, default: 0] += 1 }
  }

  var everything: [Int: Int] {
    mutex.withLock { map }
  }
}

private func countLocked(_ n: Int) -> [Int: Int] {
  let map = LockedMap()
  work(n) { map.add($0) }
  return map.everything
}

/// Calls `add` for every number below n, from several goroutines.
private func work(_ n: Int, _ add: @escaping @Sendable (_ key: Int) -> Void) {
  let everyone = WaitGroup()
  for worker in 0..<workers {
    everyone.go {
      for i in stride(from: worker, to: n, by: workers) {
        add(i % remainders)
      }
    }
  }
  everyone.wait()
}
