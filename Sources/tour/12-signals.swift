// SPDX-License-Identifier: Apache-2.0
//
// From here on a signal makes it.

import Stage

extension OnStage {
  static func asyncPreemptions(_ c: SchedulerCounters) -> UInt64? { c.asyncPreemptions }
}
