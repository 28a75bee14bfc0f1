// SPDX-License-Identifier: Apache-2.0

import CLinux
import Foundation
import Testing
import TraceFile

@testable import Stage

private func temporary(_ name: String) -> String {
  NSTemporaryDirectory() + "trace-\(name)-\(getpid())"
}

private func remove(_ path: String) { try? FileManager.default.removeItem(atPath: path) }

/// What is recorded of a run.
private func traced(
  procs: Int,
  _ name: String = #function,
  _ main: sending @escaping (Report) throws -> Void
) throws -> TraceFile {
  let path = temporary("run")
  defer { remove(path) }
  try traceStart(to: path)
  try inRun(procs: procs, name, main)
  traceStop()
  return try TraceFile(path: path)
}

extension TraceFile {
  /// What happened to the program's goroutines, in words.
  fileprivate var story: [String] {
    events.compactMap { event in
      if event.g == runtimeG { return nil }
      switch event.kind {
      case .goPark: return "\(event.kind) \(event.g) \(reasons[event.detail]!)"
      case .label, .spanBegin: return "\(event.kind) \(event.g) \(texts[Int(event.text)])"
      case .goCreate, .goStart, .goYield, .goReady, .goExit, .syscallEnter, .syscallExit,
        .spanEnd:
        return "\(event.kind) \(event.g)"
      default: return nil
      }
    }
  }

  fileprivate func count(_ kind: Kind) -> Int {
    events.reduce(0) { $0 + ($1.kind == kind ? 1 : 0) }
  }
}

/// Goroutines that do everything that leaves an event.
private func everything(_ t: Report) throws {
  let group = WaitGroup()
  let c = Channel<Int>(capacity: 2)
  let done = Channel<Void>()
  let mutex = GoMutex()
  for i in 0..<64 {
    group.go { for k in 0..<5 { c.send(k) } }
    group.go { for _ in 0..<5 { _ = c.receive() } }
    group.go {
      switch i % 8 {
      case 0: sleep(for: .microseconds(i))
      case 1: blocking { sleepInKernel(milliseconds: 1) }
      case 2: try goexit()
      case 3: _ = gomaxprocs(1 + i % 5)
      case 4: _ = stopTheWorld { stackDump().count }
      case 5:
        lockOSThread()
        gosched()
      case 6:
        let late = after(.microseconds(i))
        select {
          receive(from: late) { _ in }
          receive(from: done) { _ in }
        }
      default:
        mutex.lock()
        for _ in 0..<20_000 { checkUnlessSignals() }
        mutex.unlock()
      }
    }
  }
  let listener = try TCPListener()
  group.go {
    let connection = try TCPConnection(host: "127.0.0.1", port: listener.port)
    try connection.write("?")
    connection.close()
  }
  t.equal(try listener.accept().read(upTo: 1), [63])
  let deep = Channel<Int>()
  @Sendable func recurse(_ n: Int) -> Int {
    var frame = InlineArray<64, Int>(repeating: n)
    if n == 0 { return 0 }
    frame[n & 63] = 1
    return recurse(n - 1) + frame[n & 63]
  }
  go { deep.send(recurse(1000)) }
  t.equal(deep.receive(), 1000)
  group.wait()
  done.close()
  goUntilParked { _ = Channel<Int>().receive() }
}

extension RuntimeTests {
  @Suite("trace")
  struct TraceTests {
    @Test func `tells what happened to every goroutine`() throws {
      var file: TraceFile
      repeat {
        file = try traced(procs: 1) { _ in
          let c = Channel<Int>()
          go {
            traceLabel("sender")
            traceSpan("work") { c.send(1) }
          }
          _ = c.receive()
          gosched()
        }
        // On a slow machine somebody may have had to give way in the middle.
      } while file.count(.preemptHit) > 0
      #expect(
        file.story == [
          "goCreate 1", "goStart 1",
          "goCreate 2", "goPark 1 chan receive",
          "goStart 2", "label 2 sender", "spanBegin 2 work", "goReady 1", "spanEnd 2",
          "goExit 2",
          "goStart 1", "goYield 1",
          "goStart 1", "goPark 1 ",
        ])
      #expect(file.stage == Int(stagenumber()))
      #expect(file.labels == [2: "sender"])
      #expect(file.count(.runBegin) == 1)
      #expect(file.events.last?.kind == .runEnd)
    }

