// SPDX-License-Identifier: Apache-2.0
//
// Code that knows nothing of goroutines, called in blocking or on a locked thread.
// A line of Notes/host.md each, named by the key that its name begins with.

import CLinux
import Foundation
import Testing

@testable import Stage

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

extension RuntimeTests.HostTests {
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
}
