// SPDX-License-Identifier: Apache-2.0
//
// Timers, preemption, system calls and the network.              Go: go/timeio.go

import Glibc
import Goroutines
import Synchronization

@Sendable
func timers(_ n: Int) -> Outcome {
  let late = Slots(n, 0)
  let all = WaitGroup()
  all.add(n)
  let t0 = now()
  for i in 0..<n {
    go {
      let us = 1000 + Int(splitmix(UInt64(i)) % 99001)
      let start = now()
      sleep(for: .microseconds(us))
      late[i] = now() - start - us * 1000
      all.done()
    }
  }
  let spawned = now() - t0
  all.wait()
  let elapsed = now() - t0
  return Outcome(
    n: n,
    ns: Double(elapsed),
    extra: lateness((0..<n).map { late[$0] }) + [pair("spawn_ms", milliseconds(spawned))],
  )
}

func lateness(_ unsorted: [Int]) -> [String] {
  let late = unsorted.sorted()
  let mean = late.isEmpty ? 0 : Double(late.reduce(0, +)) / Double(late.count)
  return [
    pair("late_mean_us", mean / 1e3),
    pair("late_p50_us", percentile(late, 0.5) / 1e3),
    pair("late_p99_us", percentile(late, 0.99) / 1e3),
    pair("late_max_us", percentile(late, 1) / 1e3),
  ]
}

/// Steps of `work` per nanosecond on this machine, now.
func calibrate() -> Double {
  var best = 0.0
  for i in 0..<5 {
    let steps = 5_000_000
    let t0 = now()
    sink[0] &+= work(steps, UInt64(i) &+ 1)
    best = max(best, Double(steps) / Double(now() - t0))
  }
  return best
}

/// N is the busy time in milliseconds.
@Sendable
func preemptLatency(_ n: Int) -> Outcome {
  let steps = Int(calibrate() * Double(n) * 1e6)
  let stop = Flag()
  let ready = Channel<Void>()
  let slept = Channel<[Int]>(capacity: 1)
  let computed = Channel<Int>(capacity: 1)
  go {
    var late: [Int] = []
    ready.close()
    while !stop.value.load(ordering: .acquiring) {
      let start = now()
      sleep(for: .milliseconds(1))
      late.append(now() - start - 1_000_000)
    }
    slept.send(late)
  }
  _ = ready.receive()
  go {
    let t0 = now()
    sink[0] &+= work(steps, 7)
    let busy = now() - t0
    stop.value.store(true, ordering: .releasing)
    computed.send(busy)
  }
  let busy = computed.receive()!
  let late = slept.receive()!
  return Outcome(
    n: late.count,
    ns: Double(late.reduce(0, +)),
    extra: lateness(late) + [
      pair("samples", late.count),
      pair("busy_ms", milliseconds(busy)),
      pair("nominal_ms", n),
    ],
  )
}

/// Counts chunks of 10,000 steps of work until it is told to stop. No call.
@inline(never)
func spin(_ stop: Flag) -> Int {
  var chunks = 0
  var x: UInt64 = 1
  while !stop.value.load(ordering: .acquiring) {
    var i = 0
    while i < 10_000 {
      x = (x ^ (x >> 31)) &* 0x9e37_79b9_7f4a_7c15
      i &+= 1
    }
    chunks &+= 1
  }
  sink[0] &+= x
  return chunks
}

/// Chunks per nanosecond of a goroutine that computes while `body` runs, and
/// how long that took.
func spinning(while body: () -> Void) -> (rate: Double, ns: Int) {
  let stop = Flag()
  let up = Channel<Void>()
  let done = Channel<Double>(capacity: 1)
  go {
    up.close()
    let t0 = now()
    let chunks = spin(stop)
    done.send(Double(chunks) / Double(now() - t0))
  }
  _ = up.receive()
  let t0 = now()
  body()
  let elapsed = now() - t0
  stop.value.store(true, ordering: .releasing)
  return (done.receive()!, elapsed)
}

@Sendable
func syscallHandoff(_ n: Int) -> Outcome {
  let blockers = 8
  let alone = spinning { sleep(for: .milliseconds(300)) }
  let together = spinning {
    let ticket = Counter()
    let all = WaitGroup()
    all.add(blockers)
    for _ in 0..<blockers {
      go {
        while ticket.value.add(1, ordering: .sequentiallyConsistent).newValue <= n {
          blocking {
            var time = timespec(tv_sec: 0, tv_nsec: 5_000_000)
            nanosleep(&time, nil)
          }
        }
        all.done()
      }
    }
    all.wait()
  }
  let rounds = (n + blockers - 1) / blockers
  return Outcome(
    n: n,
    ns: Double(together.ns),
    extra: [
      pair("ideal_ms", rounds * 5),
      pair("cpu_progress", together.rate / alone.rate),
      pair("blockers", blockers),
    ],
  )
}

