// SPDX-License-Identifier: Apache-2.0
//
// Nobody can ever run again.                                Go: src/runtime/proc.go

import Synchronization

/// checkdead ends the process when no goroutine can ever run again. Called whenever
/// an M goes idle. sched.lock must be held.
func checkdead() {
  assertLockHeld(sched[].lock)
  if sched[].ending || sched[].panicking.load(ordering: .relaxed) != 0 { return }
  let run =
    mcount() - sched[].nmidle - sched[].nmidlelocked - sched[].nmsys
  if run > 0 { return }
  if run < 0 { throwFatal("checkdead: inconsistent counts") }
  var grunning = 0
  let epoch = sched[].epoch.load(ordering: .relaxed)
  forEachG { gp in
    if gp[].epoch != epoch { return }
    if gp[].issystem { return }
    switch gp[].atomicstatus.load(ordering: .relaxed) {
    case .waiting: grunning += 1
    case .runnable, .running, .syscall: throwFatal("checkdead: runnable g")
    case .idle, .dead: break
    }
  }
  if grunning == 0 {
    unlock(sched[].lock)
    fatal("no goroutines (main called runtime.Goexit) - deadlock!")
  }
  // A timer will wake somebody.
  for i in 0..<sched[].gomaxprocs.load(ordering: .relaxed)
  where !timersempty(allp[][i].unsafelyUnwrapped) { return }
  unlock(sched[].lock)
  fataldeadlock()
}

func fataldeadlock() -> Never {
  fatalall("all goroutines are asleep - deadlock!")
}
