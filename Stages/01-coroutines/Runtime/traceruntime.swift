// SPDX-License-Identifier: Apache-2.0
//
// What the scheduler tells a trace.                Go: src/runtime/traceruntime.go
//
// Called where `tracing` says so, and nowhere else.

import Synchronization

/// The calling thread's M and P; -1: none.
func tracewho() -> (m: Int32, p: Int32) {
  (getgOrNil() == nil ? -1 : 0, -1)
}

/// The length of the global queue times 65536.
func tracequeues() -> UInt32 {
  let global = UInt32(sched[].runq.size)
  return min(global, 0xffff) << 16
}

/// tracerun records that a run begins, on the thread that begins it.
func tracerun() {
  traceevent(.runBegin)
  traceevent(.mStart)
}

/// tracestatus records a goroutine's change from old to new.
@inline(never)
func tracestatus(_ gp: GPtr, _ old: GStatus, _ new: GStatus) {
  var kind = TraceKind.goStart
  switch (old, new) {
  case (.dead, .runnable): kind = .goCreate
  case (.runnable, .running): kind = .goStart
  case (.running, .runnable): kind = .goYield
  case (.running, .dead): kind = .goExit
  default: return
  }
  let queues = new == .runnable || old == .runnable ? tracequeues() : 0
  traceevent(kind, g: traceid(gp), arg: queues)
}

func traceid(_ gp: GPtr) -> UInt32 { UInt32(truncatingIfNeeded: gp[].goid) }

/// tracecounters records what was counted so far.
@inline(never)
func tracecounters() {
  tracecounter(.spawns) { $0.spawns.load(ordering: .relaxed) }
  tracecounter(.exits) { $0.exits.load(ordering: .relaxed) }
  tracecounter(.switches) { $0.switches.load(ordering: .relaxed) }
}

private func tracecounter(
  _ counter: TraceCounter,
  _ read: (borrowing Counters) -> UInt64
) {
  let sum = read(sched[].counters)
  traceevent(
    .counter,
    g: UInt32(truncatingIfNeeded: sum >> 32),
    arg: UInt32(truncatingIfNeeded: sum),
    detail: counter.rawValue
  )
}
