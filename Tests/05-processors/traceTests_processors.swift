// SPDX-License-Identifier: Apache-2.0
//
// Traces of Ps: who holds which, who gives one away, and work beside an idle one.

import Testing
import TraceFile

@testable import Stage

/// Goroutines that leave their Ps to others.
private func lendPs() {
  let group = WaitGroup()
  for _ in 0..<32 {
    group.go {
      for _ in 0..<3 {
        blocking { sleepInKernel(milliseconds: 1) }
        gosched()
      }
    }
  }
  waiting(16)
  group.wait()
}

extension RuntimeTests.TraceTests {
  @Test(arguments: procsToTry)
  func `is consistent while Ps are given away`(procs: Int) throws {
    let file = try traced(Way(procs: procs)) { _ in lendPs() }
    let checked = check(file, bound: 1_000_000_000)
    #expect(checked.problems.isEmpty, "\(checked.problems.first!)")
    for kind in [
      Kind.goStart, .goPark, .goReady, .goExit, .syscallEnter, .procStatus, .handoff,
      .mStart, .mPark, .mWake, .mNotify,
    ] {
      #expect(checked.counts[kind, default: 0] > 0, "\(kind)")
    }
  }

  // The checker.

  /// A trace of these with events changed.
  private func planted(_ change: (inout [Event]) -> Void) throws -> [String] {
    var file = try traced(Way(procs: 2)) { _ in lendPs() }
    #expect(check(file, bound: 1_000_000_000).problems.isEmpty)
    change(&file.events)
    file.sort()
    return check(file, bound: 1_000_000_000).problems.map(\.message)
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
    let found = try planted { events in
      events.remove(at: events.firstIndex { $0.kind == .handoff }!)
    }
    #expect(found.count == 1, "\(found)")
  }

  @Test func `work that waits beside an idle P is found`() throws {
    var file = TraceFile(stage: Int(stagenumber()))
    func event(_ time: Int64, _ kind: Kind, detail: UInt8 = 0, arg: UInt32 = 0) -> Event {
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
