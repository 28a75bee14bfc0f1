// SPDX-License-Identifier: Apache-2.0
//
// The pictures: text, SVG, JSON, and the numbers in the page.

import Foundation
import Testing
import TraceFile

@testable import TraceTool

@Suite("pictures")
struct PictureTests {
  private func named(_ file: TraceFile) -> Named {
    Named(name: "small", line: Timeline(file))
  }

  private func lines(
    _ file: TraceFile, width: Int = 100, rows: Int = 0, color: Bool = false,
    _ options: Options = Options()
  ) throws -> [String] {
    var result: [String] = []
    let trace = named(file)
    let style = TextStyle(width: width, color: color, rows: rows)
    try textLines(trace, Window(options, trace.line), style) { result.append($0) }
    return result
  }

  private func split(_ text: String) -> [String] { text.components(separatedBy: "\n") }

  @Test func `text has a line for each stint`() throws {
    #expect(
      try lines(twoPs)
        == split(
          """
          small: stage 15, 22 events in 41.0 us; 2 Ps, 2 Ms, 2 goroutines
              time/us  P01  goroutine      runnable        ran  because                then
                  3.0   *.  G1 main         1.00 us    17.0 us  made by the runtime    chan receive
                 12.0   |<  -- P1 steals 1 goroutine from P0
                 14.0   |*  G2              9.00 us    17.0 us  made by G1 main        ends
                 32.0   .*  G1 main         2.00 us    8.00 us  woken by G2            ends
          """))
    #expect(
      try lines(oneP)
        == split(
          """
          small: stage 15, 20 events in 31.0 us; 1 P, 3 Ms, 2 goroutines
              time/us  P0  goroutine      runnable        ran  because                 then
                  2.0   *  G1              1.00 us    3.00 us  made by the runtime     system call
                  5.0   s  G1                         18.0 us                          returns to no P
                  9.0   .  -- M2 takes P0 from a system call
                 13.0   *  G2              12.0 us    8.00 us  made by the runtime     preempted by a signal
                 22.0   *  G2              1.00 us    9.00 us  goes on                 the trace ends
          """))
  }

  @Test func `text fits its width, and says what it left out`() throws {
    for width in [40, 60, 80, 120] {
      #expect(try lines(twoPs, width: width).dropFirst().allSatisfy { $0.count <= width })
    }
    let some = try lines(twoPs, rows: 2)
    #expect(
      some.last == "... 2 more lines: --rows 0 prints all, --from 0.012 goes on from here"
    )
    var options = Options()
    options.from = 30_000
    #expect(try lines(twoPs, options).count == 3)
  }

  @Test func `text has colours only if asked for`() throws {
    #expect(try !lines(twoPs).joined().contains("\u{1b}"))
    #expect(try lines(twoPs, color: true).joined().contains("\u{1b}["))
  }

  @Test func `an SVG has the lanes, blocks and arrows of the trace`() {
    let trace = named(twoPs)
    let picture = svg(trace, Window(Options(), trace.line))
    #expect(picture == svg(trace, Window(Options(), trace.line)))
    for lane in ["P0", "P1", "M0", "M1"] { #expect(picture.contains(">\(lane)</text>")) }
    func occurrences(_ text: String) -> Int {
      picture.components(separatedBy: text).count - 1
    }
    // G2's stint, on its P and on its M.
    let g2 = trace.line.hue(1)
    #expect(occurrences("<rect class=\"g\(g2)\"") == 2)
    #expect(occurrences("class=\"go\" marker-end") == 1)
    #expect(occurrences("class=\"steal\" marker-end") == 1)
    #expect(occurrences("class=\"notify\" marker-end") == 1)
    #expect(picture.contains("prefers-color-scheme:dark"))
    #expect(unclosed(picture) == [])
  }

  /// Elements of an SVG that do not end, or end without having begun.
  private func unclosed(_ picture: String) -> [String] {
    var open: [String] = []
    for part in picture.components(separatedBy: "<").dropFirst() {
      let tag = part.prefix { $0 != ">" }
      let name = String(tag.drop { $0 == "/" }.prefix { $0 != " " && $0 != "/" })
      if tag.hasPrefix("/") {
        if open.popLast() != name { return ["/" + name] }
      } else if !tag.hasSuffix("/") {
        open.append(name)
      }
    }
    return open
  }

  @Test func `names are escaped`() throws {
    let file = traced(
      [
        at(0, 0, .goCreate, g: 1), at(0, 0, .label, g: 1, text: 0),
        at(1, 0, .goStart, g: 1), at(90, 0, .goExit, g: 1),
      ], texts: ["</script><b>&\"\\\u{1}"])
    let trace = named(file)
    let picture = svg(trace, Window(Options(), trace.line))
    #expect(unclosed(picture) == [])
    #expect(picture.contains("&lt;/script"))
    #expect(try !page(trace).contains("</script><b>"))
    #expect(
      try json(file).contains { $0["name"] as? String == "G1 </script><b>&\"\\\u{1}" })
  }

  private func written(_ body: (Output) throws -> Void) throws -> Data {
    let path = NSTemporaryDirectory() + "trace-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let output = try Output(path: path)
    try body(output)
    try output.close()
    return try Data(contentsOf: URL(fileURLWithPath: path))
  }

  private func page(_ trace: Named) throws -> String {
    String(
      decoding: try written { try writeHTML([trace], Options(), to: $0) }, as: UTF8.self)
  }

  private func json(_ file: TraceFile) throws -> [[String: Any]] {
    let trace = named(file)
    let data = try written {
      try writeChrome(trace, Window(Options(), trace.line), to: $0)
    }
    let object = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    return try #require(object["traceEvents"] as? [[String: Any]])
  }

  @Test func `JSON has slices in which its arrows begin and end`() throws {
    for file in [twoPs, oneP] {
      let events = try json(file)
      func number(_ event: [String: Any], _ key: String) -> Double {
        (event[key] as? NSNumber)?.doubleValue ?? -1
      }
      let slices = events.filter { $0["ph"] as? String == "X" }
      #expect(slices.allSatisfy { number($0, "dur") >= 0 && number($0, "ts") >= 0 })
      let starts = events.filter { $0["ph"] as? String == "s" }
      let ends = events.filter { $0["ph"] as? String == "f" }
      #expect(starts.map { number($0, "id") } == ends.map { number($0, "id") })
      #expect(!starts.isEmpty)
      for end in starts + ends {
        #expect(
          slices.contains {
            number($0, "pid") == number(end, "pid")
              && number($0, "tid") == number(end, "tid")
              && number($0, "ts") <= number(end, "ts")
              && number($0, "ts") + number($0, "dur") >= number(end, "ts") - 1e-6
          })
      }
      let runs = slices.filter { $0["cat"] as? String == "run" && number($0, "pid") == 1 }
      #expect(runs.count == Timeline(file).stints.count { !$0.inCall })
    }
  }

  /// What viewer.html does with a column.
  private func decoded(_ columns: Columns, _ name: String) throws -> [Int64] {
    let entry = try #require(columns.index.first { $0.hasPrefix("[\"\(name)\",") })
    let parts = entry.dropFirst().dropLast().split(separator: ",")
    var at = Int(parts[2])!
    var last: Int64 = 0
    return (0..<Int(parts[3])!).map { _ in
      var number: UInt64 = 0
      var shift: UInt64 = 0
      while columns.bytes[at] > 127 {
        number |= UInt64(columns.bytes[at] & 127) << shift
        shift += 7
        at += 1
      }
      number |= UInt64(columns.bytes[at]) << shift
      at += 1
      switch parts[1] {
      case "\"d\"":
        last += Int64(bitPattern: number >> 1) ^ -Int64(bitPattern: number & 1)
        return last
      case "\"m\"": return Int64(number) - 1
      default: return Int64(number)
      }
    }
  }

  @Test func `columns say what the timeline does`() throws {
    let line = Timeline(oneP)
    let columns = Columns(line)
    #expect(try decoded(columns, "stint.start") == line.stints.map(\.start))
    #expect(try decoded(columns, "stint.time") == line.stints.map { $0.end - $0.start })
    #expect(try decoded(columns, "stint.g") == line.stints.map { Int64($0.goroutine) })
    #expect(try decoded(columns, "stint.p") == line.stints.map { Int64($0.p) })
    #expect(try decoded(columns, "proc.m") == line.procIntervals.map { Int64($0.m) })
    #expect(try decoded(columns, "arrow.end") == line.arrows.map(\.end))
    #expect(try decoded(columns, "runnable.v") == line.runnable.values.map { Int64($0) })
    let big = Columns(Timeline(traced([at(1 << 37, 0, .goCreate, g: .max - 1)])))
    #expect(try decoded(big, "g.created") == [(1 << 37) * 1000])
    #expect(try decoded(big, "g.id") == [Int64(UInt32.max - 1)])
  }

  @Test func `counts are those of the trace`() {
    #expect(
      counts(Timeline(twoPs)).split(separator: "\n").joined(separator: ", ")
        == "events 22, ps 2, ms 2, goroutines 2, stints 3, go 2, wake 1, timer 0, network 0, "
        + "scheduler 0, steal 1, handoff 0, notify 1")
  }
}
