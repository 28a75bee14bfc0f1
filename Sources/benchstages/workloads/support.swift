// SPDX-License-Identifier: Apache-2.0
//
// What the workloads share and none of them is about: a clock, a unit of work, places to
// write from goroutines.
//
// Nothing in a measured region may cost that is not the subject. Hence Slots: memory behind
// a pointer is neither counted nor checked for exclusivity.

import Glibc
import Stage
import Synchronization

/// Runs `body` as the main goroutine; GOMAXPROCS in the environment says how many run at a
/// time, on a stage where that can be more than one.
func inRun(_ body: @Sendable @escaping () throws -> Double) throws -> Double {
  let result = Slots(1, 0.0)
  try run { result[0] = try body() }
  return result[0]
}

/// Monotonic time in nanoseconds.
@inline(__always)
func now() -> Int {
  var t = timespec()
  clock_gettime(CLOCK_MONOTONIC, &t)
  return t.tv_sec &* 1_000_000_000 &+ t.tv_nsec
}

/// How many nanoseconds `body` takes.
func nanoseconds(_ body: () throws -> Void) rethrows -> Double {
  let start = now()
  try body()
  return Double(now() - start)
}

/// How many nanoseconds of processor time this process needs for `body`: for what keeps one
/// core busy, whoever else wants it.
func cpuNanoseconds(_ body: () throws -> Void) rethrows -> Double {
  let start = cpuTime()
  try body()
  return cpuTime() - start
}

/// Of all threads of this process, in nanoseconds.
func cpuTime() -> Double {
  var t = timespec()
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t)
  return Double(t.tv_sec) * 1e9 + Double(t.tv_nsec)
}

/// What this process has used so far.
func usage() -> rusage {
  var usage = rusage()
  // RUSAGE_SELF
  getrusage(0, &usage)
  return usage
}

/// A dependent chain of about 5 cycles a step: no call, no memory, so that only a signal
/// can stop it. 800 steps are about a microsecond.
@inline(never)
func work(_ steps: Int, _ seed: UInt64) -> UInt64 {
  var x = seed
  var i = 0
  while i < steps {
    x = (x ^ (x >> 31)) &* 0x9e37_79b9_7f4a_7c15
    i &+= 1
  }
  return x
}

/// Where results go that nobody reads, so that they are computed.
let sink = Slots<UInt64>(2, 0)

/// Memory that goroutines share by owning disjoint indices, or by waiting between the write
/// and the read. Never freed: a measurement is a process.
struct Slots<T>: @unchecked Sendable {
  private let base: UnsafeMutablePointer<T>

  init(_ count: Int, _ value: T) {
    base = .allocate(capacity: count)
    base.initialize(repeating: value, count: count)
  }

  subscript(i: Int) -> T {
    @inline(__always) get { base[i] }
    @inline(__always) nonmutating set { base[i] = newValue }
  }
}

final class Counter: Sendable {
  private let count = Atomic(0)

  var value: Int { count.load(ordering: .acquiring) }

  func add() { count.add(1, ordering: .acquiringAndReleasing) }
}

/// The workload's result is wrong, and the message says in what.
struct Failure: Error {
  let message: String
}

/// What this process has in use, page tables included, in bytes.
func memory() throws -> Int {
  guard let file = fopen("/proc/self/status", "r") else {
    throw Failure(message: "cannot read /proc/self/status")
  }
  defer { fclose(file) }
  var kilobytes = 0
  var line = [CChar](repeating: 0, count: 256)
  while fgets(&line, Int32(line.count), file) != nil {
    let words = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
      .split(whereSeparator: \.isWhitespace)
    if let name = words.first, ["VmRSS:", "VmPTE:"].contains(name) {
      kilobytes += Int(words[1]) ?? 0
    }
  }
  return kilobytes * 1024
}

/// An address on the caller's stack, or close to it.
@inline(never)
func here() -> UInt {
  var local: UInt8 = 0
  return withUnsafeMutablePointer(to: &local) { UInt(bitPattern: $0) }
}

/// Calls itself until its frame lies below `bottom`. What it does with the words of its
/// frame keeps the compiler from making a loop of it.
@inline(never)
func descend(to bottom: UInt, _ x: UInt64) -> UInt64 {
  var words = InlineArray<11, UInt64>(repeating: 0)
  words[Int(x & 7)] = x
  let address = withUnsafeMutablePointer(to: &words) { UInt(bitPattern: $0) }
  if address < bottom { return x }
  let below = descend(to: bottom, words[Int((x &+ 3) & 7)] &+ x &+ 1)
  return below &+ words[Int((x &+ 5) & 7)]
}
