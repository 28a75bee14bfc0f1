// SPDX-License-Identifier: Apache-2.0
//
// The background goroutine that gives memory back.
//                             Go: src/runtime/mgc.go (gcenable, bgsweep), stack.go
//
// Swift frees objects by itself; what is left to collect is the runtime's own:
// stacks that grew deep and are not used so deep, and dead goroutines kept for
// reuse beyond what is likely to be reused. The goroutine is started before the
// program's main, waits, and is run first of all when sysmon says it is due.

import CLinux
import Synchronization

/// What the collector remembers; written by it, read by sysmon.
struct Collector: ~Copyable {
  /// Its goroutine, in this run: for the end of it.
  var g: GPtr? = nil

  /// Passes that found nothing to shrink, in a row.
  let fruitless = Atomic<Int64>(0)

  /// Growths at the last pass.
  let lastgrows = Atomic<UInt64>(0)

  /// When it last noted who waits.
  let lastnoted = Atomic<Int64>(0)

  let npasses = Atomic<UInt64>(0)
}

let collector = Ptr(allocating: Collector())

/// How often waiting goroutines are noted, for dumps.
private let notePeriod: Int64 = 30_000_000_000

/// collectorworth reports whether a pass may do some good.
func collectorworth() -> Bool {
  if sched[].ending || sched[].collectorwaiting.load(ordering: .relaxed) == nil {
    return false
  }
  if stackpool[].ngrown.load(ordering: .relaxed) > 0 {
    if collector[].lastgrows.load(ordering: .relaxed)
      != stackpool[].ngrows.load(ordering: .relaxed)
    {
      return true
    }
    // Deep stacks that are in use: look again, but less and less often.
    let since = nanotime() - collector[].lastnoted.load(ordering: .relaxed)
    let n = min(collector[].fruitless.load(ordering: .relaxed), 5)
    if since > collectorPeriod << n { return true }
  }
  return gFreeExcess()
    || nanotime() - collector[].lastnoted.load(ordering: .relaxed) > notePeriod
}

private func gFreeExcess() -> Bool {
  lock(sched[].gFreeLock)
  defer { unlock(sched[].gFreeLock) }
  for c in 0..<windowClasses.count where sched[].gFree[c].size > 2 * gFreeKeep {
    return true
  }
  return false
}

/// collectornow makes the collector due and sees to it that some M notices.
func collectornow() {
  sched[].collectordue.store(true, ordering: .sequentiallyConsistent)
  startm(nil, spinning: false, lockheld: false)
}

/// wakecollector takes the collector's goroutine if it waits. Called by the M that
/// will run it.
func wakecollector() -> GPtr? {
  sched[].collectordue.store(false, ordering: .relaxed)
  guard let gp = sched[].collectorwaiting.exchange(nil, ordering: .acquiring) else {
    return nil
  }
  casgstatus(gp, .waiting, .runnable)
  return gp
}

/// Starts the collector's goroutine. Go: gcenable.
func gcenable() { collector[].g = newproc(nil, entry: bgcollect) }

/// The collector's goroutine, which the end of a run abandons where it waits: nothing
/// may be alive in this frame. Go: bgsweep.
private let bgcollect: GFunc = { raw in
  stackguard(GPtr(raw))
  while true {
    gopark(
      { gp, _ in
        // release: it is off its stack.
        sched[].collectorwaiting.store(GPtr(gp), ordering: .releasing)
        return true
      }, nil, .collectorIdle)
    collect()
  }
}

/// One pass.
func collect() {
  collector[].npasses.add(1, ordering: .relaxed)
  let now = nanotime()
  collector[].lastnoted.store(now, ordering: .relaxed)
  _ = gftrim()
  let grows = stackpool[].ngrows.load(ordering: .relaxed)
  if stackpool[].ngrown.load(ordering: .relaxed) > 0 {
    let before = stackpool[].ngrown.load(ordering: .relaxed)
    stopTheWorldG()
    for i in 0..<sched[].gomaxprocs.load(ordering: .relaxed) {
      gfpurge(allp[][i].unsafelyUnwrapped)
    }
    gfshrink()
    shrinkall()
    startTheWorldG()
    if stackpool[].ngrown.load(ordering: .relaxed) < before {
      collector[].fruitless.store(0, ordering: .relaxed)
    } else {
      collector[].fruitless.add(1, ordering: .relaxed)
    }
  }
  collector[].lastgrows.store(grows, ordering: .relaxed)
  noteWaiting(now)
}

/// Shrinks the stacks of all goroutines that do not run. The world is stopped.
private func shrinkall() {
  forEachG { gp in
    let status = gp[].atomicstatus.load(ordering: .relaxed)
    if status == .waiting || status == .runnable {
      stackshrink(gp, sp: UInt(gp[].sched.sp))
    }
  }
}

/// Notes since when goroutines wait. One that is resumed meanwhile may keep a value
/// until it is resumed again: it is for people to read.
private func noteWaiting(_ now: Int64) {
  forEachG { gp in
    if gp[].atomicstatus.load(ordering: .relaxed) == .waiting,
      gp[].waitsince.load(ordering: .relaxed) == 0
    {
      gp[].waitsince.store(now, ordering: .relaxed)
    }
  }
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
