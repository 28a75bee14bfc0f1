// SPDX-License-Identifier: Apache-2.0
//
// Traces made by hand.

import TraceFile

@testable import TraceTool

/// A trace of these events, in microseconds.
func traced(
  _ events: [Event], texts: [String] = [], reasons: [UInt8: String] = [1: "chan receive"]
) -> TraceFile {
  var file = TraceFile(stage: 15)
  file.events = events
  file.texts = texts
  file.reasons = reasons
  for event in events where event.kind == .label {
    file.labels[event.g] = texts[Int(event.text)]
  }
  return file
}

func at(
  _ us: Int64, _ m: Int32, _ kind: Kind, g: UInt32 = nobody, arg: UInt32 = 0,
  detail: UInt8 = 0, text: Int32 = -1
) -> Event {
  Event(time: us * 1000, m: m, kind: kind, detail: detail, arg: arg, g: g, text: text)
}

let running = ProcStatus.running.rawValue
let idle = ProcStatus.idle.rawValue

/// Two Ps. G1 makes G2 and waits for it. M1 steals G2, and readies G1 in the end.
let twoPs = traced(
  [
    at(0, 0, .runBegin),
    at(0, 0, .mStart),
    at(1, 0, .procStatus, arg: 0, detail: running),
    at(2, 0, .goCreate, g: 1, arg: 1),
    at(3, 0, .goStart, g: 1, arg: 0),
    at(4, 0, .label, g: 1, text: 0),
    at(5, 0, .goCreate, g: 2, arg: 1),
    at(6, 0, .mNotify, arg: 1),
    at(10, 1, .mStart),
    at(10, 1, .spinBegin),
    at(11, 1, .procStatus, arg: 1, detail: running),
    at(12, 1, .steal, arg: 0, detail: 1),
    at(13, 1, .spinEnd),
    at(14, 1, .goStart, g: 2, arg: 0),
    at(20, 0, .goPark, g: 1, detail: 1),
    at(21, 0, .procStatus, arg: 0, detail: idle),
    at(22, 0, .mPark),
    at(30, 1, .goReady, g: 1, arg: 1),
    at(31, 1, .goExit, g: 2),
    at(32, 1, .goStart, g: 1, arg: 0),
    at(40, 1, .goExit, g: 1),
    at(41, 1, .runEnd),
  ], texts: ["main"])

/// One P. G1 goes into a system call, its P is taken, G2 gets it and is preempted.
let oneP = traced([
  at(0, 0, .runBegin),
  at(0, 0, .procStatus, arg: 0, detail: running),
  at(1, 0, .goCreate, g: 1),
  at(1, 0, .goCreate, g: 2),
  at(2, 0, .goStart, g: 1),
  at(5, 0, .syscallEnter, g: 1),
  at(9, 2, .retake, arg: 0),
  at(9, 2, .handoff, arg: 0),
  at(9, 2, .mNotify, arg: 1),
  at(11, 1, .mWake),
  at(12, 1, .procStatus, arg: 0, detail: running),
  at(13, 1, .goStart, g: 2),
  at(20, 2, .preemptRequest, g: 2, arg: 0),
  at(21, 1, .preemptHit, g: 2, detail: 1),
  at(21, 1, .goYield, g: 2),
  at(22, 1, .goStart, g: 2),
  at(23, 0, .syscallExitQueued, g: 1),
  at(24, 0, .mPark),
  at(30, 1, .pollBegin),
  at(31, 1, .pollEnd, arg: 1),
])
