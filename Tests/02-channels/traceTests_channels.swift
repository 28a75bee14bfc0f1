// SPDX-License-Identifier: Apache-2.0
//
// Traces of goroutines that wait for each other.

import Testing
import TraceFile

@testable import Stage

/// Goroutines that wait for each other, n of each kind; one is left waiting.
func waiting(_ n: Int) {
  let group = WaitGroup()
  let last = WaitGroup()
  let c = Channel<Int>(capacity: 2)
  let done = Channel<Void>()
  let mutex = GoMutex()
  for i in 0..<n {
    group.go { for k in 0..<5 { c.send(k) } }
    group.go { for _ in 0..<5 { _ = c.receive() } }
    last.go {
      switch i % 3 {
      case 0: try goexit()
      case 1: mutex.withLock { gosched() }
      default:
        select {
          receive(from: c) { c.send($0!) }
          receive(from: done) { _ in }
        }
      }
    }
  }
  group.wait()
  done.close()
  last.wait()
  goUntilParked { _ = Channel<Int>().receive() }
}

extension RuntimeTests.TraceTests {
  @Test func `tells who waited, and who woke it`() throws {
    var file: TraceFile
    repeat {
      file = try traced(.inTurns) { _ in
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

  @Test(arguments: Way.all)
  func `is consistent while goroutines wait for each other`(way: Way) throws {
    let n = 64
    let file = try traced(way) { _ in waiting(n) }
    let checked = check(file, bound: 1_000_000_000)
    #expect(checked.problems.isEmpty, "\(checked.problems.first!)")
    #expect(checked.counts[.goCreate, default: 0] >= 1 + n * 3 + 1)
    #expect(checked.left.map(\.reason) == ["chan receive"])
    for kind in [Kind.goStart, .goYield, .goPark, .goReady, .goExit] {
      #expect(checked.counts[kind, default: 0] > 0, "\(kind)")
    }
  }

  // The checker.

  /// A trace of goroutines that wait for each other, with events changed.
  private func planted(_ change: (inout [Event]) -> Void) throws -> [String] {
    var file = try traced(.inTurns) { _ in waiting(64) }
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
}
