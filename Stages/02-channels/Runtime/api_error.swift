// SPDX-License-Identifier: Apache-2.0
//
// Errors of the kernel's.                                   Go: src/os/error.go

import CLinux

/// What the kernel made of an operation, or what was made of it on the way there. See
/// each function for the errors that mean something of their own.
public struct IOError: Error, Equatable, Sendable, CustomStringConvertible {
  public let errno: Int32

  /// What was attempted.
  public let operation: String

  public init(errno: Int32, operation: String) {
    self.errno = errno
    self.operation = operation
  }

  public var description: String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { text in
      let words = text.baseAddress.unsafelyUnwrapped
      neterror(errno, words, text.count)
      return "\(operation): \(String(cString: words))"
    }
  }
}
