// SPDX-License-Identifier: Apache-2.0
//
// What a goroutine does before it sleeps on a mutex.        Go: src/runtime/proc.go

import CLinux
import Synchronization

private let activeSpin = 4
private let activeSpinCount: UInt32 = 30

/// sync_runtime_canSpin reports whether a goroutine that wants a lock should spin
/// for the i-th time: only a few times, and only where others run, one of which may
/// hold it; more than once only if no goroutine waits for this M. To park and be
/// woken costs more than the one time, and makes others do the same: where many
/// contend, all would do nothing else.
func sync_runtime_canSpin(_ i: Int) -> Bool {
  if i >= activeSpin || ncpus <= 1 { return false }
  let idle = sched[].npidle.load(ordering: .relaxed)
  if sched[].gomaxprocs.load(ordering: .relaxed) <= idle + 1 { return false }
  return i == 0 || runqempty(getg()[].m.unsafelyUnwrapped[].p.unsafelyUnwrapped)
}

/// sync_runtime_doSpin burns a few dozen cycles.
func sync_runtime_doSpin() {
  procyield(activeSpinCount)
}
