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
/// Gives the P away and sleeps until somebody hands over one with it.
func stoplockedm(_ mp: MPtr) {
  if mp[].p != nil {
    let pp = releasep(mp)
    handoffp(pp)
  }
  incidlelocked(1)
  mPark(mp)
  if mp[].rundone { rundone2(mp) }
  if mp[].lockedg == nil {
    // It was abandoned with its run.
    stopm(mp)
    schedule()
  }
  let status = mp[].lockedg.unsafelyUnwrapped[].atomicstatus.load(ordering: .relaxed)
  if status != .runnable { throwFatal("stoplockedm: not runnable") }
  acquirep(mp, mp[].nextp.unsafelyUnwrapped)
  mp[].nextp = nil
}

/// startlockedm hands this M's P to the M that gp is locked to, and sleeps.
func startlockedm(_ mp: MPtr, _ gp: GPtr) {
  let other = gp[].lockedm.unsafelyUnwrapped
  if other == mp { throwFatal("startlockedm: locked to me") }
  if other[].nextp != nil { throwFatal("startlockedm: m has p") }
  incidlelocked(-1)
  other[].nextp = releasep(mp)
  if tracing { traceevent(.mNotify, arg: UInt32(other[].id)) }
  notewakeup(other[].park)
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
