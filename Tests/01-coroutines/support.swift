// SPDX-License-Identifier: Apache-2.0
//
// What every test file uses: one serialized parent suite, a test body that runs as
// the main goroutine under a deadline, and things to count with.
//
// Of Go's tests these have no counterpart: TestLFStack (no lock-free stack),
// TestFakeTime (no virtual clock), TestGoNil (a closure is never nil),
// TestSelectStackAdjust (stacks do not move), those of the zero Timer (a GoTimer is
// always made), of recover and of the collector, and signals as values (os/signal).
//
// A scheduler that has lost a goroutine hangs, and a blocked thread cannot be
// cancelled. So a thread outside the runtime watches: at the deadline it names the
// test, sends SIGQUIT, for which a runtime may print its goroutines, and ends the
// process.

import CLinux
import Synchronization
import Testing

@testable import Stage

/// The state of a runtime belongs to the process: one test at a time.
@Suite(.serialized)
enum RuntimeTests {}

/// STRESS=1 in the environment: the endurance variants.
let stress = getenv_("STRESS") != nil

/// scaled is n, or many times that in an endurance run.
func scaled(_ n: Int) -> Int { stress ? n * 20 : n }

/// A way to run goroutines: so many at a time. What it says here is what one thread can
/// do; support_threads.swift says more, in members that are preferred to these.
struct Way: OneThread {
  var procs: Int

  /// No two goroutines run at a time.
  static let inTurns = Way(procs: 1)
}

protocol OneThread {}

extension OneThread {
  /// What a test tries that does not say how many goroutines run at a time.
  static var all: [Way] { [.inTurns] }

  /// As run does.
  func run(_ main: sending @escaping () throws -> Void) throws { try Stage.run(main) }
}

/// A test of what a run does, in every way. body is the main goroutine; what it reports
/// is recorded when the run is over.
func inRun(
  within seconds: Int = 60,
  _ name: String = #function,
  sourceLocation: SourceLocation = #_sourceLocation,
  _ body: sending @escaping (Report) throws -> Void
) throws {
  let body = Shared(body)
  for way in Way.all {
    try inRun(way, within: seconds, name, sourceLocation: sourceLocation) { report in
      try body.value(report)
    }
  }
}

/// The same in one way: .inTurns where the order of goroutines is part of the test.
func inRun(
  _ way: Way,
  within seconds: Int = 60,
  _ name: String = #function,
  sourceLocation: SourceLocation = #_sourceLocation,
  _ body: sending @escaping (Report) throws -> Void
) throws {
  let report = Report()
  watchdog.begin(seconds, name)
  defer { watchdog.end() }
  try way.run { try body(report) }
  for message in report.messages {
    Issue.record(
      Comment(rawValue: "\(way.procs) at a time, \(message)"),
      sourceLocation: sourceLocation)
  }
}

/// What goroutines found wrong. Never blocks, so that it can be used anywhere.
final class Report: Sendable {
  private struct Node {
    let message: String
    var next: UnsafeMutablePointer<Node>?
  }

  /// The address of the newest node; zero: none.
  private let head = Atomic<UInt>(0)

  func check(
    _ condition: Bool,
    _ message: @autoclosure () -> String = "check failed",
    line: Int = #line
  ) {
    if condition { return }
    let node = UnsafeMutablePointer<Node>.allocate(capacity: 1)
    node.initialize(to: Node(message: "line \(line): \(message())"))
    while true {
      let next = head.load(ordering: .relaxed)
      node.pointee.next = UnsafeMutablePointer(bitPattern: next)
      // release: the node is whole before others see it.
      if head.compareExchange(
        expected: next, desired: UInt(bitPattern: node), ordering: .releasing
      ).exchanged {
        return
      }
    }
  }

  func equal<T: Equatable>(
    _ a: T, _ b: T, _ message: @autoclosure () -> String = "", line: Int = #line
  ) {
    check(a == b, "\(a) is not \(b). \(message())", line: line)
  }

  var messages: [String] {
    var result: [String] = []
    var node = UnsafeMutablePointer<Node>(bitPattern: head.load(ordering: .acquiring))
    while let n = node, result.count < 10 {
      result.append(n.pointee.message)
      node = n.pointee.next
    }
    return result
  }
}

