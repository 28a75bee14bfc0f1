// SPDX-License-Identifier: Apache-2.0
//
// Ms: how threads are made.
//                                   Go: src/runtime/proc.go, src/runtime/os_linux.go
//
// Threads are made when they are needed, and then parked for reuse: to make one takes
// the kernel longer than to wake one.

import CLinux
import Synchronization

/// The M of the thread that called run.
let m0 = allocm(id: 0)

/// mReserveID counts a new M. sched.lock must be held.
func mReserveID() -> Int64 {
  assertLockHeld(sched[].lock)
  let id = sched[].mnext
  sched[].mnext += 1
  if mcount() > sched[].maxmcount {
    unlock(sched[].lock)
    fatal(
      "thread exhaustion",
      after: "runtime: program exceeds \(sched[].maxmcount)-thread limit")
  }
  return id
}

/// allocm makes an M and its g0, without a thread.
func allocm(id: Int64) -> MPtr {
  let g0 = Ptr(allocating: G())
  // The runtime is all that runs there.
  g0[].inRuntime = 1
  let rt0g = Ptr(allocating: G())
  rt0g[].inRuntime = 1
  let mp = Ptr(allocating: M(id: id, g0: g0, rt0g: rt0g))
  g0[].m = mp
  rt0g[].m = mp
  mp[].rand =
    UInt64(truncatingIfNeeded: nanotime()) ^ UInt64(id &+ 1) &* 0x9e37_79b9_7f4a_7c15
  while true {
    let head = allm[].head.load(ordering: .relaxed)
    mp[].alllink = head
    // release: an M is seen before it is found.
    if allm[].head.compareExchange(
      expected: head, desired: mp, ordering: .releasing
    ).exchanged {
      break
    }
  }
  return mp
}

/// newm makes an M with a thread that schedules with pp.
func newm(_ pp: PPtr, id: Int64) {
  let mp = allocm(id: id)
  mp[].nextp = pp
  newm1(mp)
}

func newm1(_ mp: MPtr) {
  if tracing { traceevent(.mNotify, arg: UInt32(mp[].id)) }
  let r = newosproc(mthread, mp.raw, 512 << 10)
  if r == 0 { return }
  let limit =
    r == -11 ? "\nruntime: may need to increase max user processes (ulimit -u)" : ""
  fatal(
    "newosproc",
    after: "runtime: failed to create new OS thread (have \(mcount()) already; "
      + "errno=\(-r))" + limit)
}

/// The start function of every thread.
private let mthread: @convention(c) (UnsafeMutableRawPointer?) -> Void = { raw in
  let mp = MPtr(raw.unsafelyUnwrapped)
  setg(mp[].g0)
  minit(mp)
  mp[].g0[].sched.fiber = fiberCreate(0, 0)
  asmrt0(mp[].rt0g, mp[].g0, mstart)
  fatalError("mstart returned")
}

/// The scheduler's first call on an M's stack.
let mstart: GFunc = { _ in
  let mp = getg()[].m.unsafelyUnwrapped
  if tracing { traceevent(.mStart) }
  acquirep(mp, mp[].nextp.unsafelyUnwrapped)
  mp[].nextp = nil
  schedule()
}

/// minit ties the M to the calling thread.
func minit(_ mp: MPtr) {
  mp[].errnoAddress = errno_location()
  osstack(addressOf(&mp[].g0[].stack.lo), addressOf(&mp[].g0[].stack.hi))
  mp[].accessesAddress = exclusivityhead()
  mp[].procid.store(gettid_(), ordering: .releasing)
}

/// unminit undoes it.
func unminit(_ mp: MPtr) {
  mp[].procid.store(0, ordering: .releasing)
}
