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

/// tracestack records the size of gp's stack.
func tracestack(_ gp: GPtr, _ kind: TraceKind) {
  traceevent(kind, g: traceid(gp), arg: UInt32((stacktop(gp) - gp[].softlo) / pageSize))
}

/// tracecounters records what all Ps have counted: spawns, exits, switches, steals,
/// goroutines stolen, hand-offs, preemptions, preemptions by signals.
@inline(never)
func tracecounters() {
  var sums = InlineArray<8, UInt64>(repeating: 0)
  for i in 0..<Int32(maxGomaxprocs) {
    guard let pp = allp[][i] else { break }
    sums[0] += pp[].counters.spawns.load(ordering: .relaxed)
    sums[1] += pp[].counters.exits.load(ordering: .relaxed)
    sums[2] += pp[].counters.switches.load(ordering: .relaxed)
    sums[3] += pp[].counters.steals.load(ordering: .relaxed)
    sums[4] += pp[].counters.stolen.load(ordering: .relaxed)
    sums[5] += pp[].counters.handoffs.load(ordering: .relaxed)
    sums[6] += pp[].counters.preemptions.load(ordering: .relaxed)
    sums[7] += pp[].counters.asyncPreemptions.load(ordering: .relaxed)
  }
  for i in sums.indices {
    traceevent(
      .counter,
      g: UInt32(truncatingIfNeeded: sums[i] >> 32),
      arg: UInt32(truncatingIfNeeded: sums[i]),
      detail: UInt8(i)
    )
  }
}
