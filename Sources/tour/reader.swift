// SPDX-License-Identifier: Apache-2.0
//
// Files become chunks: pieces of text that can be counted in any order, because
// no word crosses from one into the next. Small files share a chunk; a large one
// takes many, and no more than a chunk of it is in memory.

import Glibc

/// A buffer and how much of it is text. It belongs to whoever got it last: it is
/// filled, sent, counted, sent back, and filled again.
struct Chunk: @unchecked Sendable {
  static let capacity = 256 << 10
  /// A chunk this full is worth handing over.
  static let enough = 64 << 10

  /// One byte more than the capacity, for the separator at a file's end.
  let bytes: UnsafeMutablePointer<UInt8>
  var count = 0

  init() {
    bytes = .allocate(capacity: Chunk.capacity + 1)
  }

  var text: UnsafeMutableBufferPointer<UInt8> {
    UnsafeMutableBufferPointer(start: bytes, count: count)
  }

  func free() {
    bytes.deallocate()
  }
}

struct Reader {
  /// A file with a zero among its first bytes is not text.
  static let head = 8 << 10

  private(set) var findings = Findings()
  private var chunk = Chunk()

  // Of the file that is being read.

  private var fd: Int32 = -1
  private var isAtStart = true
  /// In the middle of a run of letters that is too long to be a word.
  private var isInOverlong = false

  enum Step: Equatable {
    /// The chunk is full, and the file has not ended.
    case more
    case end
    case binary
    case failed(errno: Int32)
  }

  /// Reads a file. `kernel` calls what may block in the kernel; `exchange` takes
  /// a full chunk and gives one to fill.
  mutating func read(
    _ path: Path,
    kernel: (() -> Step) -> Step,
    exchange: (Chunk) -> Chunk
  ) {
    isAtStart = true
    isInOverlong = false
    var step = Step.more
    while step == .more {
      step = kernel { advance(path) }
      if step == .more || chunk.count >= Chunk.enough {
        handOver(isCut: step == .more, exchange)
      }
    }
    switch step {
    case .more: break
    case .end: findings.files += 1
    case .binary: findings.binary += 1
    case .failed(let errno): findings.failures.add(path, errno)
    }
  }

  /// Hands over what the last file left.
  mutating func finish(exchange: (Chunk) -> Chunk) {
    handOver(isCut: false, exchange)
    chunk.free()
  }

  /// Fills the chunk from the file, which it opens before and closes after.
  private mutating func advance(_ path: Path) -> Step {
    if isAtStart {
      // Nonblocking: if a pipe has taken its place, that is an empty file.
      fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
      if fd < 0 { return .failed(errno: errno) }
    }
    let step = fill()
    if step != .more { close(fd) }
    return step
  }

  private mutating func fill() -> Step {
    let start = chunk.count
    var step = Step.more
    if isAtStart {
      isAtStart = false
      step = fill(upTo: start + Reader.head)
      if memchr(chunk.bytes + start, 0, chunk.count - start) != nil {
        chunk.count = start
        return .binary
      }
    }
    if step == .more { step = fill(upTo: Chunk.capacity) }
    findings.bytes += chunk.count - start
    if isInOverlong { blankOverlong(from: start) }
    if step != .more {
      chunk.bytes[chunk.count] = UInt8(ascii: "\n")
      chunk.count += 1
    }
    return step
  }

  private mutating func fill(upTo limit: Int) -> Step {
    while chunk.count < limit {
      let n = Glibc.read(fd, chunk.bytes + chunk.count, limit - chunk.count)
      if n == 0 { return .end }
      if n > 0 {
        chunk.count += n
      } else if errno != EINTR {
        return .failed(errno: errno)
      }
    }
    return .more
  }

  /// Overwrites what comes of a run of letters that has been found too long.
  private mutating func blankOverlong(from start: Int) {
    var i = start
    while i < chunk.count && letter(chunk.bytes[i]) != 0 {
      chunk.bytes[i] = UInt8(ascii: " ")
      i += 1
    }
    isInOverlong = i == chunk.count
  }

  /// Exchanges the chunk. If it is cut in the middle of a file, the word at its
  /// end goes into the next one, where its other part will follow.
  private mutating func handOver(isCut: Bool, _ exchange: (Chunk) -> Chunk) {
    var cut = chunk.count
    while isCut && cut > 0 && letter(chunk.bytes[cut - 1]) != 0 {
      cut -= 1
    }
    var word = Array(chunk.text[cut...])
    if word.count > longestWord {
      word = []
      isInOverlong = true
      findings.overlong += 1
    }
    chunk.count = cut
    chunk = exchange(chunk)
    for (i, byte) in word.enumerated() {
      chunk.bytes[i] = byte
    }
    chunk.count = word.count
  }
}
