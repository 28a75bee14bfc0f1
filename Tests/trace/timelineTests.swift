// SPDX-License-Identifier: Apache-2.0
//
// From events to lanes, stints and arrows.

import Testing
import TraceFile

@testable import TraceTool

@Suite("timeline")
struct TimelineTests {
  private func summary(_ line: Timeline) -> [String] {
    line.stints.map { stint in
      let g = line.goroutines[Int(stint.goroutine)].id
      return "G\(g) M\(stint.m) P\(stint.p) \(stint.start / 1000)-\(stint.end / 1000)"
        + " \(stint.inCall ? "call " : "")\(stint.ending)"
    }
  }

  @Test func `a stint is from a start to whatever ends it`() {
    #expect(
      summary(Timeline(twoPs)) == [
        "G1 M0 P0 3-20 parked", "G2 M1 P1 14-31 exited", "G1 M1 P1 32-40 exited",
      ])
    #expect(
      summary(Timeline(oneP))
        == [
          "G1 M0 P0 2-5 entered", "G1 M0 P-1 5-23 call queued",
          "G2 M1 P0 13-21 preemptedBySignal", "G2 M1 P0 22-31 open",
        ].map { $0.replacing("P-1 5", with: "P0 5") })
  }

  @Test func `who made a goroutine runnable is known`() {
    let line = Timeline(twoPs)
    #expect(line.stints.map(\.wake.cause) == [.created, .created, .readied])
    #expect(line.stints.map(\.wake.by) == [-1, 0, 1])
    #expect(line.stints.map(\.wake.time) == [2000, 5000, 30_000])
    #expect(line.goroutines[1].created.by == 0)
    #expect(line.goroutines[1].exited == 31_000)
    #expect(line.name(0) == "G1 main")
    #expect(line.name(1) == "G2")
  }

  @Test func `timers and the network wake, if no goroutine does`() {
    func cause(_ events: [Event]) -> Cause {
      let begin = [
        at(0, 0, .goCreate, g: 1), at(1, 0, .goStart, g: 1), at(2, 0, .goPark, g: 1),
      ]
      let end = [at(8, 0, .goReady, g: 1), at(9, 0, .goStart, g: 1)]
      return Timeline(traced(begin + events + end)).stints.last!.wake.cause
    }
    #expect(cause([at(3, 0, .timers, arg: 1)]) == .timer)
    #expect(cause([at(3, 0, .pollBegin), at(4, 0, .pollEnd, arg: 1)]) == .network)
    #expect(cause([]) == .scheduler)
    #expect(cause([at(3, 0, .timers), at(4, 0, .goStart, g: 2)]) == .readied)
    // Another M's timers have nothing to do with it.
    #expect(cause([at(3, 1, .timers)]) == .scheduler)
  }

  @Test func `a P is held, lent out to a system call, taken, and held again`() {
    let line = Timeline(oneP)
    #expect(
      line.procIntervals.map {
        "\($0.status) M\($0.m) \($0.start / 1000)-\($0.end / 1000)"
      }
        == ["running M0 0-5", "syscall M-1 5-9", "idle M-1 9-12", "running M1 12-31"])
    #expect(line.procIntervals[1].stint == 1)
  }

  @Test func `an M sleeps, spins and polls`() {
    func states(_ line: Timeline, _ m: Int32) -> [String] {
      line.mIntervals.filter { $0.m == m }
        .map { "\($0.status) \($0.start / 1000)-\($0.end / 1000)" }
    }
    let two = Timeline(twoPs)
    #expect(states(two, 0) == ["awake 0-22", "parked 22-41"])
    #expect(states(two, 1) == ["spinning 10-13", "awake 13-41"])
    // It slept when the trace began.
    #expect(states(Timeline(oneP), 1) == ["parked 0-11", "awake 11-31"])
  }

  @Test func `arrows are as many as there are causes`() {
    let line = Timeline(twoPs)
    #expect(line.wakes(.created) == 2)
    #expect(line.wakes(.readied) == 1)
    let arrows = line.arrows.map {
      "\($0.kind) \($0.from)>\($0.to) \($0.start / 1000)-\($0.end / 1000)"
    }
    #expect(arrows == ["notify 0>1 6-10", "steal 0>1 12-12"])
    let handed = Timeline(oneP).arrows.map {
      "\($0.kind) \($0.from)>\($0.to) \($0.start / 1000)-\($0.end / 1000) \($0.n)"
    }
    #expect(handed == ["notify 2>1 9-11 0", "handoff 2>1 9-12 0"])
  }

  @Test func `a hand-off to the idle list is no arrow`() {
    var file = oneP
    file.events.removeAll { $0.kind == .mNotify }
    #expect(!Timeline(file).arrows.contains { $0.kind == .handoff })
  }

  @Test func `curves have the lengths of queues and numbers`() {
    let line = Timeline(twoPs)
    #expect(line.runnable.times.map { $0 / 1000 } == [2, 3, 5, 14, 30, 32])
    #expect(line.runnable.values == [1, 0, 1, 0, 1, 0])
    #expect(line.spinning.values == [1, 0])
    #expect(line.queues[0].values == [1, 0, 1])
    #expect(line.queues[1].values == [1, 0])
  }

  @Test func `numbers begin anew in each run`() {
    let run = twoPs.events
    let later = run.map { event in
      var event = event
      event.time += 100_000
      return event
    }
    let line = Timeline(traced(run + later, texts: ["main"]))
    #expect(line.runs.count == 2)
    #expect(line.goroutines.map(\.run) == [0, 0, 1, 1])
    #expect(line.goroutines.map(\.id) == [1, 2, 1, 2])
    #expect(line.stints.count == 6)
  }

  @Test func `a run's end abandons what runs and what waits`() {
    let line = Timeline(
      traced([
        at(0, 0, .runBegin), at(1, 0, .goCreate, g: 1), at(1, 0, .goCreate, g: 2),
        at(2, 0, .goStart, g: 1), at(9, 0, .runEnd), at(12, 0, .mPark),
      ]))
    #expect(summary(line) == ["G1 M0 P-1 2-9 abandoned"])
    #expect(line.runnable.values.last == 0)
    #expect(line.goroutines[1].waking == nil)
  }

  /// As a crash leaves it: the last thing each did is without an end.
  @Test func `a trace that breaks off ends where it does`() {
    for count in 1..<twoPs.events.count {
      let file = traced(Array(twoPs.events.prefix(count)), texts: ["main"])
      let line = Timeline(file)
      let end = file.events.last!.time
      #expect(line.end == end)
      #expect(line.stints.allSatisfy { $0.end <= end && $0.start <= $0.end })
      #expect(line.mIntervals.allSatisfy { $0.end <= end })
    }
    let cut = Timeline(traced(Array(twoPs.events.prefix(14)), texts: ["main"]))
    #expect(cut.stints.map(\.ending) == [.open, .open])
  }

  @Test func `a goroutine that never ran is runnable to the end`() {
    let line = Timeline(
      traced([at(0, 0, .goCreate, g: 1), at(9, 0, .goCreate, g: 2)]))
    #expect(line.goroutines.map(\.waking?.time) == [0, 9000])
    #expect(line.stints.isEmpty)
  }

  @Test func `where events are missing, what is known wins`() {
    // No park of G1: it ends where its M begins G2, and G2 where another M has it.
    let line = Timeline(
      traced([
        at(0, 0, .goStart, g: 1), at(5, 0, .goStart, g: 2), at(8, 1, .goStart, g: 2),
        at(9, 1, .goExit, g: 2),
      ]))
    #expect(
      summary(line) == [
        "G1 M0 P-1 0-5 lost", "G2 M0 P-1 5-8 lost", "G2 M1 P-1 8-9 exited",
      ])
  }

  @Test func `lanes that never occur are left out`() {
    // As of a stage without Ps, and with one thread.
    let line = Timeline(
      traced([
        at(0, -1, .counter), at(0, 0, .goCreate, g: 1), at(1, 0, .goStart, g: 1),
        at(2, 0, .goExit, g: 1),
      ]))
    #expect(line.ps == [])
    #expect(line.ms == [0])
    #expect(Timeline(oneP).ms == [0, 1, 2])
  }

  @Test func `spans nest and end with their run`() {
    let line = Timeline(
      traced(
        [
          at(0, 0, .runBegin), at(0, 0, .goStart, g: 1),
          at(1, 0, .spanBegin, g: 1, text: 0),
          at(2, 0, .spanBegin, g: 1, text: 1), at(3, 0, .spanEnd, g: 1),
          at(9, 0, .runEnd),
        ], texts: ["outer", "inner"]))
    #expect(line.spans.map(\.depth) == [0, 1])
    #expect(line.spans.map { $0.end / 1000 } == [9, 3])
  }

  @Test func `whoever stops the world keeps its P`() {
    let line = Timeline(
      traced([
        at(0, 0, .procStatus, arg: 0, detail: running), at(1, 0, .goStart, g: 1),
        at(2, 0, .stwBegin), at(3, 0, .procStatus, arg: 0, detail: 3),
        at(5, 0, .stwStopped), at(6, 0, .procStatus, arg: 0, detail: running),
        at(7, 0, .stwEnd), at(9, 0, .goExit, g: 1),
      ]))
    #expect(summary(line) == ["G1 M0 P0 1-9 exited"])
    #expect(line.procIntervals.map(\.m) == [0, 0, 0])
    #expect(line.stops.map(\.stopped) == [5000])
  }
}
