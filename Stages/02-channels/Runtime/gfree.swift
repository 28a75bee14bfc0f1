// SPDX-License-Identifier: Apache-2.0
//
// Dead Gs, and the stacks they keep.               Go: src/runtime/proc.go, stack.go
//
// A dead G keeps its stack, and is used again.

import CLinux
import Synchronization

/// gfputglobal puts a dead G on the global list.
func gfputglobal(_ gp: GPtr) {
  sched[].gFree.push(gp)
}

/// gfgetglobal takes a dead G, or nil.
func gfgetglobal() -> GPtr? {
  sched[].gFree.pop()
}
