// SPDX-License-Identifier: Apache-2.0
//
// Stacks that grow and shrink.                          Go: src/runtime/stack.go
//
// Native frames cannot be moved, so a stack grows in place: it begins with a few
// pages, and whoever runs into the guard is granted more by the SIGSEGV handler, up to
// setMaxStack or the end of the window, by moving the guard down. Go copies a stack
// to twice the room instead.
//
// Address space costs page tables, so windows are large while few goroutines live
// and small when there are many (windowClasses). A window whose pages were given back
// reads as zero, which is a G that is idle.
//
// Invariants:
//   A guard of stackguardsize lies directly below softlo.
//   stack.lo is the window's start, stackguardsize below the lowest softlo.

import CLinux
import Synchronization

/// What a goroutine may use before the fault path is asked.
let stackMin: UInt = sanitized ? 64 << 10 : 16 << 10

/// Room below the stack pointer: what a leaf keeps there, or a sanitizer's functions,
/// which hold locks of theirs (see FIBER_SLACK).
private let slack: UInt = sanitized ? fiberSlack : 4096

/// A size of window, and how many Gs there may be when one is made.
struct WindowClass: Sendable {
  let window: UInt
  let population: Int64

  /// By how many pages tops are shifted at most.
  let colours: UInt

  /// Bytes of guard: a frame larger than this can step over it. Every page of it
  /// costs 30 ns when a goroutine is made that was not there before.
  let guardsize: UInt
}

/// A window of 2 MB or more has page tables of its own, and they are what a switch
/// among a thousand goroutines waits for: the sieve with 2000 takes twice as long when
/// all its windows are large.
let windowClasses: InlineArray<5, WindowClass> = [
  WindowClass(
    window: 1 << 30,
    population: 256,
    colours: 1021,
    guardsize: 64 << 10
  ),
  WindowClass(
    window: 64 << 20,
    population: 512,
    colours: 1021,
    guardsize: 64 << 10
  ),
  WindowClass(window: 1 << 20, population: 4096, colours: 61, guardsize: 64 << 10),
  WindowClass(window: 256 << 10, population: 8192, colours: 16, guardsize: 16 << 10),
  WindowClass(window: 128 << 10, population: .max, colours: 4, guardsize: 16 << 10),
]

/// Classes from here on are small.
let smallWindows: UInt8 = 2

/// Window tops, outside the windows: their own memory is gone.
struct FreeWindows {
  var slots: UnsafeMutablePointer<GPtr>? = nil
  var n = 0
  var capacity = 0

  mutating func push(_ gp: GPtr) {
    if n == capacity {
      let bigger = UnsafeMutablePointer<GPtr>.allocate(capacity: max(64, 2 * capacity))
      if let slots {
        bigger.moveInitialize(from: slots, count: n)
        slots.deallocate()
      }
      slots = bigger
      capacity = max(64, 2 * capacity)
    }
    (slots.unsafelyUnwrapped + n).initialize(to: gp)
    n += 1
  }

  mutating func pop() -> GPtr? {
    if n == 0 { return nil }
    n -= 1
    return slots.unsafelyUnwrapped[n]
  }
}

/// The end of the page that holds the G; sizes of stacks are counted from here.
func stacktop(_ gp: GPtr) -> UInt {
  (gp[].stack.hi + gSize + pageSize - 1) & ~(pageSize - 1)
}

/// What gp may use before the fault path is asked: stackMin, or what GODEBUG=stackmin asks
/// for, as far as the window has room. Go: startingStackSize.
func startingStackSize(_ gp: GPtr) -> UInt {
  let asked = (debug[].stackmin + pageSize - 1) & ~(pageSize - 1)
  return max(stackMin, min(asked, stacktop(gp) - gp[].stack.lo - stackguardsize(gp)))
}

/// The class of window for one goroutine more, GODEBUG=stackwindow permitting.
func stackclass(_ population: Int64) -> UInt8 {
  var c = 0
  while population >= windowClasses[c].population { c += 1 }
  while c > 0, windowClasses[c].window < debug[].stackwindow { c -= 1 }
  return UInt8(c)
}

/// A window of class c, or of a smaller one where address space is short.
/// stackpool.lock must be held.
func windowalloc(_ c: UInt8) -> (GPtr, UInt8)? {
  assertLockHeld(stackpool[].lock)
  for c in c..<UInt8(windowClasses.count) {
    if let gp = stackpool[].free[Int(c)].pop() ?? windownew(c) { return (gp, c) }
  }
  return nil
}

/// stackguard puts a new stack's guard in place, before anything can overflow it. On
/// that stack itself: whoever makes many goroutines has enough to do.
@inline(never)
func stackguard(_ gp: GPtr) {
  setguard(gp, gp[].softlo)
  gp[].guarded = true
}

/// Takes away the guard below softlo.
func removeguard(_ gp: GPtr) {
  let size = stackguardsize(gp)
  let guardlo = UnsafeMutableRawPointer(bitPattern: gp[].softlo - size)
  _ = guard_remove(guardlo.unsafelyUnwrapped, Int(size))
}

enum Growth {
  case grown
  case limit(size: UInt, window: Bool)
}

