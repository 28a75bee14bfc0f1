// SPDX-License-Identifier: Apache-2.0
//
// What GODEBUG prints of timers.

import Testing

extension RuntimeTests.BootTests {
  @Test func `scheddetail counts the timers of every P`() async throws {
    try await expectDetails([#"  P0: status=[0-4] .* timerslen=[0-9]+\n"#])
  }
}
