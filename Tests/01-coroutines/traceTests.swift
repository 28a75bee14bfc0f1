// SPDX-License-Identifier: Apache-2.0
//
// What a trace tells of a run.

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
func traced(
  _ way: Way,
  _ name: String = #function,
  _ main: sending @escaping (Report) throws -> Void
) throws -> TraceFile {
  let path = temporary("run")
  defer { remove(path) }
  try traceStart(to: path)
  try inRun(way, name, main)
  traceStop()
  return try TraceFile(path: path)
}

extension TraceFile {
  /// What happened to the program's goroutines, in words.
  var story: [String] {
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

  func count(_ kind: Kind) -> Int {
    events.reduce(0) { $0 + ($1.kind == kind ? 1 : 0) }
  }
}

extension RuntimeTests {
  @Suite("trace")
  struct TraceTests {
    @Test func `tells what happened to every goroutine`() throws {
      var file: TraceFile
      repeat {
        file = try traced(.inTurns) { _ in
          let ended = Counter()
          go {
            traceLabel("second")
            traceSpan("work") { gosched() }
            ended.add()
          }
          gosched()
          ended.await(1)
        }
        // On a slow machine somebody may have had to give way in the middle.
      } while file.count(.preemptHit) > 0
      #expect(
        file.story.filter { $0.split(separator: " ")[1] == "2" } == [
          "goCreate 2", "goStart 2", "label 2 second", "spanBegin 2 work", "goYield 2",
          "goStart 2", "spanEnd 2", "goExit 2",
        ])
      let main = file.story.filter { $0.split(separator: " ")[1] == "1" }
      #expect(main.prefix(4) == ["goCreate 1", "goStart 1", "goYield 1", "goStart 1"])
      // Which of the two it is when main returns, is the stage's own business.
      #expect(main.last == "goPark 1 " || main.last == "goExit 1")
      #expect(file.stage == Int(stagenumber()))
      #expect(file.labels == [2: "second"])
      #expect(file.count(.runBegin) == 1)
      #expect(file.events.last?.kind == .runEnd)
    }

    @Test(arguments: Way.all)
    func `is consistent while goroutines take turns`(way: Way) throws {
      let file = try traced(way) { _ in
        let ended = Counter()
        for i in 0..<64 {
          go {
            defer { ended.add() }
            for _ in 0..<i % 8 { gosched() }
            if i % 3 == 0 { try goexit() }
          }
        }
        ended.await(64)
      }
      let checked = check(file, bound: 1_000_000_000)
      #expect(checked.problems.isEmpty, "\(checked.problems.first!)")
      #expect(checked.runs == 1)
      #expect(checked.counts[.goCreate, default: 0] >= 1 + 64)
      #expect(checked.left.isEmpty)
      for kind in [Kind.goStart, .goYield, .goExit] {
        #expect(checked.counts[kind, default: 0] > 0, "\(kind)")
      }
    }

    @Test func `nothing is recorded after its end, and another one begins anew`() throws {
      let path = temporary("again")
      defer { remove(path) }
      for i in 1...3 {
        try traceStart(to: path)
        for _ in 0..<i { try run { for _ in 0..<10 { gosched() } } }
        traceStop()
        let size = try Data(contentsOf: URL(fileURLWithPath: path)).count
        try run { for _ in 0..<10 { gosched() } }
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)).count == size)
        let checked = check(try TraceFile(path: path), bound: 1_000_000_000)
        #expect(checked.runs == i)
        #expect(checked.problems.isEmpty, "\(checked.problems.first!)")
      }
    }

    @Test func `texts are cut at 240 bytes, and may be empty`() throws {
      let file = try traced(.inTurns) { _ in
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
        try run {
          for _ in 0..<5_000 { gosched() }
          traceLabel("the last")
          kill(getpid(), SIGKILL)
          while true { gosched() }
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
        // Nine chunks of 4,096 events, two events a turn. Each thread has a chunk.
        limitFileSize(600_000)
        try traceStart(to: path)
        try run { for _ in 0..<25_000 { gosched() } }
        exit_(0)
      }
      let file = try TraceFile(path: path)
      #expect(file.events.count > 5_000)
      #expect(Int(file.dropped) + file.events.count > 50_000)
      #expect(check(file).problems.first!.message.contains("were dropped"))
    }

    @Test func `GOTRACE names the file`() async throws {
      let path = temporary("named")
      defer { remove(path) }
      await #expect(processExitsWith: .exitCode(0)) { [path = path as String] in
        exitTestDeadline()
        setEnvironment("GOTRACE", path)
        try run {}
        try run {}
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
        try run {}
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
        try run { try traceStart(to: "/dev/null") }
      }
      #expect(
        stderrText(result).contains(
          "fatal error: traceStart called while a run is in progress"))
    }
  }
}
