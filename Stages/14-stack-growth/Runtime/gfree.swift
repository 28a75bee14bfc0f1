// SPDX-License-Identifier: Apache-2.0
//
// Dead Gs, and the stacks they keep.               Go: src/runtime/proc.go, stack.go
//
// A dead G keeps its stack, and is used again: from its P's own list, else from the
// global one, which Ps fill and empty by the batch. The collector gives back the
// pages of what is too many, and what deep goroutines have left.

import CLinux
import Synchronization

/// Bytes of deep stacks that dead Gs may keep, all together, for the next deep
/// goroutine; the collector takes these too, in time.
private let deepKeep: Int = 64 << 20

/// gfput puts a dead G on pp's list; half of a long list moves to the global one.
/// Executed only by the owner P.
@inline(__always)
func gfput(_ pp: PPtr, _ gp: GPtr) {
  if gp[].grown { gfputdeep(gp) }
  pp[].gFree.push(gp)
  if pp[].gFree.size < 64 { return }
  lock(sched[].gFreeLock)
  while pp[].gFree.size > 32, let gp = pp[].gFree.pop() {
    sched[].gFree[Int(gp[].stackclass)].push(gp)
  }
  sched[].gfbatches.add(1, ordering: .relaxed)
  countlarge()
  unlock(sched[].gFreeLock)
}

/// A deep stack is kept if there is room for it among those that are, else shrunk.
@inline(never)
private func gfputdeep(_ gp: GPtr) {
  let size = Int(stacktop(gp) - gp[].softlo)
  let kept = stackpool[].deepkept.add(size, ordering: .relaxed).newValue
  gp[].deepkept = true
  if kept > deepKeep { stackshrink(gp, sp: gp[].stack.hi) }
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

/// gp's stack ceases to count as kept. Before softlo changes.
func deepunkept(_ gp: GPtr) {
  gp[].deepkept = false
  stackpool[].deepkept.subtract(Int(stacktop(gp) - gp[].softlo), ordering: .relaxed)
}

/// Classes from here on are small.
private let smallWindows: UInt8 = 2

@inline(never)
private func gfexchange(_ gp: GPtr) -> GPtr {
  lock(sched[].gFreeLock)
  defer { unlock(sched[].gFreeLock) }
  guard let larger = sched[].gFree[0].pop() ?? sched[].gFree[1].pop() else { return gp }
  sched[].gFree[Int(gp[].stackclass)].push(gp)
  countlarge()
  return larger
}

/// Notes how many large windows are free. gFreeLock must be held.
private func countlarge() {
  sched[].nlargefree.store(
    sched[].gFree[0].size + sched[].gFree[1].size, ordering: .relaxed)
}

@inline(never)
private func gfgetslow(_ pp: PPtr) -> GPtr? {
  lock(sched[].gFreeLock)
  // The largest windows first: small ones are for crowds.
  for c in 0..<windowClasses.count {
    while pp[].gFree.size < 32, let gp = sched[].gFree[c].pop() { pp[].gFree.push(gp) }
  }
  countlarge()
  unlock(sched[].gFreeLock)
  return pp[].gFree.pop()
}

/// gfputglobal puts a dead G on the global list. Can be executed by any M.
func gfputglobal(_ gp: GPtr) {
  lock(sched[].gFreeLock)
  sched[].gFree[Int(gp[].stackclass)].push(gp)
  countlarge()
  unlock(sched[].gFreeLock)
}

/// gfpurge moves pp's dead Gs to the global list. Executed by the owner of P.
func gfpurge(_ pp: PPtr) {
  lock(sched[].gFreeLock)
  while let gp = pp[].gFree.pop() { sched[].gFree[Int(gp[].stackclass)].push(gp) }
  countlarge()
  unlock(sched[].gFreeLock)
}

/// Dead Gs kept on the global list with their pages.
let gFreeKeep: Int32 = 1024

/// gftrim gives back the pages of dead Gs beyond gFreeKeep; returns how many.
func gftrim() -> Int {
  var trimmed = 0
  for c in 0..<windowClasses.count {
    while true {
      var batch = GList()
      lock(sched[].gFreeLock)
      while batch.size < 64, sched[].gFree[c].size > gFreeKeep,
        let gp = sched[].gFree[c].pop()
      {
        batch.push(gp)
      }
      countlarge()
      unlock(sched[].gFreeLock)
      if batch.size == 0 { break }
      trimmed += Int(batch.size)
      while let gp = batch.pop() { windowfree(gp, UInt8(c)) }
    }
  }
  return trimmed
}

/// Gives back every page of a dead G's window, the G's own included.
private func windowfree(_ gp: GPtr, _ c: UInt8) {
  fiberDestroy(gp[].sched.fiber)
  if gp[].deepkept { deepunkept(gp) }
  if gp[].grown {
    stackpool[].ngrown.subtract(1, ordering: .relaxed)
    removeguard(gp)
  }
  let lo = UnsafeMutableRawPointer(bitPattern: gp[].stack.lo).unsafelyUnwrapped
  sys_unused(lo, Int(windowClasses[Int(c)].window))
  lock(stackpool[].lock)
  stackpool[].free[Int(c)].push(gp)
  stackpool[].nwindows -= 1
  unlock(stackpool[].lock)
}

/// The dead Gs on global lists: their deep stacks shrink. Called with the world
/// stopped.
func gfshrink() {
  lock(sched[].gFreeLock)
  for c in 0..<windowClasses.count {
    var gp = sched[].gFree[c].head
    while let g = gp {
      stackshrink(g, sp: g[].stack.hi)
      gp = g[].schedlink
    }
  }
  unlock(sched[].gFreeLock)
}
