// SPDX-License-Identifier: Apache-2.0
//
// A line on standard error, ten times a second, if that is a terminal and the
// work takes more than half a second. Anyone may add; one of them, whoever comes
// when it is time, writes.

import Glibc
import Synchronization

final class Progress: Sendable {
  private let what: String
  private let isShown = isatty(2) == 1
  private let next = Atomic<Int>(milliseconds() + 500)
  private let wasWritten = Atomic(false)
  private let files = Atomic(0)
  private let bytes = Atomic(0)

  init(_ what: String) {
    self.what = what
  }

  func add(files moreFiles: Int = 0, bytes moreBytes: Int = 0) {
    guard isShown else { return }
    files.add(moreFiles, ordering: .relaxed)
    bytes.add(moreBytes, ordering: .relaxed)
    let now = milliseconds()
    let due = next.load(ordering: .relaxed)
    if now < due { return }
    let mine = next.compareExchange(
      expected: due,
      desired: now + 100,
      ordering: .relaxed
    )
    if mine.exchanged { write() }
  }

  /// Takes the line away.
  func clear() {
    if wasWritten.load(ordering: .relaxed) { complain("\r\u{1b}[K", terminator: "") }
  }

  private func write() {
    wasWritten.store(true, ordering: .relaxed)
    let files = grouped(files.load(ordering: .relaxed))
    let megabytes = grouped(bytes.load(ordering: .relaxed) >> 20)
    complain("\r\(what): \(files) files, \(megabytes) MB\u{1b}[K", terminator: "")
  }
}

private func milliseconds() -> Int {
  var now = timespec()
  clock_gettime(CLOCK_MONOTONIC, &now)
  return now.tv_sec * 1000 + now.tv_nsec / 1_000_000
}
