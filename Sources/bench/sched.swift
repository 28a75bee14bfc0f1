// SPDX-License-Identifier: Apache-2.0
//
// Scheduling, stacks and parallel computing.                      Go: go/sched.go

import Glibc
import Goroutines
import Synchronization

@Sendable
func yield(_ n: Int, goroutines: Int) -> Outcome {
  let per = n / goroutines
  let all = WaitGroup()
  all.add(goroutines)
  let start = Channel<Void>()
  for _ in 0..<goroutines {
    go {
      _ = start.receive()
      for _ in 0..<per { gosched() }
      all.done()
    }
  }
  gosched()
  let t0 = now()
  start.close()
  all.wait()
  let elapsed = now() - t0
  return Outcome(
    n: per * goroutines,
    ns: Double(elapsed),
    extra: [pair("goroutines", goroutines)],
  )
}

@Sendable
func spawn(_ n: Int) -> Outcome {
  let batch = 1000
  let batches = max(1, n / batch)
  let all = WaitGroup()
  let t0 = now()
  for _ in 0..<batches {
    all.add(batch)
    for _ in 0..<batch {
      go { all.done() }
    }
    all.wait()
  }
  return Outcome(n: batches * batch, ns: Double(now() - t0))
}

func skynetNode(_ up: Channel<Int>, _ number: Int, _ size: Int, _ children: Int) {
  if size == 1 {
    up.send(number)
    return
  }
  let results = Channel<Int>()
  let part = size / children
  for i in 0..<children {
    go { skynetNode(results, number &+ i &* part, part, children) }
  }
  var sum = 0
  for _ in 0..<children { sum &+= results.receive()! }
  up.send(sum)
}

@Sendable
func skynet(_ n: Int) -> Outcome {
  let root = Channel<Int>()
  let t0 = now()
  go { skynetNode(root, 0, n, 10) }
  let sum = root.receive()
  let elapsed = now() - t0
  if sum != n * (n - 1) / 2 { fail("skynet: wrong sum") }
  return Outcome(n: n, ns: Double(elapsed))
}

/// What N parked goroutines cost: resident memory, and what RSS does not show,
/// page tables and whatever else the kernel keeps.
@Sendable
func idleMemory(_ n: Int) -> Outcome {
  let hold = Channel<Void>()
  let up = Counter()
  let all = WaitGroup()
  all.add(n)
  let rss0 = kilobytes("/proc/self/smaps_rollup", "Rss")
  let pte0 = kilobytes("/proc/self/status", "VmPTE")
  let available0 = kilobytes("/proc/meminfo", "MemAvailable")
  let t0 = now()
  for _ in 0..<n {
    go {
      up.value.add(1, ordering: .sequentiallyConsistent)
      _ = hold.receive()
      all.done()
    }
  }
  while up.value.load(ordering: .acquiring) < n { gosched() }
  let elapsed = now() - t0
  sleep(for: .milliseconds(20))
  let rss = kilobytes("/proc/self/smaps_rollup", "Rss") - rss0
  let pte = kilobytes("/proc/self/status", "VmPTE") - pte0
  let available = available0 - kilobytes("/proc/meminfo", "MemAvailable")
  let size = kilobytes("/proc/self/status", "VmSize")
  let t1 = now()
  hold.close()
  all.wait()
  let release = now() - t1
  func per(_ kb: Int) -> Double { Double(kb) * 1024 / Double(n) }
  return Outcome(
    n: n,
    ns: Double(elapsed),
    extra: [
      pair("bytes_per", per(rss)),
      pair("pte_bytes_per", per(pte)),
      pair("sys_bytes_per", per(available)),
      pair("vsz_mb", size / 1024),
      pair("release_ns_per", Double(release) / Double(n)),
    ],
  )
}

/// The address of something below the deepest frame.
let deepest = Slots<UInt>(1, 0)

@inline(never)
func noteDepth() {
  var here: UInt8 = 0
  withUnsafeMutablePointer(to: &here) { deepest[0] = UInt(bitPattern: $0) }
}

/// 88 bytes of array make the frame 128 bytes, as Go's.
@inline(never)
func recurse(_ n: Int, _ sum: UInt64) -> UInt64 {
  var pad = InlineArray<11, UInt64>(repeating: 0)
  pad[n & 7] = sum &+ UInt64(truncatingIfNeeded: n)
  if n == 0 {
    noteDepth()
    return sum
  }
  let below = recurse(n &- 1, pad[(n &+ 3) & 7] &+ sum)
  return below &+ pad[(n &+ 5) & 7]
}

