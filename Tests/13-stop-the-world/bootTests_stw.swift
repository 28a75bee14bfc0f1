// SPDX-License-Identifier: Apache-2.0
//
// What GODEBUG prints of a stopped world.

import Testing

extension RuntimeTests.BootTests {
  @Test func `scheddetail tells whether the world is to stop`() async throws {
    try await expectDetails([
      #"SCHED [0-9]+ms: .* gcwaiting=(true|false) .*stopwait=[0-9]+ .*\n"#
    ])
  }
}
