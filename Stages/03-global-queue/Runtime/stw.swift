// SPDX-License-Identifier: Apache-2.0
//
// Stopping the world.                                    Go: src/runtime/proc.go
//
// The world is stopped when all goroutines but one are off their Ms, or in system
// calls, which wait at their end.

import CLinux
import Synchronization

/// stopTheWorldG stops all goroutines but the calling one, which keeps its M and
/// does not block any more: the run is over. Their Ms find out when they next look for
/// work.
func stopTheWorldG() {
  _ = acquirem()
  if tracing { traceevent(.stwBegin) }
  lock(sched[].lock)
  sched[].gcwaiting.store(true, ordering: .sequentiallyConsistent)
  let wait = sched[].mcpu.load(ordering: .relaxed) > 1
  unlock(sched[].lock)
  if wait {
    notesleep(sched[].stopnote)
    noteclear(sched[].stopnote)
  }
  if sched[].mcpu.load(ordering: .relaxed) != 1 {
    throwFatal("stopTheWorld: not stopped")
  }
  if tracing { traceevent(.stwStopped) }
}
