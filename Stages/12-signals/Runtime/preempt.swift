// SPDX-License-Identifier: Apache-2.0
//
// Preemption.                                        Go: src/runtime/preempt.go
//
// A goroutine is asked to yield by poisoning its stack guard, and yields at its
// next check: every call into the runtime ends with one (exitRuntime), and a loop
// that makes none may call checkpoint().

import CLinux
import Synchronization

/// preemptone asks the goroutine that pp runs to yield. Best effort: it may have
/// been another one, and it may not be able to yield.
func preemptone(_ pp: PPtr) {
  guard let mp = pp[].m.load(ordering: .relaxed), mp != getg()[].m,
    let gp = mp[].curg.load(ordering: .relaxed), gp != mp[].g0
  else { return }
  if tracing { traceevent(.preemptRequest, g: traceid(gp), arg: UInt32(pp[].id)) }
  gp[].preempt.store(true, ordering: .relaxed)
  gp[].stackguard0.store(stackPreempt, ordering: .relaxed)
  if debug[].asyncpreemptoff { return }
  pp[].preempt.store(true, ordering: .relaxed)
  preemptM(mp)
}

/// preemptall asks all.
func preemptall() {
  for i in 0..<sched[].gomaxprocs.load(ordering: .relaxed) {
    if let pp = allp[][i], pp[].status.load(ordering: .relaxed) == .running {
      preemptone(pp)
    }
  }
}

/// newstack is where a check of the stack guard leads: yields, if that was asked
/// for and is possible here. Called in the runtime, one level deep.
@inline(never)
func newstack(_ gp: GPtr) {
  if gp[].inRuntime != 1 || !canPreemptM(gp) { return }
  if tracing { traceevent(.preemptHit, g: traceid(gp)) }
  mcall(gopreempt_m)
}

/// Whether the M that runs gp may change to another goroutine.
func canPreemptM(_ gp: GPtr) -> Bool {
  guard let mp = gp[].m, mp[].curg.load(ordering: .relaxed) == gp, mp[].locks == 0,
    let pp = mp[].p
  else { return false }
  return pp[].status.load(ordering: .relaxed) == .running
    && gp[].atomicstatus.load(ordering: .relaxed) == .running
}
