// SPDX-License-Identifier: Apache-2.0
//
// What all goroutines are doing.                       Go: src/runtime/traceback.go

import CLinux
import Synchronization

/// fatalall is fatal with the traces of all goroutines.
@inline(never)
func fatalall(_ what: StaticString) -> Never {
  startpanic()
  var line = Line()
  line.put("fatal error: ")
  line.put(what)
  line.end(.standardError)
  line.end(.standardError)
  dumpgoroutines(.standardError)
  exit_(exitPanic)
}

/// Every goroutine's state and stack. Those that run on another thread at this moment
/// show no frames. Go: tracebackothers.
func dumpgoroutines(_ out: borrowing Output) {
  var line = Line()
  let epoch = sched[].epoch.load(ordering: .relaxed)
  forEachG { gp in
    let status = gp[].atomicstatus.load(ordering: .acquiring)
    if status == .dead || status == .idle { return }
    // It may end meanwhile, and another begin.
    if racyload(addressOf(&gp[].epoch)) != epoch { return }
    header(gp, out)
    if status == .syscall {
      traceback(savedfp(gp), gp, out)
    } else if status == .running {
      line.put("\tgoroutine running on other thread; stack unavailable")
      line.end(out)
    } else {
      parkedtraceback(gp, out)
    }
    line.end(out)
  }
}

/// The frames of a goroutine that does not run, from where it left off.
private func parkedtraceback(_ gp: GPtr, _ out: borrowing Output) {
  let sp = racyload(addressOf(&gp[].sched.sp))
  if sp >= racyload(addressOf(&gp[].softlo)), sp &+ 8 <= gp[].stack.hi {
    printframe(savedpc(gp, sp), out)
  }
  traceback(savedfp(gp), gp, out)
}

#if arch(x86_64)
  private func savedpc(_ gp: GPtr, _ sp: UInt) -> UInt {
    racyload(UnsafeMutablePointer<UInt>(bitPattern: sp).unsafelyUnwrapped)
  }
  private func savedfp(_ gp: GPtr) -> UInt { racyload(addressOf(&gp[].sched.rbp)) }
  private func savefp(_ gp: GPtr, _ fp: UInt) { gp[].sched.rbp = fp }
#else
  private func savedpc(_ gp: GPtr, _ sp: UInt) -> UInt {
    racyload(addressOf(&gp[].sched.lr))
  }
  private func savedfp(_ gp: GPtr) -> UInt { racyload(addressOf(&gp[].sched.x.10)) }
  private func savefp(_ gp: GPtr, _ fp: UInt) { gp[].sched.x.10 = fp }
#endif

/// Saves the frame pointer of the caller's caller in gp, as if gp were parked there.
@inline(__always)
func savecallerfp(_ gp: GPtr) {
  // A frame begins with the frame pointer of the one before.
  let frame = framePointer().unsafelyUnwrapped
  savefp(gp, frame.load(as: UInt.self))
}
