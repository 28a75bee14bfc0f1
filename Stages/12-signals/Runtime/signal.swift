// SPDX-License-Identifier: Apache-2.0
//
// Signals, and preemption by one.
//                                Go: src/runtime/signal_unix.go, preempt.go
//
// For loops that never check their stack guard, a signal: the handler makes the
// goroutine appear to have called asyncPreempt where it was interrupted. The handler
// itself never switches: the goroutine may go on on another thread, and what a signal
// does to a thread must be undone there.
//
// That is safe only where (isAsyncSafePoint):
//   the goroutine runs user code: not in the runtime (inRuntime), its M holds no
//   lock and has a running P;
//   the program counter is in the main program: a library may hold a lock, or be
//   half-way through something that belongs to the thread;
//   no return address into a library is on the stack, for the same reason;
//   no register points to thread-local storage: the address would be another
//   thread's after the switch. A register may keep such an address long after its
//   last use, so this one is waived when it has been found too often in a row.
// Elsewhere nothing is done; the guard stays poisoned, and sysmon asks again.

import CLinux
import Synchronization

/// preemptM sends the M's thread a signal, unless one is on its way.
func preemptM(_ mp: MPtr) {
  guard
    mp[].signalPending.compareExchange(
      expected: 0, desired: 1, ordering: .sequentiallyConsistent
    ).exchanged
  else { return }
  let tid = mp[].procid.load(ordering: .relaxed)
  if tid == 0 || tgkill_(tid, Int32(SIG_URG)) != 0 {
    mp[].signalPending.store(0, ordering: .relaxed)
  }
}

/// What asyncPreempt calls, with all registers saved on the goroutine's stack.
private let asyncPreempt2: @convention(c) () -> Void = {
  let gp = getg()
  gp[].inRuntime += 1
  if canPreemptM(gp) {
    bump(gp[].m.unsafelyUnwrapped[].p.unsafelyUnwrapped[].counters.asyncPreemptions)
    if tracing { traceevent(.preemptHit, g: traceid(gp), detail: 1) }
    mcall(gopreempt_m)
  }
  gp[].inRuntime -= 1
}

/// Stack that is looked at for return addresses into libraries. A goroutine that
/// is deeper yields at its checks only.
private let scanLimit: UInt = 256 << 10

/// A loop that has an address of a thread-local in a register this often, when it is
/// interrupted, does not use it.
private let tlsRefusalLimit: Int32 = 8

/// Why a goroutine that a signal found goes on.
enum Refusal: UInt8 {
  /// It does not.
  case none

  /// The M runs no goroutine, or nobody asked: the signal may be somebody else's.
  case notAsked

  /// It is in the runtime, or its M may not change to another one.
  case inRuntime

  /// It is in a library.
  case inLibrary

  /// Its stack is too deep to be looked through.
  case deep

  /// A library called it.
  case underLibrary

  /// A register may hold the address of a thread-local.
  case threadLocal

  /// No room on the stack for the registers.
  case noRoom
}

/// wantAsyncPreempt and isAsyncSafePoint, on gp's own thread in a handler.
private func isAsyncSafePoint(
  _ gp: GPtr, _ context: UnsafeMutableRawPointer
) -> Refusal {
  guard let mp = gp[].m, let pp = mp[].p, gp != mp[].g0 else { return .notAsked }
  if debug[].asyncpreemptoff { return .notAsked }
  guard gp[].preempt.load(ordering: .relaxed) || pp[].preempt.load(ordering: .relaxed)
  else { return .notAsked }
  guard gp[].inRuntime == 0, canPreemptM(gp) else { return .inRuntime }
  let pc = sigpc(context)
  let sp = sigsp(context)
  guard sp > gp[].stack.lo, sp <= gp[].stack.hi, textismain(pc) != 0 else {
    return .inLibrary
  }
  if gp[].stack.hi - sp > scanLimit { return .deep }
  // The scan is quick, may take for a return address what an earlier call left behind,
  // and does not know libraries that were loaded since; the unwind tables do.
  if textscan(sp, gp[].stack.hi) != 0 || textchanged() != 0,
    textunwind(pc, gostartAddress()) == 0
  {
    return .underLibrary
  }
  var lo: UInt = 0
  var hi: UInt = 0
  tlsrange(&lo, &hi)
  if sigregsin(context, lo, hi) != 0, mp[].tlsrefusals < tlsRefusalLimit {
    mp[].tlsrefusals += 1
    return .threadLocal
  }
  mp[].tlsrefusals = 0
  // Room for the registers, and for what saves them.
  let low = sp - asyncPreemptStack()
  if low < gp[].softlo { return .noRoom }
  return .none
}

