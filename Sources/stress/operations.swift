// SPDX-License-Identifier: Apache-2.0
//
// What a goroutine may do in a round. Each operation ends, whatever the others do.

import Goroutines

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

/// Needs stack, and switches at the bottom of it.
@inline(never)
func descend(_ n: Int) -> Int {
  if n == 0 {
    gosched()
    return 1
  }
  var frame = InlineArray<16, Int>(repeating: n)
  frame[n & 15] = descend(n - 1)
  return frame[n & 15]
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

let operations = [
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
  Operation("select with a time limit") { w, r in
    let weight = r.below(1000)
    var sent = false
    select {
      send(Parcel(weight), to: w.channels[0]) { sent = true }
      send(Parcel(weight), to: w.channels[2]) { sent = true }
      receive(from: after(r.microseconds(below: 100))) { _ in }
    }
    if sent { w.books.send(weight) }
  },
  Operation("trySend") { w, r in
    let weight = r.below(1000)
    if w.channels[3].trySend(Parcel(weight)) { w.books.send(weight) }
  },
  Operation("gosched") { _, _ in gosched() },
  Operation("sleep") { _, r in sleep(for: r.microseconds(below: 200)) },
  Operation("mutex") { w, r in
    let yields = r.below(5) == 0
    w.mutex.withLock { if yields { gosched() } }
  },
  Operation("read lock") { w, r in
    let sleeps = r.below(5) == 0
    w.rw.withReadLock { if sleeps { sleep(for: .microseconds(5)) } }
  },
  Operation("write lock") { w, r in
    let yields = r.below(5) == 0
    w.rw.withLock { if yields { gosched() } }
  },
  Operation("condition") { w, r in
    w.mutex.lock()
    let signal = afterFunc(r.microseconds(below: 60)) {
      w.mutex.withLock { w.cond.broadcast() }
    }
    w.cond.wait()
    w.mutex.unlock()
    signal.stop()
  },
  Operation("blocking call") { _, r in
    let us = r.below(100)
    blocking { pause(us) }
  },
  Operation("gomaxprocs") { _, r in
    if r.below(10) == 0 { gomaxprocs(1 + r.below(16)) }
  },
  Operation("stopTheWorld") { _, r in
    if r.below(5) == 0 { stopTheWorld { _ = compute(100) } }
  },
  Operation("dump") { _, r in
    if r.below(20) == 0 { _ = stackDump() }
  },
  Operation("deep stack") { _, r in _ = descend(r.below(3000)) },
  Operation("loop") { _, r in _ = compute(r.below(200_000)) },
  Operation("locked thread") { _, r in
    lockOSThread()
    gosched()
    if r.below(3) == 0 { sleep(for: .microseconds(20)) }
    unlockOSThread()
  },
  Operation("goroutine that ends locked, or by goexit") { _, r in
    let ended = Channel<Void>()
    let kind = r.below(4)
    go {
      defer { ended.close() }
      if kind & 1 != 0 { lockOSThread() }
      if kind & 2 != 0 { try goexit() }
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
  Operation("timers stopped and reset") { _, r in
    let fires = afterFunc(r.microseconds(below: 60)) {}
    if r.below(2) == 0 { gosched() }
    fires.stop()
    let timer = GoTimer(r.microseconds(below: 100))
    timer.reset(.microseconds(10))
    if r.below(2) == 0 { _ = timer.channel.receive() } else { timer.stop() }
  },
  Operation("ticker") { _, r in
    let ticker = Ticker(every: .microseconds(10 + r.below(50)))
    _ = ticker.channel.receive()
    ticker.stop()
  },
  Operation("connection") { w, r in
    if r.below(4) != 0 { return }
    let c = try TCPConnection(host: "127.0.0.1", port: w.listener.port)
    defer { c.close() }
    c.setDeadline(.seconds(30))
    let size = 1 + r.below(5000)
    try c.write([UInt8](repeating: 7, count: size))
    var n = 0
    while n < size { n += try c.read(upTo: 10_000).count }
  },
  Operation("connection that is cut off") { w, r in
    if r.below(4) != 0 { return }
    let c = try TCPConnection(host: "127.0.0.1", port: w.listener.port)
    let reader = WaitGroup()
    reader.go { while let bytes = try? c.read(upTo: 10), !bytes.isEmpty {} }
    if r.below(2) == 0 { c.setDeadline(r.microseconds(below: 50)) }
    if r.below(2) == 0 { gosched() }
    c.close()
    reader.wait()
  },
  Operation("pipe") { _, r in
    let pipe = try GoPipe()
    let size = 1 + r.below(100_000)
    let writer = WaitGroup()
    writer.go {
      try? pipe.write([UInt8](repeating: 1, count: size))
      pipe.closeWrite()
    }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65536, alignment: 1)
    defer { buffer.deallocate() }
    var n = 0
    var got = 1
    while got > 0 {
      got = try pipe.read(into: buffer)
      n += got
    }
    writer.wait()
    pipe.closeRead()
    if n != size { failed("\(n) of \(size) bytes came through a pipe") }
  },
  Operation("exclusive access across a switch") { _, r in
    let field = Field()
    let yields = r.below(2) == 0
    exclusively(&field.value) {
      if yields { gosched() } else { _ = compute(20_000) }
    }
    if field.value != 0 { failed("an exclusive access was disturbed") }
  },
]

/// What a round may leave behind when it ends: the end of run must cope.
let leftovers: [@Sendable (World) throws -> Void] = [
  { _ in sleep(for: .seconds(5)) },
  { _ in while true { gosched() } },
  { _ in select {} },
  { _ in
    lockOSThread()
    while true { _ = compute(1000) }
  },
  { _ in
    blocking { pause(3000) }
    gosched()
  },
  { w in
    w.mutex.lock()
    w.mutex.lock()
  },
  { w in _ = try TCPConnection(host: "127.0.0.1", port: w.listener.port).read(upTo: 1) },
]
