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
  pp[].gFree.push(gp)
  if pp[].gFree.size < 64 { return }
  lock(sched[].gFreeLock)
  while pp[].gFree.size > 32, let gp = pp[].gFree.pop() { gfpushglobal(gp) }
  unlock(sched[].gFreeLock)
}

/// gfget takes a dead G, or nil. Executed only by the owner P.
@inline(__always)
func gfget(_ pp: PPtr) -> GPtr? {
  guard let gp = pp[].gFree.pop() ?? gfgetslow(pp) else { return nil }
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
  sched[].gFree.push(gp)
}

/// Takes a dead G off the global list, or nil. gFreeLock must be held.
private func gfpopglobal() -> GPtr? {
  assertLockHeld(sched[].gFreeLock)
  return sched[].gFree.pop()
}
