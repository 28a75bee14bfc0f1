// SPDX-License-Identifier: Apache-2.0
//
// From here on whoever blocks in the kernel lets another run.

import Stage

extension OnStage {
  static func inKernel<R>(_ body: () throws -> R) rethrows -> R { try blocking(body) }

  static func handoffs(_ c: SchedulerCounters) -> UInt64? { c.handoffs }
}
