// SPDX-License-Identifier: Apache-2.0
//
// The workloads: what each is called, what its number means, and the first stage that has
// what it needs. This is compiled on every stage. What a workload does stands in the file
// named for that stage, which is compiled from that stage on (benchstages.sh).

/// Which numbers are the good ones.
enum Better: String {
  case less
  case more
}

/// The name of what a workload cannot do without, and of the stage that introduces it.
struct Need: Sendable {
  let what: String
  let stage: String

  init(_ what: String, from stage: String) {
    self.what = what
    self.stage = stage
  }
}

struct Workload: Sendable {
  let name: String
  let needs: Need
  /// GOMAXPROCS in its environment. A stage with one thread does not read it.
  let procs: Int
  /// What its number counts.
  let unit: String
  let better: Better
  let what: String

  init(
    _ name: String,
    needs: Need,
    procs: Int,
    unit: String,
    better: Better = .less,
    _ what: String,
  ) {
    self.name = name
    self.needs = needs
    self.procs = procs
    self.unit = unit
    self.better = better
    self.what = what
  }
}

/// In the order of their stages.
let catalogue = [
  Workload(
    "yield-2",
    needs: Need("gosched", from: "01-coroutines"),
    procs: 1,
    unit: "ns of CPU a call",
    "2 goroutines call gosched in turns",
  ),
  Workload(
    "yield-1000",
    needs: Need("gosched", from: "01-coroutines"),
    procs: 1,
    unit: "ns of CPU a call",
    "1,000 goroutines call gosched in turns",
  ),
  Workload(
    "spawn",
    needs: Need("gosched", from: "01-coroutines"),
    procs: 1,
    unit: "ns of CPU a goroutine",
    "goroutines are made, 1,000 at a time, run and end",
  ),
  Workload(
    "ping-pong-1",
    needs: Need("Channel", from: "02-channels"),
    procs: 1,
    unit: "ns of CPU a round trip",
    "2 goroutines, 2 unbuffered channels",
  ),
  Workload(
    "ping-pong-2",
    needs: Need("Channel", from: "02-channels"),
    procs: 2,
    unit: "ns a round trip",
    "the same where two goroutines may run at a time",
  ),
  Workload(
    "buffered",
    needs: Need("Channel", from: "02-channels"),
    procs: 1,
    unit: "ns of CPU a value",
    "a sender, a receiver, a channel of capacity 128",
  ),
  Workload(
    "select-2",
    needs: Need("Channel", from: "02-channels"),
    procs: 1,
    unit: "ns of CPU a value",
    "a goroutine selects of two channels, on each of which another sends",
  ),
  Workload(
    "mutex-4",
    needs: Need("GoMutex", from: "02-channels"),
    procs: 2,
    unit: "ns a lock and unlock",
    "4 goroutines lock one mutex, count, unlock it",
  ),
  Workload(
    "idle-memory",
    needs: Need("Channel", from: "02-channels"),
    procs: 1,
    unit: "bytes a goroutine",
    "10,000 goroutines that wait: memory in use, page tables included",
  ),
  Workload(
    "speed-up",
    needs: Need("procs", from: "03-global-queue"),
    procs: 2,
    unit: "times as fast",
    better: .more,
    "16 goroutines compute and yield every 50 us: two at a time against one at a time",
  ),
  Workload(
    "crowd-yield-2",
    needs: Need("procs", from: "03-global-queue"),
    procs: 2,
    unit: "ns a call",
    "64 goroutines call gosched, which puts them in the global queue",
  ),
  Workload(
    "crowd-yield-4",
    needs: Need("procs", from: "03-global-queue"),
    procs: 4,
    unit: "ns a call",
    "the same with four at a time",
  ),
  Workload(
    "crowd-pairs-2",
    needs: Need("procs", from: "03-global-queue"),
    procs: 2,
    unit: "ns a round trip",
    "32 pairs of goroutines hand a ball to and fro over channels",
  ),
  Workload(
    "crowd-pairs-4",
    needs: Need("procs", from: "03-global-queue"),
    procs: 4,
    unit: "ns a round trip",
    "the same with four at a time",
  ),
  Workload(
    "burst",
    needs: Need("procs", from: "03-global-queue"),
    procs: 2,
    unit: "% on one thread",
    "one goroutine makes 200 that compute 100 us each: the busier thread's share",
  ),
  Workload(
    "wake-up",
    needs: Need("procs", from: "03-global-queue"),
    procs: 8,
    unit: "context switches",
    "a goroutine is made and waited for, while seven more could run: for each of them",
  ),
  Workload(
    "wake-up-time",
    needs: Need("procs", from: "03-global-queue"),
    procs: 8,
    unit: "ns a goroutine",
    "how long that takes",
  ),
  Workload(
    "syscall",
    needs: Need("blocking", from: "04-syscalls"),
    procs: 1,
    unit: "ns a call",
    "a system call that is over at once, in `blocking`; nobody else wants to run",
  ),
  Workload(
    "syscall-beside",
    needs: Need("blocking", from: "04-syscalls"),
    procs: 1,
    unit: "ns a call",
    "the same while another goroutine waits for its turn, and yields when it has it",
  ),
  Workload(
    "sleepers",
    needs: Need("sleep", from: "09-timers"),
    procs: 2,
    unit: "ns of CPU a sleep",
    "10,000 goroutines sleep 1 to 20 ms, four times each",
  ),
  Workload(
    "deep-memory",
    needs: Need("sleep", from: "09-timers"),
    procs: 1,
    unit: "bytes a goroutine",
    "1,000 goroutines used 96 KB of stack once and wait: memory in use seconds later",
  ),
  Workload(
    "late-checks",
    needs: Need("sleep", from: "09-timers"),
    procs: 1,
    unit: "ms late",
    "how late one wakes from sleep(1 ms) beside a loop of 150 ms that calls the runtime",
  ),
  Workload(
    "late-loop",
    needs: Need("sleep", from: "09-timers"),
    procs: 1,
    unit: "ms late",
    "the same beside a loop that calls nothing",
  ),
  Workload(
    "echo-100",
    needs: Need("TCPListener", from: "10-netpoll"),
    procs: 2,
    unit: "ns a request",
    "100 connections to an echo server in the same process, 64 bytes to and fro",
  ),
  Workload(
    "stop-the-world",
    needs: Need("stopTheWorld", from: "13-stop-the-world"),
    procs: 2,
    unit: "ns a stop",
    "the world is stopped and started beside a loop that calls nothing",
  ),
  Workload(
    "recursion",
    needs: Need("setMaxStack", from: "14-stack-growth"),
    procs: 1,
    unit: "ns of CPU a KB",
    "a new goroutine needs 512 KB of stack, more than a fixed stack has",
  ),
]
