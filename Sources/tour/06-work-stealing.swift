// SPDX-License-Identifier: Apache-2.0
//
// From here on an idle P takes half of another's queue.

import Stage

extension OnStage {
  static func steals(_ c: SchedulerCounters) -> (times: UInt64, goroutines: UInt64)? {
    (c.steals, c.stolen)
  }
}
