// SPDX-License-Identifier: Apache-2.0
//
// Finding work.                                          Go: src/runtime/proc.go

import CLinux
import Synchronization

/// findRunnable finds a goroutine to run; sleeps until there is one. The M may hold
/// another P afterwards.
@inline(__always)
func findRunnable(_ mp: MPtr) -> GPtr {
  // What mostly happens: nothing is special, and the local queue has work.
  let pp = mp[].p.unsafelyUnwrapped
  if !sched[].gcwaiting.load(ordering: .relaxed),
    pp[].schedtick.load(ordering: .relaxed) % 61 != 0
  {
    if let gp = runqget(pp) { return gp }
  }
  return findRunnableSlow(mp)
}

@inline(never)
private func findRunnableSlow(_ mp: MPtr) -> GPtr {
  while true {
    if let gp = findRunnableOnce(mp) { return gp }
  }
}

/// One round, from Go's `top:`; nil: begin again.
private func findRunnableOnce(_ mp: MPtr) -> GPtr? {
  let pp = mp[].p.unsafelyUnwrapped
  // Serial tasks come first.
  if sched[].gcwaiting.load(ordering: .relaxed) {
    gcstopm(mp)
    return nil
  }

  // Every 61st time the global queue, and what is next comes last, lest two goroutines
  // that ready each other keep all others waiting for ever.
  if pp[].schedtick.load(ordering: .relaxed) % 61 == 0 {
    runqunnext(pp)
    if !globrunqempty() {
      lock(sched[].lock)
      let gp = globrunqget()
      unlock(sched[].lock)
      if let gp { return gp }
    }
  }

  if let gp = runqget(pp) { return gp }

  if !globrunqempty() {
    lock(sched[].lock)
    let gp = globrunqgetbatch(pp)
    unlock(sched[].lock)
    if let gp { return gp }
  }

  // Nothing. Give up the P.
  lock(sched[].lock)
  if sched[].gcwaiting.load(ordering: .relaxed) {
    unlock(sched[].lock)
    return nil
  }
  if sched[].runq.size != 0 {
    let gp = globrunqgetbatch(pp)
    unlock(sched[].lock)
    return gp
  }
  if releasep(mp) != pp { throwFatal("findRunnable: wrong p") }
  pidleput(pp)
  unlock(sched[].lock)

  stopm(mp)
  return nil
}
