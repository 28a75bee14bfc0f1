// SPDX-License-Identifier: Apache-2.0
//
// Channels, select and the mutex.                                 Go: go/chans.go

import Goroutines

@Sendable
func chanPingpong(_ n: Int) -> Outcome {
  let a = Channel<Int>()
  let b = Channel<Int>()
  let done = Channel<Void>()
  let elapsed = Slots(1, 0)
  go {
    while let v = a.receive() { b.send(v &+ 1) }
    b.close()
  }
  go {
    let t0 = now()
    for i in 0..<n {
      a.send(i)
      if b.receive() != i &+ 1 { fail("chan-pingpong: not the number sent") }
    }
    elapsed[0] = now() - t0
    a.close()
    done.close()
  }
  _ = done.receive()
  return Outcome(n: n, ns: Double(elapsed[0]))
}

@Sendable
func chanBuffered(_ n: Int) -> Outcome {
  let c = Channel<Int>(capacity: 128)
  let done = Channel<Int>()
  let t0 = now()
  go {
    for i in 0..<n { c.send(i) }
    c.close()
  }
  go {
    var sum = 0
    while let v = c.receive() { sum &+= v }
    done.send(sum)
  }
  let sum = done.receive()
  let elapsed = now() - t0
  if sum != n * (n - 1) / 2 { fail("chan-buffered: wrong sum") }
  return Outcome(n: n, ns: Double(elapsed), extra: [pair("cap", 128)])
}

@Sendable
func chanMPMC(_ n: Int) -> Outcome {
  let producers = 8
  let consumers = 8
  let per = n / producers
  let c = Channel<Int>(capacity: 64)
  let produced = WaitGroup()
  let consumed = WaitGroup()
  // A cache line of its own for each.
  let sums = Slots(consumers * 16, 0)
  produced.add(producers)
  consumed.add(consumers)
  let t0 = now()
  for i in 0..<consumers {
    go {
      var sum = 0
      while let v = c.receive() { sum &+= v }
      sums[i * 16] = sum
      consumed.done()
    }
  }
  for _ in 0..<producers {
    go {
      for j in 0..<per { c.send(j) }
      produced.done()
    }
  }
  produced.wait()
  c.close()
  consumed.wait()
  let elapsed = now() - t0
  var total = 0
  for i in 0..<consumers { total += sums[i * 16] }
  if total != producers * (per * (per - 1) / 2) { fail("chan-mpmc: wrong sum") }
  return Outcome(
    n: per * producers,
    ns: Double(elapsed),
    extra: [
      pair("producers", producers),
      pair("consumers", consumers),
      pair("cap", 64),
    ],
  )
}

@Sendable
func selectOfFour(_ n: Int) -> Outcome {
  let per = n / 4
  let c0 = Channel<Int>()
  let c1 = Channel<Int>()
  let c2 = Channel<Int>()
  let c3 = Channel<Int>()
  let done = Channel<Int>()
  let t0 = now()
  for c in [c0, c1, c2, c3] {
    go {
      for j in 0..<per { c.send(j) }
    }
  }
  go {
    let sum = Slots(1, 0)
    for _ in 0..<(per * 4) {
      select {
        receive(from: c0) { sum[0] &+= $0! }
        receive(from: c1) { sum[0] &+= $0! }
        receive(from: c2) { sum[0] &+= $0! }
        receive(from: c3) { sum[0] &+= $0! }
      }
    }
    done.send(sum[0])
  }
  let sum = done.receive()
  let elapsed = now() - t0
  if sum != 4 * (per * (per - 1) / 2) { fail("select: wrong sum") }
  return Outcome(n: per * 4, ns: Double(elapsed))
}

@Sendable
func sieve(_ n: Int) -> Outcome {
  let t0 = now()
  var ch = Channel<Int>()
  let generated = ch
  let stop = Channel<Void>()
  go {
    let stopped = Slots(1, false)
    var i = 2
    while !stopped[0] {
      select {
        send(i, to: generated)
        receive(from: stop) { _ in stopped[0] = true }
      }
      i &+= 1
    }
  }
  var prime = 0
  for _ in 0..<n {
    prime = ch.receive()!
    let input = ch
    let output = Channel<Int>()
    let divisor = prime
    go {
      while let v = input.receive() {
        if v % divisor != 0 { output.send(v) }
      }
    }
    ch = output
  }
  let elapsed = now() - t0
  if n == 2000, prime != 17389 { fail("sieve: not the 2000th prime") }
  return Outcome(n: n, ns: Double(elapsed), extra: [pair("prime", prime)])
}

@Sendable
func mutex(_ n: Int) -> Outcome {
  let goroutines = 64
  let per = n / goroutines
  let lock = GoMutex()
  let count = Slots(1, 0)
  let all = WaitGroup()
  all.add(goroutines)
  let start = Channel<Void>()
  for _ in 0..<goroutines {
    go {
      _ = start.receive()
      for _ in 0..<per {
        lock.lock()
        count[0] &+= 1
        lock.unlock()
      }
      all.done()
    }
  }
  let t0 = now()
  start.close()
  all.wait()
  let elapsed = now() - t0
  if count[0] != per * goroutines { fail("mutex: wrong count") }
  return Outcome(
    n: per * goroutines,
    ns: Double(elapsed),
    extra: [pair("goroutines", goroutines)],
  )
}

let chanWorkloads = [
  Workload(
    "chan-pingpong",
    procs: 1,
    n: 2_000_000,
    "two unbuffered channels, two goroutines; op = round trip",
    chanPingpong,
  ),
  Workload(
    "chan-pingpong-mp",
    procs: 2,
    n: 2_000_000,
    "the same on two Ps",
    chanPingpong,
  ),
  Workload(
    "chan-buffered",
    procs: 1,
    n: 10_000_000,
    "one producer, one consumer, capacity 128; op = item",
    chanBuffered,
  ),
  Workload(
    "chan-buffered-mp",
    procs: 2,
    n: 10_000_000,
    "the same on two Ps",
    chanBuffered,
  ),
  Workload(
    "chan-mpmc",
    procs: 2,
    n: 4_000_000,
    "8 producers, 8 consumers, capacity 64; op = item",
    chanMPMC,
  ),
  Workload(
    "select",
    procs: 1,
    n: 2_000_000,
    "one goroutine selects over 4 unbuffered channels; op = item",
    selectOfFour,
  ),
  Workload(
    "select-mp",
    procs: 2,
    n: 2_000_000,
    "the same on two Ps",
    selectOfFour,
  ),
  Workload(
    "sieve",
    procs: 2,
    n: 2000,
    "a filter goroutine a prime, to the 2000th prime",
    sieve,
  ),
  Workload(
    "sieve-p1",
    procs: 1,
    n: 2000,
    "the same on one P",
    sieve,
  ),
  Workload(
    "mutex",
    procs: 2,
    n: 10_000_000,
    "64 goroutines lock, count, unlock; op = pair",
    mutex,
  ),
  Workload(
    "mutex-p1",
    procs: 1,
    n: 10_000_000,
    "the same on one P",
    mutex,
  ),
]
