// SPDX-License-Identifier: Apache-2.0
//
// Who runs where, and why: a trace as lanes, intervals, arrows and curves. What is
// drawn, is drawn from this; see timelineBuilder.swift for how it is found.
//
// A stint is a stretch of time in which a goroutine is on one M without a break: it
// runs, or it is in a system call. A system call ends a stint and is one of its own.
//
// Invariants:
//   Stints are in the order of their starts; those of one M do not overlap, nor do
//   those of one P but for system calls, whose P may have gone.
//   A stint's waker began before it: by < its own index.

/// How a goroutine became runnable before a stint.
public enum Cause: UInt8, CaseIterable, Sendable {
  /// The trace does not say.
  case unknown

  /// It was made.
  case created

  /// It waited, and another goroutine readied it.
  case readied

  /// It waited, and a timer was due, the network answered, or the scheduler decided.
  case timer
  case network
  case scheduler

  /// It gave way in the stint before, or came back from a system call to no P.
  case yielded
  case queued

  /// It went on at once: into a system call, or out of one.
  case entered
  case returned

  /// Whether somebody did it, so that an arrow shows whom.
  public var hasArrow: Bool { (Cause.created.rawValue...5).contains(rawValue) }
}

/// How a stint ended.
public enum Ending: UInt8, CaseIterable, Sendable {
  /// The trace ended first.
  case open

  /// It gave way: by itself, at a check, where a signal found it.
  case yielded
  case preemptedAtCheck
  case preemptedBySignal

  /// It waits; Stint.reason says for what.
  case parked
  case exited

  /// It went into a system call; came back; came back to no P.
  case entered
  case returned
  case queued

  /// The run was over.
  case abandoned

  /// The M began something else, and the trace does not say when: events are missing.
  case lost
}

public struct Stint: Sendable {
  /// Where its goroutine is in Timeline.goroutines.
  public var goroutine: Int32

  /// -1: none.
  public var m: Int32
  public var p: Int32
  public var start: Int64
  public var end: Int64

  /// It is in a system call.
  public var inCall = false
  public var ending = Ending.open

  /// For what it waits, if it parked.
  public var reason: UInt8 = 0
  public var wake: Wake
}

/// How a goroutine became runnable.
public struct Wake: Sendable {
  public var cause: Cause

  /// When; negative: the trace does not say.
  public var time: Int64

  /// The stint that did it; -1: no goroutine did.
  public var by: Int32 = -1

  /// The M that did it, and the P it held.
  public var m: Int32 = -1
  public var p: Int32 = -1

  static let unknown = Wake(cause: .unknown, time: -1)
}

public struct Goroutine: Sendable {
  /// Which of Timeline.runs it belongs to.
  public var run: Int32

  /// Its number, which is unique in its run.
  public var id: UInt32

  /// Where its name is in Timeline.texts; -1: it has none.
  public var label: Int32 = -1

  /// How and when it was made.
  public var created: Wake

  /// When it ended; negative: it did not.
  public var exited: Int64 = -1

  /// It is runnable at the end of the trace.
  public var waking: Wake?
}

public struct ProcInterval: Sendable {
  public var p: Int32
  public var start: Int64
  public var end: Int64
  public var status: ProcStatus

  /// Who holds it; -1: nobody.
  public var m: Int32

  /// The system call that its goroutine is in; -1: none.
  public var stint: Int32
}

public enum MStatus: UInt8, CaseIterable, Sendable {
  /// It runs a goroutine, or the scheduler.
  case awake

  /// It looks for work.
  case spinning

  /// It waits for the network.
  case polling

  /// Its thread sleeps.
  case parked
}

public struct MInterval: Sendable {
  public var m: Int32
  public var start: Int64
  public var end: Int64
  public var status: MStatus
}

public struct Arrow: Sendable {
  public enum Kind: UInt8, CaseIterable, Sendable {
    /// P from lost n goroutines to P to.
    case steal

    /// M from gave the P n to M to.
    case handoff

    /// M from woke M to, or made it.
    case notify
  }
  public var kind: Kind
  public var from: Int32
  public var to: Int32
  public var start: Int64
  public var end: Int64
  public var n: Int32 = 0
}

/// Something that happened at one moment.
public struct Mark: Sendable {
  public var kind: Kind
  public var time: Int64
  public var m: Int32
  public var p: Int32

  /// Where its goroutine is in Timeline.goroutines; -1: none.
  public var goroutine: Int32
  public var arg: UInt32
  public var detail: UInt8
}

/// What a program calls a part of its work.
public struct Span: Sendable {
  public var goroutine: Int32
  public var start: Int64
  public var end: Int64
  public var text: Int32

  /// How many it lies in.
  public var depth: Int32
}

/// The world stops.
public struct Stop: Sendable {
  public var begin: Int64
  public var stopped: Int64
  public var end: Int64
}

/// A number that changes: it is values[i] from times[i] on.
public struct Curve: Sendable {
  public var times: [Int64] = []
  public var values: [Int32] = []

  mutating func add(_ time: Int64, _ value: Int32) {
    if values.last == value || values.isEmpty && value == 0 { return }
    if times.last == time {
      values[values.count - 1] = value
    } else {
      times.append(time)
      values.append(value)
    }
  }
}

public struct Timeline: Sendable {
  public var stage = 0
  public var eventCount = 0
  public var dropped: UInt64 = 0

  /// The time of the last event. The first is at 0 or later.
  public var end: Int64 = 0
  public var runs: [(start: Int64, end: Int64)] = []

  /// The numbers of the Ps and Ms that did something, in order.
  public var ps: [Int32] = []
  public var ms: [Int32] = []
  public var goroutines: [Goroutine] = []
  public var stints: [Stint] = []

  /// In the order of their ends.
  public var procIntervals: [ProcInterval] = []
  public var mIntervals: [MInterval] = []

  public var arrows: [Arrow] = []
  public var marks: [Mark] = []
  public var spans: [Span] = []
  public var stops: [Stop] = []

  /// The lengths of the Ps' queues, in the order of ps, and of the global one.
  public var queues: [Curve] = []
  public var globalQueue = Curve()
  public var runnable = Curve()
  public var spinning = Curve()

  public var texts: [String] = []
  public var reasons: [UInt8: String] = [:]

  /// Stints that have an arrow from whoever made them possible.
  public func wakes(_ cause: Cause) -> Int {
    stints.count { $0.wake.cause == cause && $0.wake.cause.hasArrow && $0.wake.m >= 0 }
  }

  public func name(_ goroutine: Int32) -> String {
    let g = goroutines[Int(goroutine)]
    return g.label >= 0 ? "G\(g.id) \(texts[Int(g.label)])" : "G\(g.id)"
  }
}
