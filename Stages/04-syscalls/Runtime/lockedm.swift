// SPDX-License-Identifier: Apache-2.0
//
// Goroutines that are locked to their threads.          Go: src/runtime/proc.go
//
// An M with a locked goroutine runs nothing else. When the goroutine is not runnable
// the M sleeps, and another runs in its place; the M that finds the goroutine in a
// queue changes places with it.
//
// Invariant:
//   gp.lockedm == mp exactly when mp.lockedg == gp.

import CLinux
import Synchronization

/// stoplockedm: this M may run only its locked goroutine, and that is not runnable.
/// The M has no place; sleeps until somebody gives it one.
func stoplockedm(_ mp: MPtr) {
  incidlelocked(1)
  mPark(mp)
  if mp[].rundone { rundone2(mp) }
  if mp[].lockedg == nil {
    // It was abandoned with its run.
    lock(sched[].lock)
    stopm(mp)
    schedule()
  }
  let status = mp[].lockedg.unsafelyUnwrapped[].atomicstatus.load(ordering: .relaxed)
  if status != .runnable { throwFatal("stoplockedm: not runnable") }
}

/// startlockedm gives this M's place to the M that gp is locked to, and sleeps.
func startlockedm(_ mp: MPtr, _ gp: GPtr) {
  let other = gp[].lockedm.unsafelyUnwrapped
  if other == mp { throwFatal("startlockedm: locked to me") }
  incidlelocked(-1)
  if tracing { traceevent(.mNotify, arg: UInt32(other[].id)) }
  notewakeup(other[].park)
  lock(sched[].lock)
  stopm(mp)
}

/// Ms that wait for their locked goroutine are as good as idle to checkdead.
func incidlelocked(_ v: Int32) {
  lock(sched[].lock)
  sched[].nmidlelocked += v
  if v > 0 { checkdead() }
  unlock(sched[].lock)
}

/// Ties the calling goroutine and its M.
func dolockOSThread() {
  let gp = getg()
  let mp = gp[].m.unsafelyUnwrapped
  mp[].lockedg = gp
  gp[].lockedm = mp
}

/// Unties them.
func dounlockOSThread() {
  let gp = getg()
  let mp = gp[].m.unsafelyUnwrapped
  mp[].lockedg = nil
  gp[].lockedm = nil
}