struct Descent: Sendable {
  var ns: Int
  var bytes: UInt
}

func descend(_ n: Int) -> Descent {
  var top: UInt8 = 0
  let start = withUnsafeMutablePointer(to: &top) { UInt(bitPattern: $0) }
  let t0 = now()
  sink[0] = recurse(n, 1)
  return Descent(ns: now() - t0, bytes: start - deepest[0])
}

/// Some descents, one after the other, in one fresh goroutine.
func descents(_ n: Int, count: Int) -> [Descent] {
  let c = Channel<[Descent]>()
  go {
    var all: [Descent] = []
    for _ in 0..<count { all.append(descend(n)) }
    c.send(all)
  }
  return c.receive()!
}

@Sendable
func deepRecursion(_ n: Int) -> Outcome {
  let all = descents(n, count: 11)
  let first = all[0]
  let repeated = all.dropFirst().map(\.ns).sorted()
  var fresh: [Int] = []
  for _ in 0..<10 { fresh.append(descents(n, count: 1)[0].ns) }
  fresh.sort()
  return Outcome(
    n: n,
    ns: Double(first.ns),
    extra: [
      pair("repeat_ns", percentile(repeated, 0.5) / Double(n)),
      pair("fresh_ns", percentile(fresh, 0.5) / Double(n)),
      pair("frame_bytes", Double(first.bytes) / Double(n)),
      pair("stack_mb", Double(first.bytes) / 1e6),
    ],
  )
}

/// How much of the Ps' time was worth as much as serial time.
func efficiency(serial: Int, parallel: Int) -> String {
  pair("eff", Double(serial) / (Double(gomaxprocs()) * Double(parallel)))
}

/// About 2 us.
let fanSteps = 1600

@Sendable
func stealFanout(_ n: Int) -> Outcome {
  let steps = fanSteps
  let out = Slots<UInt64>(n, 0)
  let t0 = now()
  var want: UInt64 = 0
  for i in 0..<n { want &+= work(steps, UInt64(i) &+ 1) }
  let serial = now() - t0
  let all = WaitGroup()
  all.add(n)
  let done = Channel<Void>()
  let t1 = now()
  go {
    for i in 0..<n {
      go {
        out[i] = work(steps, UInt64(truncatingIfNeeded: i) &+ 1)
        all.done()
      }
    }
    all.wait()
    done.close()
  }
  _ = done.receive()
  let elapsed = now() - t1
  var got: UInt64 = 0
  for i in 0..<n { got &+= out[i] }
  if got != want { fail("steal-fanout: wrong sum") }
  return Outcome(
    n: n,
    ns: Double(elapsed),
    extra: [
      pair("serial_ms", milliseconds(serial)),
      efficiency(serial: serial, parallel: elapsed),
    ],
  )
}

@inline(never)
func serialFib(_ n: Int) -> Int {
  if n < 2 { return n }
  return serialFib(n &- 1) &+ serialFib(n &- 2)
}

func parallelFib(_ n: Int, _ cutoff: Int) -> Int {
  if n < cutoff { return serialFib(n) }
  let c = Channel<Int>(capacity: 1)
  go { c.send(parallelFib(n &- 1, cutoff)) }
  let b = parallelFib(n &- 2, cutoff)
  return b &+ c.receive()!
}

@Sendable
func fib(_ n: Int, cutoff: Int) -> Outcome {
  let t0 = now()
  let want = serialFib(n)
  let serial = now() - t0
  let c = Channel<Int>()
  let t1 = now()
  go { c.send(parallelFib(n, cutoff)) }
  let got = c.receive()
  let elapsed = now() - t1
  if got != want { fail("parallel-fib: wrong number") }
  // Spawns: S(n) = 1 + S(n-1) + S(n-2), none below the cut-off.
  var (a, b) = (0, 0)
  for _ in 0..<max(0, n - cutoff + 1) { (a, b) = (b, a + b + 1) }
  return Outcome(
    n: b,
    ns: Double(elapsed),
    extra: [
      pair("fib", n),
      pair("cutoff", cutoff),
      pair("serial_ms", milliseconds(serial)),
      efficiency(serial: serial, parallel: elapsed),
    ],
  )
}

/// A board: the columns and diagonals that are taken.
struct Queens: Sendable {
  let full: UInt32
  var columns: UInt32 = 0
  var left: UInt32 = 0
  var right: UInt32 = 0

  var free: UInt32 { full & ~(columns | left | right) }

