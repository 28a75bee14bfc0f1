// SPDX-License-Identifier: Apache-2.0
//
// From here on there are threads.

import Stage

extension OnStage {
  static var procs: Int { gomaxprocs() }

  static func threads(_ c: SchedulerCounters) -> UInt64? { UInt64(c.threads) }
}
