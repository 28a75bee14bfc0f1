// SPDX-License-Identifier: Apache-2.0
//
// What a goroutine may do in a round, on any stage. Each operation ends, whatever the
// others do.

import Stage

struct Operation: Sendable {
  let name: String
  let body: @Sendable (World, inout Random) throws -> Void

  init(_ name: String, _ body: @escaping @Sendable (World, inout Random) throws -> Void) {
    self.name = name
    self.body = body
  }
}

/// Takes time, calls nothing.
@inline(never)
func compute(_ n: Int) -> Int {
  var x = n
  for i in 0..<n { x = x &* 31 &+ i }
  return x
}

/// Holds an exclusive access while body runs.
private func exclusively(_ x: inout Int, _ body: () -> Void) {
  x += 1
  body()
  x -= 1
}

private final class Field {
  var value = 0
}

extension Parts {
  static let first = Part(
    operations: [
      Operation("send") { w, r in
        let weight = r.below(1000)
        w.books.send(weight)
        w.channels[r.below(4)].send(Parcel(weight))
      },
      Operation("select over sends") { w, r in
        let weight = r.below(1000)
        var sent = false
        select {
          for c in w.channels { send(Parcel(weight), to: c) { sent = true } }
        }
        if sent { w.books.send(weight) }
      },
      Operation("trySend") { w, r in
        let weight = r.below(1000)
        if w.channels[3].trySend(Parcel(weight)) { w.books.send(weight) }
      },
      Operation("gosched") { _, _ in gosched() },
      Operation("mutex") { w, r in
        let yields = r.below(5) == 0
        w.mutex.withLock { if yields { gosched() } }
      },
      Operation("read lock") { w, r in
        let yields = r.below(5) == 0
        w.rw.withReadLock { if yields { gosched() } }
      },
      Operation("write lock") { w, r in
        let yields = r.below(5) == 0
        w.rw.withLock { if yields { gosched() } }
      },
      Operation("condition") { w, _ in
        w.mutex.lock()
        go { w.mutex.withLock { w.cond.broadcast() } }
        w.cond.wait()
        w.mutex.unlock()
      },
      Operation("loop") { _, r in _ = compute(r.below(200_000)) },
      Operation("goroutine that ends by goexit") { _, r in
        let ended = Channel<Void>()
        let exits = r.below(2) == 0
        go {
          defer { ended.close() }
          if exits { try goexit() }
        }
        _ = ended.receive()
      },
      Operation("tree of goroutines") { _, r in
        let group = WaitGroup()
        for _ in 0..<r.below(20) {
          group.go { for _ in 0..<3 { group.go { gosched() } } }
        }
        group.wait()
      },
      Operation("exclusive access across a switch") { _, r in
        let field = Field()
        let yields = r.below(2) == 0
        exclusively(&field.value) {
          if yields { gosched() } else { _ = compute(20_000) }
        }
        if field.value != 0 { failed("an exclusive access was disturbed") }
      },
    ],
    leftovers: [
      { _ in while true { gosched() } },
      { _ in select {} },
      { w in
        w.mutex.lock()
        w.mutex.lock()
      },
    ]
  )
}