  func placing(_ bit: UInt32) -> Queens {
    Queens(
      full: full,
      columns: columns | bit,
      left: ((left | bit) << 1) & full,
      right: (right | bit) >> 1,
    )
  }
}

/// Without the struct: in registers, as Go has it.
func serialQueens(
  _ full: UInt32, _ columns: UInt32, _ left: UInt32, _ right: UInt32
) -> Int {
  if columns == full { return 1 }
  var solutions = 0
  var free = full & ~(columns | left | right)
  while free != 0 {
    let bit = free & (0 &- free)
    free ^= bit
    solutions &+= serialQueens(
      full, columns | bit, ((left | bit) &<< 1) & full, (right | bit) &>> 1)
  }
  return solutions
}

func serialQueens(_ board: Queens) -> Int {
  serialQueens(board.full, board.columns, board.left, board.right)
}

let queensTasks = Counter()

func parallelQueens(_ board: Queens, _ depth: Int, _ n: Int) -> Int {
  if depth == 0 { return serialQueens(board) }
  let c = Channel<Int>(capacity: n)
  var children = 0
  var free = board.free
  while free != 0 {
    let bit = free & (0 &- free)
    free ^= bit
    children &+= 1
    go { c.send(parallelQueens(board.placing(bit), depth &- 1, n)) }
  }
  queensTasks.value.add(children, ordering: .sequentiallyConsistent)
  var solutions = 0
  for _ in 0..<children { solutions &+= c.receive()! }
  return solutions
}

@Sendable
func queens(_ n: Int) -> Outcome {
  let board = Queens(full: (1 << UInt32(n)) &- 1)
  let t0 = now()
  let want = serialQueens(board)
  let serial = now() - t0
  let c = Channel<Int>()
  let t1 = now()
  go { c.send(parallelQueens(board, 4, n)) }
  let got = c.receive()
  let elapsed = now() - t1
  if got != want { fail("nqueens: wrong number of solutions") }
  return Outcome(
    n: queensTasks.value.load(ordering: .acquiring),
    ns: Double(elapsed),
    extra: [
      pair("queens", n),
      pair("depth", 4),
      pair("solutions", want),
      pair("serial_ms", milliseconds(serial)),
      efficiency(serial: serial, parallel: elapsed),
    ],
  )
}

let schedWorkloads = [
  Workload(
    "yield",
    procs: 1,
    n: 5_000_000,
    "2 goroutines call gosched; op = call",
    { yield($0, goroutines: 2) },
  ),
  Workload(
    "yield-1k",
    procs: 1,
    n: 5_000_000,
    "1000 goroutines call gosched; op = call",
    { yield($0, goroutines: 1000) },
  ),
  Workload(
    "spawn",
    procs: 1,
    n: 2_000_000,
    "batches of 1000 empty goroutines and a WaitGroup; op = goroutine",
    spawn,
  ),
  Workload(
    "spawn-mp",
    procs: 2,
    n: 2_000_000,
    "the same on two Ps",
    spawn,
  ),
  Workload(
    "skynet",
    procs: 2,
    n: 1_000_000,
    "10 children a node, a goroutine each; op = leaf",
    skynet,
  ),
  Workload(
    "skynet-p1",
    procs: 1,
    n: 1_000_000,
    "the same on one P",
    skynet,
  ),
  Workload(
    "idle-memory",
    procs: 2,
    n: 100_000,
    "N parked goroutines: bytes of each; op = creating one",
    idleMemory,
  ),
  Workload(
    "idle-memory-1m",
    procs: 2,
    n: 1_000_000,
    "the same with a million",
    idleMemory,
  ),
  Workload(
    "deep-recursion",
    procs: 2,
    n: 500_000,
    "frames of 128 bytes down to 64 MB; op = frame, the first time",
    deepRecursion,
  ),
  Workload(
    "steal-fanout",
    procs: 2,
    n: 100_000,
    "one goroutine spawns tasks of 2 us; eff = serial / (P * elapsed)",
    stealFanout,
  ),
  Workload(
    "parallel-fib",
    procs: 2,
    n: 36,
    "spawn fib(n-1), compute fib(n-2), serial below 16; op = spawn",
    { fib($0, cutoff: 16) },
  ),
  Workload(
    "parallel-fib-fine",
    procs: 2,
    n: 30,
    "the same, serial below 8: about 0.1 us a task",
    { fib($0, cutoff: 8) },
  ),
  Workload(
    "nqueens",
    procs: 2,
    n: 13,
    "a goroutine per placement in the first 4 rows; op = goroutine",
    queens,
  ),
]