private let sigpreempt: sighandler_ = { sig, info, context in
  if let gp = getgOrNil(), let context {
    if let mp = gp[].m {
      mp[].preemptGen &+= 1
      // Cleared first: a request that comes now sends another signal.
      mp[].signalPending.store(0, ordering: .relaxed)
    }
    let refusal = isAsyncSafePoint(gp, context)
    if refusal == .none {
      sigpushcall(context, asyncPreemptAddress())
    } else if tracing, gp[].m != nil {
      traceevent(.preemptRefused, g: traceid(gp), detail: refusal.rawValue)
    }
  }
  // The program may use the signal too.
  _ = sigfwd(sig, info, context)
}

private let sigsegv: sighandler_ = { sig, info, context in
  if let g = getgOrNil(), let info, let context, let mp = g[].m {
    let addr = sigaddr(info)
    let sp = sigsp(context)
    if let gp = mp[].curg.load(ordering: .relaxed),
      addr >= gp[].stack.lo, addr < gp[].stack.hi, gp[].stack.hi != 0
    {
      debugfault()
      stackoverflow(gp, sp: sp, fp: sigfp(context), pc: sigpc(context))
    }
    debugfault()
    let g0lo = mp[].g0[].stack.lo
    if g0lo != 0, addr < g0lo + 8192, addr + (1 << 20) > g0lo {
      throwFatal("stack overflow on a scheduler stack")
    }
  }
  if sigfwd(sig, info, context) == 0 { dieFromSignal(sig) }
}

/// A dump was asked for by SIGQUIT.
private let quitflag = Ptr(allocating: Quitflag())
private struct Quitflag: ~Copyable {
  let set = Atomic(false)
}

func quitrequested() -> Bool { quitflag[].set.load(ordering: .relaxed) }

private let sigquit: sighandler_ = { sig, info, context in
  // A handler of the program's own comes first; the Swift runtime's is replaced.
  if sigownhandler(sig) != 0, sigfwd(sig, info, context) != 0 { return }
  // sysmon prints: here nothing can be allocated.
  quitflag[].set.store(true, ordering: .relaxed)
  noteprod(sched[].sysmonnote)
}

/// Not SIG_IGN: programs that this one starts would inherit that.
private let signothing: sighandler_ = { sig, info, context in
  _ = sigfwd(sig, info, context)
}

#if arch(arm64)
  /// The end of asyncPreempt is a trap: native code has no register to jump through.
  private let sigtrap: sighandler_ = { sig, info, context in
    if let context, asyncPreemptFixup(context) { return }
    if sigfwd(sig, info, context) == 0 { dieFromSignal(sig) }
  }
#endif

/// Installs the handlers, on top of those that are there.
func initsig() {
  textinit()
  // Binds what the handler will call.
  _ = textunwind(0, 0)
  setAsyncPreempt2(asyncPreempt2)
  // The code of a standard library or a sanitizer that is linked into the program
  // cannot be told from the program's own: preemption is then by checks alone.
  if textisstatic() != 0 || sanitized { debug[].asyncpreemptoff = true }
  // A goroutine's stack may be almost full. Go: setsigstack.
  setonstack()
  _ = setsig(Int32(SIG_URG), sigpreempt)
  _ = setsig(Int32(SIG_SEGV), sigsegv)
  _ = setsig(Int32(SIG_BUS), sigsegv)
  _ = setsig(Int32(SIG_QUIT), sigquit)
  _ = setsig(Int32(SIG_PIPE), signothing)
  #if arch(arm64)
    _ = setsig(Int32(SIG_TRAP), sigtrap)
  #endif
}
