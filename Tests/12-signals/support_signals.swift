// SPDX-License-Identifier: Apache-2.0
//
// For tests where a signal makes a goroutine yield.

@testable import Stage

/// Under a sanitizer goroutines yield at checks only: its code is part of the program,
/// and a signal could interrupt it. Tests of what signals do say so.
let signalsPreempt = !sanitized

/// In a loop that only a signal gets off its thread: the check where no signal does.
func checkUnlessSignals() { if !signalsPreempt { checkpoint() } }
