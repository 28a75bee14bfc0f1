// SPDX-License-Identifier: Apache-2.0
//
// Nobody can ever run again.                                Go: src/runtime/proc.go

import Synchronization

/// checkdead ends the process: no goroutine can ever run again. Called when the queue is
/// empty and the run is not over.
func checkdead() -> Never {
  var grunning = 0
  let epoch = sched[].epoch.load(ordering: .relaxed)
  forEachG { gp in
    if gp[].epoch != epoch { return }
    switch gp[].atomicstatus.load(ordering: .relaxed) {
    case .waiting: grunning += 1
    case .runnable, .running: throwFatal("checkdead: runnable g")
    case .idle, .dead: break
    }
  }
  if grunning == 0 {
    fatal("no goroutines (main called runtime.Goexit) - deadlock!")
  }
  fataldeadlock()
}

func fataldeadlock() -> Never {
  fatalall("all goroutines are asleep - deadlock!")
}
