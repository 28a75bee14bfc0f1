// SPDX-License-Identifier: Apache-2.0
//
// Dead Gs, and the stacks they keep.               Go: src/runtime/proc.go, stack.go
//
// A dead G keeps its stack, and is used again.

import CLinux
import Synchronization

/// gfput puts a dead G on pp's list; half of a long list moves to the global one.
/// Executed only by the owner P.
@inline(__always)
func gfput(_ pp: PPtr, _ gp: GPtr) {
  if gp[].grown { gfputdeep(gp) }
  pp[].gFree.push(gp)
  if pp[].gFree.size < 64 { return }
  lock(sched[].gFreeLock)
  while pp[].gFree.size > 32, let gp = pp[].gFree.pop() { gfpushglobal(gp) }
  sched[].gfbatches.add(1, ordering: .relaxed)
  unlock(sched[].gFreeLock)
}

/// gfget takes a dead G, or nil. Executed only by the owner P.
@inline(__always)
func gfget(_ pp: PPtr) -> GPtr? {
  guard var gp = pp[].gFree.pop() ?? gfgetslow(pp) else { return nil }
  // A crowd has left small windows behind, and large ones are free.
  if gp[].stackclass >= smallWindows, sched[].nlargefree.load(ordering: .relaxed) != 0 {
    gp = gfexchange(gp)
  }
  if gp[].deepkept { deepunkept(gp) }
  return gp
}

@inline(never)
private func gfgetslow(_ pp: PPtr) -> GPtr? {
  lock(sched[].gFreeLock)
  while pp[].gFree.size < 32, let gp = gfpopglobal() { pp[].gFree.push(gp) }
  unlock(sched[].gFreeLock)
  return pp[].gFree.pop()
}

/// gfputglobal puts a dead G on the global list. Can be executed by any M.
func gfputglobal(_ gp: GPtr) {
  lock(sched[].gFreeLock)
  gfpushglobal(gp)
  unlock(sched[].gFreeLock)
}

/// gfpurge moves pp's dead Gs to the global list. Executed by the owner of P.
func gfpurge(_ pp: PPtr) {
  lock(sched[].gFreeLock)
  while let gp = pp[].gFree.pop() { gfpushglobal(gp) }
  unlock(sched[].gFreeLock)
}

/// Puts gp on the global list. gFreeLock must be held.
func gfpushglobal(_ gp: GPtr) {
  assertLockHeld(sched[].gFreeLock)
  sched[].gFree[Int(gp[].stackclass)].push(gp)
  countlarge()
}

/// Takes a dead G off the global list, or nil. gFreeLock must be held.
private func gfpopglobal() -> GPtr? {
  assertLockHeld(sched[].gFreeLock)
  // The largest windows first: small ones are for crowds.
  for c in 0..<windowClasses.count {
    if let gp = sched[].gFree[c].pop() {
      countlarge()
      return gp
    }
  }
  return nil
}
