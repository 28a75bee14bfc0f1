// SPDX-License-Identifier: Apache-2.0
//
// Dead Gs, and the stacks they keep.               Go: src/runtime/proc.go, stack.go
//
// A dead G keeps its stack, and is used again.

import CLinux
import Synchronization

/// gfputglobal puts a dead G on the global list. Can be executed by any M.
func gfputglobal(_ gp: GPtr) {
  lock(sched[].gFreeLock)
  gfpushglobal(gp)
  unlock(sched[].gFreeLock)
}

/// gfgetglobal takes a dead G, or nil. Can be executed by any M.
func gfgetglobal() -> GPtr? {
  lock(sched[].gFreeLock)
  defer { unlock(sched[].gFreeLock) }
  return gfpopglobal()
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
