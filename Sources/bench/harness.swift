// SPDX-License-Identifier: Apache-2.0
//
// What every workload uses: the clock, the unit of work, places to write from
// goroutines, and the numbers of this process.
//
// Inside a measured region nothing may cost that is not the subject. Hence
// Slots: memory behind a pointer is neither counted nor checked for
// exclusivity, as a class property or a captured variable would be.

import Glibc
import Synchronization

/// What a workload measured: `n` operations in `ns` nanoseconds, and more.
struct Outcome: Sendable {
  var n: Int
  var ns: Double
  var extra: [String] = []
}

struct Workload: Sendable {
  let name: String
  /// The number of Ps; BENCH_P overrides it where it is more than one.
  let procs: Int
  /// The default N.
  let n: Int
  let what: String
  let body: @Sendable (Int) -> Outcome

  init(
    _ name: String,
    procs: Int,
    n: Int,
    _ what: String,
    _ body: @escaping @Sendable (Int) -> Outcome,
  ) {
    self.name = name
    self.procs = procs
    self.n = n
    self.what = what
    self.body = body
  }
}

let workloads = schedWorkloads + chanWorkloads + timeWorkloads

/// Monotonic time in nanoseconds.
@inline(__always)
func now() -> Int {
  var t = timespec()
  clock_gettime(CLOCK_MONOTONIC, &t)
  return t.tv_sec &* 1_000_000_000 &+ t.tv_nsec
}

/// The unit of CPU work: a dependent 64-bit mixing chain (5 cycles a step), no
/// call, no memory, so that only a signal can stop it. Not an LCG: LLVM folds
/// eight steps of one of those into one.
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

func splitmix(_ state: UInt64) -> UInt64 {
  var x = state &+ 0x9e37_79b9_7f4a_7c15
  x = (x ^ (x >> 30)) &* 0xbf58_476d_1ce4_e5b9
  x = (x ^ (x >> 27)) &* 0x94d0_49bb_1331_11eb
  return x ^ (x >> 31)
}

/// Plain memory that goroutines share by owning disjoint indices, or by a
/// channel or a WaitGroup between the write and the read. Never freed: a run
/// is a process.
struct Slots<T>: @unchecked Sendable {
  let base: UnsafeMutablePointer<T>

  init(_ count: Int, _ value: T) {
    base = .allocate(capacity: count)
    base.initialize(repeating: value, count: count)
  }

  subscript(i: Int) -> T {
    @inline(__always) get { base[i] }
    @inline(__always) nonmutating set { base[i] = newValue }
  }
}

/// Something a goroutine leaves behind for another, once.
final class Box<T>: @unchecked Sendable {
  var value: T
  init(_ value: T) { self.value = value }
}

final class Counter: Sendable {
  let value = Atomic<Int>(0)
}

final class Flag: Sendable {
  let value = Atomic<Bool>(false)
}

/// Where results go that nobody reads, so that they are computed.
let sink = Slots<UInt64>(1, 0)

// MARK: - Numbers

func milliseconds(_ ns: Int) -> Double { Double(ns) / 1e6 }

/// The p-th part of sorted values, by nearest rank.
func percentile(_ sorted: [Int], _ p: Double) -> Double {
  if sorted.isEmpty { return 0 }
  let i = Int(p * Double(sorted.count) + 0.999999) - 1
  return Double(sorted[max(0, min(i, sorted.count - 1))])
}

func fixed(_ x: Double, _ digits: Int = 3) -> String {
  guard x.isFinite, abs(x) < 1e15 else { return "\(x)" }
  var scale = 1
  for _ in 0..<digits { scale *= 10 }
  let v = Int((abs(x) * Double(scale)).rounded())
  if digits == 0 { return (x < 0 && v > 0 ? "-" : "") + String(v) }
  let fraction = String(v % scale)
  let zeros = String(repeating: "0", count: digits - fraction.count)
  return (x < 0 && v > 0 ? "-" : "") + "\(v / scale).\(zeros)\(fraction)"
}

func pair(_ key: String, _ value: Double) -> String { key + "=" + fixed(value) }
func pair(_ key: String, _ value: Int) -> String { key + "=" + String(value) }

// MARK: - The system

/// A whole file, without Foundation; empty where it cannot be read.
func contents(of path: String) -> String {
  let fd = open(path, O_RDONLY)
  if fd < 0 { return "" }
  defer { close(fd) }
  var bytes: [UInt8] = []
  let chunk = 65536
  while true {
    let had = bytes.count
    bytes.append(contentsOf: repeatElement(0, count: chunk))
    let got = bytes.withUnsafeMutableBytes { read(fd, $0.baseAddress! + had, chunk) }
    bytes.removeLast(chunk - max(0, got))
    if got <= 0 { return String(decoding: bytes, as: UTF8.self) }
  }
}

/// The number in the line `Key:  123 kB` of a file in /proc.
func kilobytes(_ path: String, _ key: String) -> Int {
  for line in contents(of: path).split(separator: "\n") where line.hasPrefix(key + ":") {
    for field in line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst() {
      if let v = Int(field) { return v }
    }
  }
  return 0
}

/// One write, so that lines of several processes do not mix.
func complain(_ text: String) {
  let bytes = Array((text + "\n").utf8)
  _ = write(2, bytes, bytes.count)
}

/// A wrong result, or a machine that cannot do it.
func fail(_ text: String) -> Never {
  complain("bench: " + text)
  exit(1)
}
