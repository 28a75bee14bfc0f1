// SPDX-License-Identifier: Apache-2.0
//
// What the scheduler tells a trace.                Go: src/runtime/traceruntime.go
//
// Called where `tracing` says so, and nowhere else.

import Synchronization

/// The calling thread's M and P; -1: none.
func tracewho() -> (m: Int32, p: Int32) {
  guard let mp = getgOrNil()?[].m else { return (-1, -1) }
  return (Int32(mp[].id), mp[].p?[].id ?? -1)
}

/// The length of the calling M's queue, and of the global one times 65536.
func tracequeues() -> UInt32 {
  var local: UInt32 = 0
  if let pp = getg()[].m?[].p {
    local =
      pp[].runqtail.load(ordering: .relaxed) &- pp[].runqhead.load(ordering: .relaxed)
    if pp[].runnext.load(ordering: .relaxed) != nil { local += 1 }
  }
  let global = UInt32(max(0, sched[].runqsize.load(ordering: .relaxed)))
  return min(local, 0xffff) | min(global, 0xffff) << 16
}

/// tracerun records that a run begins, on the thread that begins it.
func tracerun() {
  traceevent(.runBegin)
  traceevent(.mStart)
  var reason: UInt8 = 0
  while let r = WaitReason(rawValue: reason) {
    tracetext(.reason, g: tracenobody, detail: reason, "\(r.text)")
    reason += 1
  }
}

/// tracestatus records a goroutine's change from old to new.
@inline(never)
func tracestatus(_ gp: GPtr, _ old: GStatus, _ new: GStatus) {
  var kind = TraceKind.goStart
  var detail: UInt8 = 0
  switch (old, new) {
  case (.dead, .runnable):
    kind = .goCreate
    gp[].tracelastp = -1
  case (.runnable, .running):
    let p = tracewho().p
    detail = gp[].tracelastp == p || gp[].tracelastp < 0 ? 0 : 1
    gp[].tracelastp = p
  case (.running, .runnable): kind = .goYield
  case (.running, .waiting):
    kind = .goPark
    detail = gp[].waitreason.rawValue
  case (.waiting, .runnable): kind = .goReady
  case (.running, .dead): kind = .goExit
  case (.running, .syscall): kind = .syscallEnter
  case (.syscall, .running): kind = .syscallExit
  case (.syscall, .runnable): kind = .syscallExitQueued
  default: return
  }
  let queues = new == .runnable || old == .runnable ? tracequeues() : 0
  traceevent(kind, g: traceid(gp), arg: queues, detail: detail)
}

func traceid(_ gp: GPtr) -> UInt32 { UInt32(truncatingIfNeeded: gp[].goid) }

/// traceproc records pp's state.
@inline(never)
func traceproc(_ pp: PPtr) {
  let status = pp[].status.load(ordering: .relaxed)
  traceevent(
    .procStatus, arg: UInt32(pp[].id), detail: UInt8(truncatingIfNeeded: status.rawValue))
}

/// tracecounters records what all Ps have counted.
@inline(never)
func tracecounters() {
  tracecounter(.spawns) { $0.spawns.load(ordering: .relaxed) }
  tracecounter(.exits) { $0.exits.load(ordering: .relaxed) }
  tracecounter(.switches) { $0.switches.load(ordering: .relaxed) }
  tracecounter(.steals) { $0.steals.load(ordering: .relaxed) }
  tracecounter(.stolen) { $0.stolen.load(ordering: .relaxed) }
  tracecounter(.handoffs) { $0.handoffs.load(ordering: .relaxed) }
}

private func tracecounter(
  _ counter: TraceCounter,
  _ read: (borrowing Counters) -> UInt64
) {
  var sum: UInt64 = 0
  for i in 0..<Int32(maxGomaxprocs) {
    guard let pp = allp[][i] else { break }
    sum += read(pp[].counters)
  }
  traceevent(
    .counter,
    g: UInt32(truncatingIfNeeded: sum >> 32),
    arg: UInt32(truncatingIfNeeded: sum),
    detail: counter.rawValue
  )
}