/// An integer that goroutines share. All orderings are the strongest: a test must
/// not depend on what it does not test.
final class Counter: Sendable {
  private let n: Atomic<Int>

  init(_ n: Int = 0) { self.n = Atomic(n) }

  var value: Int {
    get { n.load(ordering: .sequentiallyConsistent) }
    set { n.store(newValue, ordering: .sequentiallyConsistent) }
  }

  @discardableResult
  func add(_ d: Int = 1) -> Int {
    n.wrappingAdd(d, ordering: .sequentiallyConsistent).newValue
  }

  func change(_ old: Int, to new: Int) -> Bool {
    n.compareExchange(
      expected: old, desired: new, ordering: .sequentiallyConsistent
    ).exchanged
  }

  /// Gives way until the value is n.
  func await(_ n: Int) { while value != n { gosched() } }

  /// Gives way until the value is n or more.
  func await(atLeast n: Int) { while value < n { gosched() } }
}

/// A place that goroutines share; the test says what protects it.
final class Shared<Value>: @unchecked Sendable {
  var value: Value
  init(_ value: Value) { self.value = value }
}

/// An object that counts how many of its kind live.
final class Tracked: Sendable {
  let live: Counter
  let id: Int

  init(_ live: Counter, _ id: Int = 0) {
    self.live = live
    self.id = id
    live.add(1)
  }

  deinit { live.add(-1) }
}

struct TestError: Error, Equatable { var id = 0 }

let watchdog = Watchdog()

final class Watchdog: Sendable {
  private let deadline = Atomic<Int64>(0)
  private let name = Atomic<UInt>(0)
  private let started = Atomic(false)

  func begin(_ seconds: Int, _ name: String) {
    let factor = getenv_("DEADLINE_FACTOR").flatMap { Int(String(cString: $0)) } ?? 1
    self.name.store(UInt(bitPattern: duplicate(name)), ordering: .sequentiallyConsistent)
    deadline.store(
      nanotime() + Int64(seconds * factor * (stress ? 20 : 1)) * 1_000_000_000,
      ordering: .sequentiallyConsistent)
    if !started.exchange(true, ordering: .sequentiallyConsistent) {
      _ = newosproc({ _ in watchdog.watch() }, nil, 256 << 10)
    }
  }

  func end() { deadline.store(0, ordering: .sequentiallyConsistent) }

  private func watch() {
    while true {
      usleep_ns(50_000_000)
      let deadline = deadline.load(ordering: .sequentiallyConsistent)
      if deadline == 0 || nanotime() < deadline { continue }
      let name = UnsafePointer<CChar>(
        bitPattern: name.load(ordering: .sequentiallyConsistent)
      ).map { String(cString: $0) }
      let text = "deadline exceeded in test \(name ?? "?"), process \(processID())\n"
      text.utf8.withContiguousStorageIfAvailable {
        _ = write_(2, $0.baseAddress!, $0.count)
      }
      raiseQuit()
      usleep_ns(10_000_000_000)
      exit_(3)
    }
  }
}

/// For the body of an exit test, which runs in a process of its own: a deadline
/// for all of it.
func exitTestDeadline(_ seconds: Int = 30, _ name: String = #function) {
  watchdog.begin(seconds, name)
}

/// What a process that ended had written to standard error.
func stderrText(_ result: ExitTest.Result?) -> String {
  String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
}

/// What a process that ended had written to standard output.
func stdoutText(_ result: ExitTest.Result?) -> String {
  String(decoding: result?.standardOutputContent ?? [], as: UTF8.self)
}

/// Writes past every buffer.
func say(_ text: String, to fd: Int32 = 1) {
  var text = text
  text.withUTF8 { _ = write_(fd, $0.baseAddress!, $0.count) }
}

/// Kilobytes that were freed and are still in use: AddressSanitizer puts freed memory
/// aside, to find who uses it.
let freedButKept = sanitized ? 256 << 10 : 0

/// A line of /proc/self/status such as VmRSS, in kilobytes.
func processStatus(_ key: String) -> Int {
  let file = contents(of: "/proc/self/status")
  for line in file.split(separator: "\n") where line.hasPrefix(key + ":") {
    return line.split(whereSeparator: { $0 == " " || $0 == "\t" })
      .dropFirst().first.flatMap { Int($0) } ?? 0
  }
  return 0
}