    @Test(arguments: procsToTry)
    func `is consistent whatever goroutines do`(procs: Int) throws {
      let file = try traced(procs: procs) { t in try everything(t) }
      let checked = check(file, bound: 1_000_000_000)
      #expect(checked.problems.isEmpty, "\(checked.problems.first!)")
      #expect(checked.runs == 1)
      // Three for each, the client, the deep one, and the one that is left.
      #expect(checked.counts[.goCreate, default: 0] >= 1 + 64 * 3 + 3)
      #expect(checked.left.map(\.reason) == ["chan receive"])
      for kind in [
        Kind.goStart, .goYield, .goPark, .goReady, .goExit, .syscallEnter, .procStatus,
        .handoff, .mStart, .mExit, .mPark, .mWake, .mNotify, .spinBegin, .spinEnd,
        .stwBegin, .stwStopped, .stwEnd, .timers, .pollBegin, .pollEnd, .stackGrow,
      ] {
        #expect(checked.counts[kind, default: 0] > 0, "\(kind)")
      }
    }

    @Test func `tells of steals`() throws {
      let file = try traced(procs: 4) { _ in
        func steals() -> UInt64 {
          (0..<4).reduce(0) {
            $0 + allp[][$1]![].counters.steals.load(ordering: .relaxed)
          }
        }
        let before = steals()
        while steals() == before {
          let group = WaitGroup()
          for _ in 0..<200 { group.go { for _ in 0..<1_000 { checkUnlessSignals() } } }
          group.wait()
        }
      }
      #expect(file.count(.steal) > 0)
      #expect(check(file, bound: 1_000_000_000).problems.isEmpty)
    }

    @Test func `tells of preemption, asked for, done and refused`() throws {
      let file = try traced(procs: 1) { _ in
        let stop = Counter()
        let group = WaitGroup()
        group.go { while stop.value == 0 { checkUnlessSignals() } }
        group.go {
          while stop.value == 0 { checkpoint() }
        }
        group.go {
          for _ in 0..<20 { gosched() }
          stop.value = 1
        }
        group.wait()
      }
      #expect(file.count(.preemptRequest) > 0)
      #expect(file.count(.preemptHit) > 0)
      #expect(check(file, bound: 1_000_000_000).problems.isEmpty)
    }

