// SPDX-License-Identifier: Apache-2.0
//
// What reads a trace, and what it says of a file that is none.

import Foundation
import Testing
import TraceFile

@testable import TraceTool

@Suite("files")
struct FileTests {
  private func failure(_ data: Data) -> TraceError? {
    do {
      _ = try TraceFile(path: "some.trace", data: data)
      return nil
    } catch {
      return error as? TraceError
    }
  }

  @Test func `what is written is read`() throws {
    let file = try TraceFile(path: "", data: twoPs.encoded(chunkSize: 96))
    #expect(file.stage == 15)
    #expect(file.labels == [1: "main"])
    #expect(file.events.map(\.kind) == twoPs.events.map(\.kind))
    #expect(file.events.map(\.time) == twoPs.events.map(\.time))
  }

  /// The end of a file may be missing: that of its header is an error, and of events
  /// those are there that are whole.
  @Test func `a file that was cut anywhere is read up to there`() throws {
    let whole = twoPs.encoded(chunkSize: 128)
    var misplaced: [Int] = []
    for count in 0..<4096 {
      let offset = failure(Data(whole.prefix(count)))?.offset
      if offset != (count < 8 ? 0 : count) { misplaced.append(count) }
    }
    #expect(misplaced.isEmpty)
    for count in 4096..<whole.count {
      let file = try TraceFile(path: "", data: Data(whole.prefix(count)))
      // Each M's events are a beginning of what it recorded.
      for m in Int32(0)...1 {
        let times = file.events.filter { $0.m == m }.map(\.time)
        #expect(twoPs.events.filter { $0.m == m }.map(\.time).starts(with: times))
      }
      _ = Timeline(file)
    }
  }

  @Test func `a foreign file is no trace`() throws {
    for text in ["", "x", "\u{7f}ELF", "goroutine", String(repeating: "ab", count: 5000)]
    {
      let error = try #require(failure(Data(text.utf8)))
      #expect(error.offset == (text == "goroutine" ? 9 : 0))
      #expect("\(error)".contains("some.trace: "))
      #expect("\(error)".hasSuffix("at offset \(error.offset!)"))
      #expect(!"\(error)".contains("\n"))
    }
  }

  private func damaged(_ offset: Int, _ bytes: [UInt8]) -> Data {
    var data = twoPs.encoded()
    data.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    return data
  }

  @Test func `damage is named with its offset`() throws {
    // The version; the size of chunks; a chunk's first event; an event's kind.
    #expect(failure(damaged(8, [9]))?.offset == 8)
    #expect(failure(damaged(16, [1, 0, 0, 0]))?.offset == 16)
    #expect(failure(damaged(4096 + 6, [5]))?.offset == 4096)
    let unknown = try #require(failure(damaged(4096 + 16 + 6, [200])))
    #expect(unknown.offset == 4096 + 16)
    #expect(unknown.message == "an event of unknown kind 200")
  }

  @Test func `a text longer than its chunk is damage`() throws {
    var file = traced([at(0, 0, .label, g: 1, text: 0)], texts: ["name"])
    file.events[0].arg = 4
    var data = file.encoded()
    data.replaceSubrange(4096 + 24..<4096 + 28, with: [0xff, 0xff, 0xff, 0x7f])
    #expect(failure(data)?.offset == 4096 + 32)
  }

  /// Whatever the bytes are, there is a timeline or an error.
  @Test func `no bytes make a picture fail`() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<300 {
      var data = twoPs.encoded(chunkSize: 512)
      for _ in 0..<8 {
        let i = Int.random(in: 4096..<data.count, using: &random)
        data[i] = UInt8.random(in: 0...255, using: &random)
      }
      guard let file = try? TraceFile(path: "", data: data) else { continue }
      let line = Timeline(file)
      #expect(Columns(line).bytes.count > 0)
      let window = Window(Options(), line)
      _ = svg(Named(name: "", line: line), window)
      var text = TextTimeline(line, window, TextStyle(width: 80, color: false, rows: 0))
      while text.next() != nil {}
    }
  }
}

@Suite("command line")
struct CommandLineTests {
  private func status(_ arguments: String...) -> Int32 { command(arguments) }

  @Test func `what makes no sense has exit status 2`() {
    #expect(status() == 2)
    #expect(status("a", "b") == 2)
    #expect(status("a", "--nonsense") == 2)
    #expect(status("a", "-o") == 2)
    #expect(status("a", "--from", "2", "--to", "1") == 2)
    #expect(status("a", "--from", "soon") == 2)
    #expect(status("a", "--compare", "b") == 2)
  }

  @Test func `a file that is none has exit status 1`() {
    #expect(status("/nonexistent/file.trace") == 1)
    #expect(status(#filePath) == 1)
  }
}
