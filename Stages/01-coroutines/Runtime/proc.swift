// SPDX-License-Identifier: Apache-2.0
//
// The scheduler.                                         Go: src/runtime/proc.go
//
// A strong reference must never be live in a frame that a switch leaves for good:
// nothing unwinds it.

import CLinux
import Synchronization

// Entering the runtime.

/// enterRuntime begins a public entry point: from here to exitRuntime the goroutine is
/// in the runtime. Ends the process on a thread that is no M.
@inline(__always)
func enterRuntime(_ name: StaticString) -> GPtr {
  guard let gp = getgOrNil() else { foreignThread(name) }
  gp[].inRuntime &+= 1
  return gp
}

/// exitRuntime undoes enterRuntime.
@inline(__always)
func exitRuntime(_ gp: GPtr) {
  gp[].inRuntime &-= 1
}

@inline(never)
private func foreignThread(_ name: StaticString) -> Never {
  fatal("\(name) called on a thread that runs no goroutine; call it inside run { }")
}

// The states of a G.

/// casgstatus changes gp's status, which must be old. The owner of a status is the
/// only one to change it, so that this is a check and a store; Go, whose collector
/// may lock a status, needs the CAS.
@inline(__always)
func casgstatus(_ gp: GPtr, _ old: GStatus, _ new: GStatus) {
  if gp[].atomicstatus.load(ordering: .relaxed) != old { badgstatus() }
  if tracing { tracestatus(gp, old, new) }
  // release: whoever sees the new status sees what led to it.
  gp[].atomicstatus.store(new, ordering: .releasing)
}

@inline(never)
private func badgstatus() -> Never { throwFatal("casgstatus: bad incoming values") }

// Yielding.

/// goyield sends the current goroutine to the tail of the queue.
func goyield() {
  let gp = getg()
  casgstatus(gp, .running, .runnable)
  globrunqput(gp)
  schedule()
}

// Birth and death of goroutines.

/// newproc makes a goroutine that runs fn, and queues it. entry is its first frame; what
/// is not gomain runs fn itself.
func newproc(
  _ fn: @escaping () throws -> Void,
  entry: GFunc = gomain
) {
  let dead = gfgetglobal()
  let gp = newproc1(dead ?? malg(), fn, entry)
  globrunqput(gp)
}

@inline(__always)
private func newproc1(
  _ gp: GPtr,
  _ fn: @escaping () throws -> Void,
  _ entry: GFunc
) -> GPtr {
  gp[].startfn = fn
  gp[].inRuntime = 1
  gp[].errno = 0
  gp[].parentGoid = getg()[].goid
  gp[].epoch = sched[].epoch.load(ordering: .relaxed)
  gp[].goid = sched[].goidgen.add(1, ordering: .relaxed).newValue
  bump(sched[].counters.spawns)
  gostartcallfn(gp, gp[].stack.hi, entry)
  casgstatus(gp, .dead, .runnable)
  return gp
}

/// The first frame of a goroutine.
let gomain: GFunc = { raw in
  gorun(GPtr(raw))
  goexit0()
  fatalError("goexit0 returned")
}

/// Runs what the goroutine was made for. In a call of its own: when it returns,
/// nothing of the program's is alive in a frame that is left for good.
@inline(never)
func gorun(_ gp: GPtr) {
  let fn = gp[].startfn.take().unsafelyUnwrapped
  exitRuntime(gp)
  do {
    try fn()
  } catch {
    uncaught(error)
  }
  _ = enterRuntime("go")
}

/// goexit0 ends the calling goroutine, and does not return. Its stack is free, and is
/// used by nobody before it has left it.
func goexit0() {
  gdestroy(getg())
  schedule()
}

func gdestroy(_ gp: GPtr) {
  casgstatus(gp, .running, .dead)
  gp[].accesses = 0
  gp[].accesses2 = 0
  bump(sched[].counters.exits)
  gfputglobal(gp)
}

// Finding work.

/// schedule continues the goroutine whose turn it is; where there is none, run's
/// caller. It returns when the calling goroutine is continued.
func schedule() {
  guard let gp = globrunqget() else {
    swtch(getg(), g0)
    return
  }
  execute(gp)
}

/// execute runs gp. It returns when the calling goroutine is continued.
@inline(__always)
func execute(_ gp: GPtr) {
  casgstatus(gp, .runnable, .running)
  bump(sched[].counters.switches)
  swtch(getg(), gp)
}
