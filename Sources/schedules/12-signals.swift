// SPDX-License-Identifier: Apache-2.0
//
// Signals.

import Stage

extension Scenarios {
  /// A signal's moment is not ours to choose.
  static var godebug: String? { "asyncpreemptoff=1" }
}
