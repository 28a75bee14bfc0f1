// SPDX-License-Identifier: Apache-2.0
//
// Code that knows nothing of goroutines: Foundation, print. A line of Notes/host.md
// each, named by the key that its name begins with.

import Foundation
import Testing

@testable import Stage

/// A value whose description asks whether another thread could print at this moment.
private struct Nosy: CustomStringConvertible {
  let others: Counter
  var description: String {
    onForeignThread { [others] in
      if standardOutputIsFree() { others.value = 1 } else { others.value = 2 }
    }
    return "nosy"
  }
}

extension RuntimeTests {
  @Suite("with code that knows nothing of goroutines")
  struct HostTests {
    @Test func `foundation-files: files are written, listed and read`() throws {
      try inRun(procs: 4) { t in
        let files = FileManager.default
        let folder = files.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try files.createDirectory(at: folder, withIntermediateDirectories: true)
        let group = WaitGroup()
        for i in 0..<20 {
          group.go {
            let file = folder.appendingPathComponent("\(i)")
            let bytes = Data(repeating: UInt8(i), count: 100_000)
            try bytes.write(to: file, options: .atomic)
            gosched()
            t.equal(try Data(contentsOf: file), bytes)
            let attributes = try files.attributesOfItem(atPath: file.path)
            t.equal(attributes[.size] as? Int, 100_000)
          }
        }
        group.wait()
        t.equal(try files.contentsOfDirectory(atPath: folder.path).count, 20)
        try files.removeItem(at: folder)
        t.check(!files.fileExists(atPath: folder.path))
      }
    }

    @Test
    func `foundation-format: numbers and dates are formatted, a formatter per goroutine`()
      throws
    {
      try inRun(procs: 4) { t in
        let group = WaitGroup()
        for i in 0..<20 {
          group.go {
            let (iso, seconds) = (ISO8601DateFormatter(), DateFormatter())
            seconds.dateFormat = "mm:ss"
            seconds.timeZone = TimeZone(identifier: "UTC")
            let date = Date(timeIntervalSince1970: Double(i))
            let text = "1970-01-01T00:00:\(i < 10 ? "0" : "")\(i)Z"
            t.equal(
              String(format: "%05.2f %@", Double(i), "x"),
              i < 10 ? "0\(i).00 x" : "\(i).00 x")
            t.equal(date.ISO8601Format(), text)
            t.equal(iso.string(from: date), text)
            gosched()
            t.equal(iso.date(from: text), date)
            t.equal(seconds.string(from: date), "00:\(i < 10 ? "0" : "")\(i)")
          }
        }
        group.wait()
      }
    }

    @Test func `print: lines of goroutines are whole`() async {
      let result = await #expect(
        processExitsWith: .success, observing: [\.standardOutputContent]
      ) {
        try inRun(procs: 4) { t in
          let group = WaitGroup()
          for i in 0..<8 {
            group.go { for j in 0..<200 { print("goroutine", i, "line", j) } }
          }
          group.wait()
        }
      }
      let lines = Set(stdoutText(result).split(separator: "\n"))
      for i in 0..<8 {
        let whole = (0..<200).count { lines.contains("goroutine \(i) line \($0)") }
        #expect(whole == 200)
      }
    }

    @Test func `print-description: nobody else prints while a description is made`() async
    {
      await #expect(processExitsWith: .success) {
        try inRun(procs: 2) { t in
          let others = Counter()
          print(Nosy(others: others))
          t.equal(others.value, 2)
        }
      }
    }
  }
}
