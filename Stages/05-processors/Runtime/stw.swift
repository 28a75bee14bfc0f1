// SPDX-License-Identifier: Apache-2.0
//
// Stopping the world.                                    Go: src/runtime/proc.go
//
// The world is stopped when all goroutines but one are off their Ms, or in system
// calls, which wait at their end.

import CLinux
import Synchronization

/// stopTheWorldG stops all goroutines but the calling one, which keeps its M and
/// does not block any more: the run is over.
///
/// Every P is in gcstop then: those in use are put there by their own Ms, at the next
/// round of findRunnable; the idle ones by the M that stops.
func stopTheWorldG() {
  let mp = acquirem()
  if tracing { traceevent(.stwBegin) }
  lock(sched[].lock)
  sched[].stopwait = sched[].gomaxprocs.load(ordering: .relaxed)
  sched[].gcwaiting.store(true, ordering: .sequentiallyConsistent)
  let me = mp[].p.unsafelyUnwrapped
  me[].status.store(.gcstop, ordering: .relaxed)
  if tracing { traceproc(me) }
  sched[].stopwait -= 1
  while let pp = pidleget() {
    pp[].status.store(.gcstop, ordering: .relaxed)
    if tracing { traceproc(pp) }
    sched[].stopwait -= 1
  }
  let wait = sched[].stopwait > 0
  unlock(sched[].lock)
  if wait {
    notesleep(sched[].stopnote)
    noteclear(sched[].stopnote)
  }
  for i in 0..<sched[].gomaxprocs.load(ordering: .relaxed)
  where allp[][i].unsafelyUnwrapped[].status.load(ordering: .relaxed) != .gcstop {
    throwFatal("stopTheWorld: not stopped")
  }
  if tracing { traceevent(.stwStopped) }
}

/// gcstopm stops the M's P for a world that is to stop, and sleeps.
func gcstopm(_ mp: MPtr) {
  lock(sched[].lock)
  if !sched[].gcwaiting.load(ordering: .relaxed) {
    // It started again meanwhile.
    unlock(sched[].lock)
    return
  }
  let pp = releasep(mp)
  pp[].status.store(.gcstop, ordering: .relaxed)
  if tracing { traceproc(pp) }
  sched[].stopwait -= 1
  if sched[].stopwait == 0 { notewakeup(sched[].stopnote) }
  unlock(sched[].lock)
  stopm(mp)
}