    @Test func `nothing is recorded after its end, and another one begins anew`() throws {
      let path = temporary("again")
      defer { remove(path) }
      for i in 1...3 {
        try traceStart(to: path)
        for _ in 0..<i { try run(procs: 2) { for _ in 0..<10 { gosched() } } }
        traceStop()
        let size = try Data(contentsOf: URL(fileURLWithPath: path)).count
        try run(procs: 2) { for _ in 0..<10 { gosched() } }
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)).count == size)
        let checked = check(try TraceFile(path: path), bound: 1_000_000_000)
        #expect(checked.runs == i)
        #expect(checked.problems.isEmpty, "\(checked.problems.first!)")
      }
    }

    @Test func `texts are cut at 240 bytes, and may be empty`() throws {
      let file = try traced(procs: 1) { _ in
        traceLabel(String(repeating: "x", count: 1000))
        traceSpan("") {}
        for i in 0..<10_000 { traceSpan("number \(i)") {} }
      }
      #expect(file.labels[1] == String(repeating: "x", count: 240))
      #expect(file.texts.contains(""))
      let texts = Set(file.texts)
      #expect((0..<10_000).allSatisfy { texts.contains("number \($0)") })
    }

    @Test func `a process that is killed leaves all that was recorded`() async throws {
      let path = temporary("killed")
      defer { remove(path) }
      await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
        exitTestDeadline()
        try traceStart(to: path)
        try run(procs: 2) {
          for _ in 0..<5_000 { gosched() }
          traceLabel("the last")
          kill(getpid(), SIGKILL)
          select {}
        }
      }
      let file = try TraceFile(path: path)
      #expect(file.labels == [1: "the last"])
      #expect(file.count(.goYield) >= 5_000)
      let problems = check(file, bound: 1_000_000_000).problems
      #expect(problems.isEmpty, "\(problems.first!)")
    }

    @Test func `events for which there is no space are counted`() async throws {
      let path = temporary("full")
      defer { remove(path) }
      await #expect(processExitsWith: .exitCode(0)) { [path = path as String] in
        exitTestDeadline()
        limitFileSize(300_000)
        try traceStart(to: path)
        try run(procs: 1) { for _ in 0..<20_000 { gosched() } }
        exit_(0)
      }
      let file = try TraceFile(path: path)
      #expect(file.events.count > 5_000)
      #expect(Int(file.dropped) + file.events.count > 40_000)
      #expect(check(file).problems.first!.message.contains("were dropped"))
    }

    @Test func `GOTRACE names the file`() async throws {
      let path = temporary("named")
      defer { remove(path) }
      await #expect(processExitsWith: .exitCode(0)) { [path = path as String] in
        exitTestDeadline()
        setEnvironment("GOTRACE", path)
        try run(procs: 1) {}
        try run(procs: 1) {}
        exit_(0)
      }
      #expect(check(try TraceFile(path: path)).runs == 2)
    }

    @Test func `a GOTRACE that cannot be made is named and ignored`() async {
      let result = await #expect(
        processExitsWith: .exitCode(0), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        setEnvironment("GOTRACE", "/dev/null/no")
        try run(procs: 1) {}
        exit_(0)
      }
      #expect(
        stderrText(result).contains("GOTRACE=/dev/null/no ignored: cannot be created"))
      #expect(throws: IOError(errno: ENOTDIR, operation: "traceStart /dev/null/no")) {
        try traceStart(to: "/dev/null/no")
      }
    }

    @Test func `a trace cannot begin in a run`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        try run(procs: 1) { try traceStart(to: "/dev/null") }
      }
      #expect(
        stderrText(result).contains(
          "fatal error: traceStart called while a run is in progress"))
    }

    // The checker.

    /// A trace with events changed.
    private func planted(_ change: (inout [Event]) -> Void) throws -> [String] {
      var file = try traced(procs: 2) { t in try everything(t) }
      #expect(check(file, bound: 1_000_000_000).problems.isEmpty)
      change(&file.events)
      file.sort()
      return check(file, bound: 1_000_000_000).problems.map(\.message)
    }

    @Test func `a stop that is lost is found`() throws {
      let found = try planted { events in
        events.remove(at: events.firstIndex { $0.kind == .goPark && $0.g > 1 }!)
      }
      #expect(found.first?.contains(" and starts ") == true, "\(found)")
    }

    @Test func `a goroutine readied twice is found`() throws {
      let found = try planted { events in
        var again = events[events.firstIndex { $0.kind == .goReady }!]
        again.time += 1
        events.append(again)
      }
      #expect(found.first?.contains("goReady by M") == true, "\(found)")
    }

    @Test func `a goroutine in two places is found`() throws {
      let found = try planted { events in
        var twice = events[events.firstIndex { $0.kind == .goStart && $0.g > 1 }!]
        twice.time += 1
        twice.m += 1
        events.append(twice)
      }
      #expect(found.first?.contains("is running on M") == true, "\(found)")
    }

    @Test func `a P held by two is found`() throws {
      let found = try planted { events in
        let i = events.firstIndex {
          $0.kind == .procStatus && $0.detail == ProcStatus.running.rawValue && $0.m > 0
        }!
        var twice = events[i]
        twice.time += 1
        twice.m = 77
        events.append(twice)
      }
      #expect(found.first?.contains("M77 takes P") == true, "\(found)")
    }

    @Test func `a count that is off is found`() throws {
      for kind in [Kind.handoff, .timers] {
        let found = try planted { events in
          events.remove(at: events.firstIndex { $0.kind == kind }!)
        }
        // Nobody counts timers.
        #expect(found.count == (kind == .handoff ? 1 : 0), "\(found)")
      }
    }

    @Test func `work that waits beside an idle P is found`() throws {
      var file = TraceFile(stage: 15)
      func event(_ time: Int64, _ kind: Kind, detail: UInt8 = 0, arg: UInt32 = 0) -> Event
      {
        Event(time: time, m: 0, kind: kind, detail: detail, arg: arg, g: 1)
      }
      file.events = [
        event(0, .runBegin),
        event(1, .procStatus, detail: ProcStatus.running.rawValue, arg: 0),
        event(2, .procStatus, detail: ProcStatus.idle.rawValue, arg: 1),
        event(3, .goCreate),
        event(4, .goStart),
        Event(time: 5, m: 0, kind: .goCreate, g: 2),
        // A second, and nobody was told of goroutine 2.
        event(1_000_000_006, .goExit),
      ]
      #expect(
        check(file).problems.map(\.message) == [
          "work waited, a P was idle, and nobody was about to see it, for 1000000 us"
        ])
      // Somebody was: nothing is said of how long a thread takes to wake.
      file.events.insert(event(6, .mNotify, arg: 1), at: 6)
      #expect(check(file).problems.isEmpty)
    }
  }
}
