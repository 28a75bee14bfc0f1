// SPDX-License-Identifier: Apache-2.0
//
// Nobody can ever run again.                                Go: src/runtime/proc.go

import Synchronization

/// checkdead ends the process: no goroutine can ever run again. Called when the queue is
/// empty and the run is not over.
func checkdead() -> Never {
  fatal("no goroutines (main called runtime.Goexit) - deadlock!")
}