/// stackgrow grants gp room for addr, and for the frame at sp. Called from the
/// fault handler, on gp's own thread and a signal stack.
func stackgrow(_ gp: GPtr, _ addr: UInt, _ sp: UInt) -> Growth {
  let top = stacktop(gp)
  let old = gp[].softlo
  let need = top - (min(addr, sp) - slack) & ~(pageSize - 1)
  var size = 2 * (top - old)
  while size < need { size *= 2 }
  let max = UInt(stackpool[].maxstacksize.load(ordering: .relaxed))
  let window = top - gp[].stack.lo - stackguardsize(gp)
  // The last step may be a smaller one.
  size = min(size, max, window)
  if size < need || size <= top - old {
    return .limit(size: min(max, window), window: window < max)
  }
  let softlo = (top - size + pageSize - 1) & ~(pageSize - 1)
  if !gp[].grown { stackpool[].ngrown.add(1, ordering: .relaxed) }
  gp[].grown = true
  stackpool[].ngrows.add(1, ordering: .relaxed)
  removeguard(gp)
  setguard(gp, softlo)
  if tracing { tracestack(gp, .stackGrow) }
  gp[].stackguard0.store(
    gp[].stackguard0.load(ordering: .relaxed) == stackPreempt ? stackPreempt : softlo,
    ordering: .relaxed)
  if size >= 4 << 20 {
    // Whole huge pages: one fault for 512.
    let from = (softlo + hugePage - 1) & ~(hugePage - 1)
    let to = old & ~(hugePage - 1)
    if from < to {
      sys_hugepage(
        UnsafeMutableRawPointer(bitPattern: from).unsafelyUnwrapped, Int(to - from))
    }
  }
  return .grown
}

private let hugePage: UInt = 2 << 20

/// stackshrink gives back what gp's stack has below its frames, if it was ever
/// let grow. The caller owns the stack.
func stackshrink(_ gp: GPtr, sp: UInt) {
  if !gp[].grown { return }
  let top = stacktop(gp)
  let old = gp[].softlo
  let least = startingStackSize(gp)
  var size = least
  while size < top - (sp - slack) { size *= 2 }
  // Half of it in use: leave it, it would only fault again.
  if 2 * size >= top - old { return }
  if gp[].deepkept { deepunkept(gp) }
  removeguard(gp)
  let softlo = top - size
  let unused = UnsafeMutableRawPointer(bitPattern: old).unsafelyUnwrapped
  sys_unused(unused, Int(softlo - old))
  setguard(gp, softlo)
  if tracing { tracestack(gp, .stackShrink) }
  if size > least { return }
  gp[].grown = false
  stackpool[].ngrown.subtract(1, ordering: .relaxed)
}

// The stacks of dead Gs.

/// Bytes of deep stacks that dead Gs may keep, all together, for the next deep
/// goroutine; the collector takes these too, in time.
private let deepKeep: Int = 64 << 20

/// A deep stack is kept if there is room for it among those that are, else shrunk.
@inline(never)
func gfputdeep(_ gp: GPtr) {
  let size = Int(stacktop(gp) - gp[].softlo)
  let kept = stackpool[].deepkept.add(size, ordering: .relaxed).newValue
  gp[].deepkept = true
  if kept > deepKeep { stackshrink(gp, sp: gp[].stack.hi) }
}

/// gp's stack ceases to count as kept. Before softlo changes.
func deepunkept(_ gp: GPtr) {
  gp[].deepkept = false
  stackpool[].deepkept.subtract(Int(stacktop(gp) - gp[].softlo), ordering: .relaxed)
}

@inline(never)
func gfexchange(_ gp: GPtr) -> GPtr {
  lock(sched[].gFreeLock)
  defer { unlock(sched[].gFreeLock) }
  guard let larger = sched[].gFree[0].pop() ?? sched[].gFree[1].pop() else { return gp }
  sched[].gFree[Int(gp[].stackclass)].push(gp)
  countlarge()
  return larger
}

/// Notes how many large windows are free. gFreeLock must be held.
func countlarge() {
  sched[].nlargefree.store(
    sched[].gFree[0].size + sched[].gFree[1].size, ordering: .relaxed)
}

/// gfgetlater is gfget once more, after others have run, if that may help.
@inline(never)
func gfgetlater(_ mp: inout MPtr) -> GPtr? {
  if !isAhead(mp) { return nil }
  releasem(mp)
  mcall(gosched_m)
  mp = acquirem()
  let dead = gfget(mp[].p.unsafelyUnwrapped)
  if dead == nil { noteEnds() }
  return dead
}

/// Whether the running goroutine is to let others go first, before a stack is made
/// that was not there before: many wait, and since they are many some have ended.
/// Go, whose stacks cost less, lets it use up its time slice.
private func isAhead(_ mp: MPtr) -> Bool {
  if sched[].runqsize.load(ordering: .relaxed) < Int32(runqSize) / 2 {
    noteEnds()
    return false
  }
  let gp = getg()
  return sched[].gfbatches.load(ordering: .relaxed)
    != sched[].gfbatchesSeen.load(ordering: .relaxed)
    && mp[].curg.load(ordering: .relaxed) == gp && gp[].lockedm == nil
    && mp[].locks == 1
    && mp[].p.unsafelyUnwrapped[].status.load(ordering: .relaxed) == .running
}

/// From now on only goroutines that end later count as a reason to wait.
private func noteEnds() {
  sched[].gfbatchesSeen.store(
    sched[].gfbatches.load(ordering: .relaxed), ordering: .relaxed)
}