/// 32 buckets per power of two: an error below about 3 %.
struct Histogram: @unchecked Sendable {
  let buckets = Slots<UInt32>(64 * 32, 0)
  let total = Slots<UInt64>(1, 0)

  func add(_ v: UInt64) {
    total[0] &+= 1
    if v < 32 {
      buckets[Int(v)] &+= 1
      return
    }
    let e = 58 &- v.leadingZeroBitCount
    buckets[(e &+ 1) &* 32 &+ Int(v >> UInt64(e)) &- 32] &+= 1
  }

  func merge(_ other: Histogram) {
    for i in 0..<(64 * 32) { buckets[i] &+= other.buckets[i] }
    total[0] &+= other.total[0]
  }

  func quantile(_ p: Double) -> Double {
    let target = UInt64(p * Double(total[0]))
    var seen: UInt64 = 0
    for i in 0..<(64 * 32) {
      seen += UInt64(buckets[i])
      if seen > target {
        if i < 32 { return Double(i) }
        return (Double(i % 32 + 32) + 0.5) * Double(UInt64(1) << UInt64(i / 32 - 1))
      }
    }
    return 0
  }
}

/// Reads until the buffer is full; false at the end of the stream.
func readFull(
  _ connection: TCPConnection,
  _ buffer: UnsafeMutableRawBufferPointer,
) throws -> Bool {
  var got = 0
  while got < buffer.count {
    let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[got...])
    let n = try connection.read(into: rest)
    if n == 0 { return false }
    got &+= n
  }
  return true
}

func message(_ size: Int) -> UnsafeMutableRawBufferPointer {
  let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
  buffer.initializeMemory(as: UInt8.self, repeating: 0)
  return buffer
}

func serve(_ connection: TCPConnection, _ size: Int) {
  let buffer = message(size)
  defer {
    buffer.deallocate()
    connection.close()
  }
  do {
    while try readFull(connection, buffer) {
      try connection.write(UnsafeRawBufferPointer(buffer))
    }
  } catch {}
}

/// N is the duration in milliseconds. Server and clients are in this process.
@Sendable
func echo(_ n: Int) -> Outcome {
  let connections = 64
  let size = 64
  var clients: [TCPConnection] = []
  do {
    let listener = try TCPListener()
    go {
      while let connection = try? listener.accept() {
        go { serve(connection, size) }
      }
    }
    for _ in 0..<connections {
      clients.append(try TCPConnection(host: "127.0.0.1", port: listener.port))
    }
  } catch {
    fail("echo: cannot connect: \(error)")
  }
  let histograms = (0..<connections).map { _ in Histogram() }
  let all = WaitGroup()
  all.add(connections)
  let duration = n * 1_000_000
  let t0 = now()
  for i in 0..<connections {
    let connection = clients[i]
    let histogram = histograms[i]
    go {
      let buffer = message(size)
      var start = now() &- t0
      do {
        while start < duration {
          try connection.write(UnsafeRawBufferPointer(buffer))
          if try !readFull(connection, buffer) { fail("echo: the server closed") }
          let end = now() &- t0
          histogram.add(UInt64(end &- start))
          start = end
        }
      } catch {
        fail("echo: \(error)")
      }
      all.done()
    }
  }
  all.wait()
  let elapsed = now() - t0
  let total = Histogram()
  for histogram in histograms { total.merge(histogram) }
  let requests = Int(total.total[0])
  return Outcome(
    n: requests,
    ns: Double(elapsed),
    extra: [
      pair("rps", Double(requests) / (Double(elapsed) / 1e9)),
      pair("p50_us", total.quantile(0.5) / 1e3),
      pair("p99_us", total.quantile(0.99) / 1e3),
      pair("p999_us", total.quantile(0.999) / 1e3),
      pair("conns", connections),
      pair("bytes", size),
    ],
  )
}

let timeWorkloads = [
  Workload(
    "timers",
    procs: 2,
    n: 100_000,
    "goroutines sleep 1 to 100 ms and note their lateness; op = timer",
    timers,
  ),
  Workload(
    "preempt-latency",
    procs: 1,
    n: 1000,
    "lateness of a 1 ms sleeper beside a loop without a call; N = ms",
    preemptLatency,
  ),
  Workload(
    "syscall-handoff",
    procs: 1,
    n: 100,
    "8 goroutines block in 5 ms system calls, one computes; op = call",
    syscallHandoff,
  ),
  Workload(
    "echo",
    procs: 2,
    n: 5000,
    "TCP server and 64 clients, 64 bytes, closed loop; N = ms, op = request",
    echo,
  ),
]
