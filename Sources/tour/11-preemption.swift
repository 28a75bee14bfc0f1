// SPDX-License-Identifier: Apache-2.0
//
// From here on a goroutine is asked to yield.

import Stage

extension OnStage {
  static func preemptions(_ c: SchedulerCounters) -> UInt64? { c.preemptions }
}
