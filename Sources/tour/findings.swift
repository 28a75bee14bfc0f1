// SPDX-License-Identifier: Apache-2.0
//
// What a pass over the files has seen beside the words.

/// A path as the kernel wants it: any bytes, then a zero. A String would repair
/// what is not UTF-8, and then the file would not be found.
typealias Path = [CChar]

struct Findings: Sendable, Equatable {
  /// Text files, and their bytes.
  var files = 0
  var bytes = 0
  var binary = 0
  /// Runs of letters that were too long to be words.
  var overlong = 0
  var links = 0
  /// Pipes, sockets and devices.
  var others = 0
  var failures = Failures()

  static func += (total: inout Findings, part: Findings) {
    total.files += part.files
    total.bytes += part.bytes
    total.binary += part.binary
    total.overlong += part.overlong
    total.links += part.links
    total.others += part.others
    total.failures.add(part.failures)
  }
}

/// Counts what could not be read, and keeps the first ten by path, in whatever
/// order they come.
struct Failures: Sendable, Equatable {
  struct Failure: Sendable, Equatable {
    let path: Path
    let errno: Int32
  }

  static let kept = 10

  private(set) var count = 0
  private(set) var first: [Failure] = []

  mutating func add(_ path: Path, _ errno: Int32) {
    count += 1
    keep(Failure(path: path, errno: errno))
  }

  mutating func add(_ other: Failures) {
    count += other.count
    for failure in other.first {
      keep(failure)
    }
  }

  private mutating func keep(_ failure: Failure) {
    let later = first.firstIndex { failure.path.lexicographicallyPrecedes($0.path) }
    first.insert(failure, at: later ?? first.count)
    if first.count > Failures.kept { first.removeLast() }
  }
}
