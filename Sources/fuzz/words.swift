// SPDX-License-Identifier: Apache-2.0
//
// The words of four files, whatever they are and however the kernel cuts the reads: the
// tour's fast count must be the plain one that stands here.
//
// An input is a number of cuts (the first byte, at most 15), the cuts, and the text of
// the files. In the text 0xfe begins the next file, and 0xff k d b stands for a run of
// the byte b: as long as one of the lengths that matter to the reader, and d more or
// less. So a short input makes a long file, whose words meet the ends of chunks.
// 0xfd n b stands for 64 n different words, which begin with the byte b.

import Glibc
import Wrap

@testable import TourTool

private let fileCount = 4

/// The first bytes, where a zero counts; the longest word, and what makes a chunk worth
/// handing over; a chunk.
private let lengths = [128, 8 << 10, 64 << 10, 192 << 10, 256 << 10]

/// More is not written: an input is to be over soon.
private let most = 768 << 10

private struct Input {
  var cuts: [UInt8] = []
  var files: [[UInt8]] = [[]]

  init(_ bytes: [UInt8]) {
    var rest = bytes[...]
    let count = Int((rest.popFirst() ?? 0) & 15)
    cuts = Array(rest.prefix(count))
    rest = rest.dropFirst(count)
    var size = 0
    while let byte = rest.popFirst(), size < most {
      switch byte {
      case 0xfe where files.count < fileCount:
        files.append([])
      case 0xff where rest.count >= 3:
        let length = lengths[Int(rest.removeFirst()) % lengths.count]
        let n = length + Int(Int8(bitPattern: rest.removeFirst()))
        files[files.count - 1] += repeatElement(rest.removeFirst(), count: n)
        size += n
      case 0xfd where rest.count >= 2:
        let n = 64 * Int(rest.removeFirst())
        let first = rest.removeFirst()
        for i in 0..<n { files[files.count - 1] += [first] + letters(i) }
        size += 5 * n
      default:
        files[files.count - 1].append(byte)
        size += 1
      }
    }
    while files.count < fileCount { files.append([]) }
  }
}

/// Three letters for a number, and a space.
private func letters(_ i: Int) -> [UInt8] {
  func letter(_ i: Int) -> UInt8 { UInt8(ascii: "a") + UInt8(i % 26) }
  return [letter(i), letter(i / 26), letter(i / 676), UInt8(ascii: " ")]
}

/// What is to be found in the files.
private struct PlainCount {
  var files = 0
  var bytes = 0
  var binary = 0
  var overlong = 0
  var words: [[UInt8]: Int] = [:]

  init(_ files: [[UInt8]]) {
    for file in files { add(file) }
  }

  private mutating func add(_ file: [UInt8]) {
    if file.prefix(8192).contains(0) {
      binary += 1
      return
    }
    files += 1
    bytes += file.count
    var word: [UInt8] = []
    for byte in file + [UInt8(ascii: " ")] {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), 0x80...0xff:
        word.append(byte)
      case UInt8(ascii: "A")...UInt8(ascii: "Z"):
        word.append(byte + 32)
      default:
        if word.count > 65536 {
          overlong += 1
        } else if !word.isEmpty {
          words[word, default: 0] += 1
        }
        word.removeAll(keepingCapacity: true)
      }
    }
  }
}

/// A folder of this process, for the files.
private let folder: String = {
  let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "."
  let name = "\(parent)/files-\(getpid())"
  mkdir(name, 0o777)
  return name
}()

private func path(_ i: Int) -> Path { "\(folder)/\(i)".utf8CString.map { $0 } }

private func write(_ files: [[UInt8]]) {
  for (i, file) in files.enumerated() {
    let fd = open(path(i), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    let n = file.withUnsafeBytes { Glibc.write(fd, $0.baseAddress, $0.count) }
    check(n == file.count, "cannot write \(folder)/\(i): errno \(errno)")
    close(fd)
  }
}

private let progress = Progress("fuzz")

func fuzz(_ bytes: [UInt8]) {
  let input = Input(bytes)
  write(input.files)
  let plain = PlainCount(input.files)
  input.cuts.withUnsafeBufferPointer { cuts in
    wrap_cut_reads(cuts.baseAddress, cuts.count)
    compare(countPlainly(folder.utf8CString.map { $0 }, progress), plain)
    wrap_cut_reads(cuts.baseAddress, cuts.count)
    compare(countByTurns(), plain)
    wrap_cut_reads(nil, 0)
  }
}

/// As two counters do it, each with a table and the chunks that it happens to get.
private func countByTurns() -> Count {
  var reader = Reader()
  var tables = [WordTable(), WordTable()]
  var spare = [Chunk(), Chunk()]
  func take(_ chunk: Chunk) -> Chunk {
    tables.swapAt(0, 1)
    tables[0].countWords(in: chunk.text)
    spare.append(chunk)
    return spare.removeFirst()
  }
  for i in 0..<fileCount {
    reader.read(path(i), kernel: { $0() }, exchange: take)
  }
  reader.finish(exchange: take)
  for chunk in spare { chunk.free() }
  tables[0].merge(tables[1])
  return Count(findings: reader.findings, words: tables[0])
}

private func compare(_ count: Count, _ plain: PlainCount) {
  let findings = count.findings
  check("failures", findings.failures.count, is: 0)
  check("files", findings.files, is: plain.files)
  check("bytes", findings.bytes, is: plain.bytes)
  check("binary files", findings.binary, is: plain.binary)
  check("overlong", findings.overlong + count.words.overlong, is: plain.overlong)
  check("different words", count.words.count, is: plain.words.count)
  check("words", count.words.total, is: plain.words.values.reduce(0, +))
  let sorted = plain.words.sorted { a, b in
    a.value != b.value ? a.value > b.value : a.key.lexicographicallyPrecedes(b.key)
  }
  for (found, expected) in zip(count.words.top(.max), sorted) {
    check("a word", found.word, is: expected.key)
    check("its number", found.count, is: expected.value)
  }
}
