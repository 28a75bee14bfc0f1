// SPDX-License-Identifier: Apache-2.0
//
// Code that knows nothing of goroutines: Foundation, print. A line of Notes/host.md
// each, named by the key that its name begins with.

import CLinux
import Foundation
import Testing

@testable import Stage

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// Something to encode: a tree, so that coders recurse.
private struct Node: Codable, Equatable {
  var id: Int
  var when: Date
  var children: [Node]

  static func tree(_ id: Int, depth: Int) -> Node {
    Node(
      id: id,
      when: Date(timeIntervalSince1970: Double(id)),
      children: depth == 0
        ? [] : [tree(2 * id, depth: depth - 1), tree(2 * id + 1, depth: 0)]
    )
  }
}

/// Answers every request with the path that it asks for.
func serveHTTP(_ listener: TCPListener) {
  go {
    while let c = try? listener.accept() {
      go {
        var request = ""
        while !request.contains("\r\n\r\n") {
          let bytes = try c.read(upTo: 4096)
          if bytes.isEmpty { break }
          request += String(decoding: bytes, as: UTF8.self)
        }
        let words = request.split(separator: " ")
        let path = words.count > 1 ? String(words[1]) : "?"
        try c.write(
          "HTTP/1.1 200 OK\r\nContent-Length: \(path.utf8.count)\r\n"
            + "Connection: close\r\n\r\n" + path)
        c.close()
      }
    }
  }
}

/// What is found at an address, to a goroutine: its thread waits, its P does not.
private func fetch(_ url: URL, _ session: URLSession) -> String {
  let text = Shared("")
  let done = DispatchSemaphore(value: 0)
  session.dataTask(with: url) { data, _, error in
    text.value = error.map { "\($0)" } ?? String(decoding: data ?? Data(), as: UTF8.self)
    done.signal()
  }.resume()
  blocking { done.wait() }
  return text.value
}

/// Runs a shell script with input, and gives what it prints and its status.
private func shell(_ script: String, input: String) throws -> (String, Int32) {
  let process = Process()
  let (stdin, stdout) = (Pipe(), Pipe())
  process.executableURL = URL(fileURLWithPath: "/bin/sh")
  process.arguments = ["-c", script]
  process.standardInput = stdin
  process.standardOutput = stdout
  return try blocking {
    try process.run()
    try stdin.fileHandleForWriting.write(contentsOf: Data(input.utf8))
    try stdin.fileHandleForWriting.close()
    let output = try stdout.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return (String(decoding: output, as: UTF8.self), process.terminationStatus)
  }
}

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

/// Turns of a goroutine that runs whenever it may.
private let turns = Counter()

/// Computes in what search calls, until the thread was asked three times to yield; whether
/// it did not.
@inline(never)
private func searchWhileAsked(_ search: Bsearch) -> Bool {
  var key = 0
  return search(&key, &key, 1, MemoryLayout<Int>.size) { _, _ in
    let before = turns.value
    let end = takenCount(sigURG) + 3
    while takenCount(sigURG) < end {}
    return turns.value == before ? 0 : 1
  } != nil
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

    @Test func `foundation-json: what is encoded is decoded, on small stacks`() async {
      await #expect(processExitsWith: .success) {
        try inRun(procs: 4) { t in
          let group = WaitGroup()
          for i in 1...20 {
            group.go {
              let tree = Node.tree(i, depth: 40)
              let data = try JSONEncoder().encode(tree)
              gosched()
              t.equal(try JSONDecoder().decode(Node.self, from: data), tree)
            }
          }
          group.wait()
          t.check(schedulerCounters().stackGrowths > 0, "no stack grew")
        }
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

    @Test func `foundation-process: children are run and waited for in blocking`() async {
      await #expect(processExitsWith: .success) {
        try inRun(procs: 2) { t in
          let group = WaitGroup()
          for i in 0..<8 {
            group.go {
              let (text, status) = try shell("cat; exit \(i)", input: "goroutine \(i)")
              t.equal(text, "goroutine \(i)")
              t.equal(status, Int32(i))
            }
          }
          group.wait()
        }
      }
    }

    @Test func `foundation-urlsession: goroutines ask a server that is goroutines`() async
    {
      await #expect(processExitsWith: .success) {
        try inRun(procs: 2) { t in
          let session = URLSession(configuration: .ephemeral)
          let listener = try TCPListener()
          serveHTTP(listener)
          let group = WaitGroup()
          for i in 0..<8 {
            group.go {
              let url = URL(string: "http://127.0.0.1:\(listener.port)/\(i)")!
              t.equal(fetch(url, session), "/\(i)")
              t.equal(
                try blocking { try String(contentsOf: url, encoding: .utf8) }, "/\(i)")
            }
          }
          group.wait()
          listener.close()
          session.invalidateAndCancel()
        }
      }
    }

    @Test func `foundation-thread: what belongs to a thread stays with a locked one`()
      throws
    {
      try inRun(procs: 1) { t in
        let group = WaitGroup()
        for i in 0..<4 {
          group.go {
            lockOSThread()
            defer { unlockOSThread() }
            Thread.current.threadDictionary["owner"] = i
            let (thread, loop) = (Thread.current, RunLoop.current)
            for _ in 0..<20 {
              gosched()
              t.equal(Thread.current.threadDictionary["owner"] as? Int, i)
              t.check(Thread.current === thread && RunLoop.current === loop)
            }
            let fired = Counter()
            let timer = Timer(timeInterval: 0.001, repeats: false) { _ in fired.add() }
            blocking {
              RunLoop.current.add(timer, forMode: .default)
              while fired.value == 0 {
                _ = RunLoop.current.run(mode: .default, before: .distantFuture)
              }
            }
            Thread.current.threadDictionary.removeObject(forKey: "owner")
          }
        }
        group.wait()
        // Without: whoever comes next to the thread finds it.
        Thread.current.threadDictionary["owner"] = "main"
        let thread = gettid_()
        group.go {
          t.equal(
            Thread.current.threadDictionary["owner"] as? String,
            gettid_() == thread ? "main" : nil)
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
    // Its callback is the program's own code, and what called that is not known to the
    // table that was made when the runtime started.
    @Test(.enabled(if: signalsPreempt))
    func `dlopen: what a library calls back is not preempted, whenever that was loaded`()
      async
    {
      await #expect(processExitsWith: .success) {
        _ = (taken, turns)
        setHandler(sigURG) { signal, _, _ in take(signal) }
        try inRun(procs: 1) { t in
          let search = bsearchLoadedNow()
          let stop = Counter()
          go {
            while stop.value == 0 {
              turns.add()
              gosched()
            }
          }
          gosched()
          let found = Channel<Bool>()
          // A stack on which no library has left an address.
          go { found.send(searchWhileAsked(search)) }
          t.equal(found.receive(), true)
          stop.value = 1
        }
      }
    }
  }
}
