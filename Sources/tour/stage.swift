// SPDX-License-Identifier: Apache-2.0
//
// What the pipeline wants of a stage, as the first stages have it. A file that is named
// for a stage is compiled from that stage on (tour.sh), and says in members of OnStage,
// which are preferred to these, what there is by then.

import Stage

protocol FromTheStart {}

enum OnStage: FromTheStart {}

extension FromTheStart {
  /// How many goroutines run at a time.
  static var procs: Int { 1 }

  /// Runs what may block in the kernel.
  static func inKernel<R>(_ body: () throws -> R) rethrows -> R { try body() }

  // What the stage counts; nil: it has no such thing.

  static func threads(_ c: SchedulerCounters) -> UInt64? { 1 }
  static func handoffs(_ c: SchedulerCounters) -> UInt64? { nil }
  static func steals(_ c: SchedulerCounters) -> (times: UInt64, goroutines: UInt64)? {
    nil
  }
  static func preemptions(_ c: SchedulerCounters) -> UInt64? { nil }
  static func asyncPreemptions(_ c: SchedulerCounters) -> UInt64? { nil }
}
