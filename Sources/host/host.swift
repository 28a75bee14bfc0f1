// SPDX-License-Identifier: Apache-2.0
//
// What host.sh points its tools at: programs with something to be found in them.
//
//   host work      channels, timers, system calls, TCP, deep stacks; prints ok
//   host compute   two goroutines compute in burnHere, until standard input ends
//   host wait      one goroutine is parked in waitHere, another computes in burnHere,
//                  until standard input ends
//   host crash     a goroutine crashes in crashHere, in callsCrash
//   host overrun   a goroutine writes past the end of a heap block in overrunHere

import Glibc
import Goroutines
import Synchronization

@main
struct Host: GoProgram {
  static func goMain() throws {
    switch CommandLine.arguments.dropFirst().first {
    case "work": try work()
    case "compute":
      for _ in 0..<2 { go { burnHere() } }
      awaitEnd()
      print("made to yield by signals: \(schedulerCounters().asyncPreemptions)")
    case "wait":
      let never = Channel<Int>()
      go { waitHere(never) }
      go { burnHere() }
      awaitEnd()
      never.close()
    case "crash":
      go { waitHere(Channel<Int>()) }
      go {
        sleep(for: .milliseconds(100))
        callsCrash(Channel<Int>(capacity: 1))
      }
      select {}
    case "overrun":
      let done = Channel<Int>()
      go { done.send(overrunHere(8)) }
      print(done.receive() == 8 ? "ok" : "wrong")
    default:
      print("usage: host work|compute|wait|crash|overrun")
      exit(2)
    }
  }
}

/// Says that the goroutines are there, and waits until standard input ends.
private func awaitEnd() {
  sleep(for: .milliseconds(20))
  blocking {
    print("ready")
    fflush(nil)
    while getchar() != EOF {}
  }
}

@inline(never)
private func waitHere(_ c: Channel<Int>) {
  if let n = c.receive() { print("never \(n)") }
}

/// Never set.
private let over = Atomic(false)

@inline(never)
private func burnHere() {
  var x: UInt = 1
  while !over.load(ordering: .relaxed) { x = x &* 6_364_136_223_846_793_005 | 1 }
  print(x)
}

@inline(never)
private func callsCrash(_ c: Channel<Int>) {
  c.send(0)
  crashHere(c.receive()!)
  print("never")
}

@inline(never)
private func crashHere(_ n: Int) { print(100 / n) }

@inline(never)
private func overrunHere(_ n: Int) -> Int {
  let block = malloc(n)!.assumingMemoryBound(to: UInt8.self)
  defer { free(block) }
  block[n] = UInt8(n)
  return Int(block[n])
}

/// Half a kilobyte a call.
@inline(never)
private func depth(_ n: Int) -> Int {
  var frame = InlineArray<64, Int>(repeating: n)
  if n == 0 { return 0 }
  frame[n & 63] = depth(n - 1)
  return frame[n & 63] + 1
}

private func work() throws {
  let group = WaitGroup()
  let c = Channel<Int>(capacity: 3)
  var sum = 0
  for i in 0..<20 {
    group.go {
      sleep(for: .milliseconds(i))
      c.send(depth(20 * i))
    }
  }
  for _ in 0..<20 { sum += c.receive()! }
  // Enough for small windows.
  let end = Channel<Int>()
  for _ in 0..<1000 {
    group.go {
      _ = end.receive()
      if depth(10) != 10 { print("wrong depth") }
    }
  }
  sleep(for: .milliseconds(5))
  end.close()
  let listener = try TCPListener()
  go {
    while let c = try? listener.accept() {
      go {
        try c.write(c.read(upTo: 100))
        c.close()
      }
    }
  }
  let echoed = Channel<Int>(capacity: 5)
  for i in 0..<5 {
    group.go {
      let c = try TCPConnection(host: "127.0.0.1", port: listener.port)
      try c.write([UInt8](repeating: 1, count: i))
      c.closeWrite()
      echoed.send(try c.read(upTo: 100).count)
    }
  }
  for _ in 0..<5 { sum += echoed.receive()! }
  for _ in 0..<4 {
    group.go { blocking { _ = usleep(1000) } }
  }
  group.wait()
  listener.close()
  print(sum == 20 * 190 + 10 ? "ok" : "wrong: \(sum)")
}
