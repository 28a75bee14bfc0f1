// SPDX-License-Identifier: Apache-2.0
//
// Dispatch and async functions, called from goroutines and calling into them. A line
// of Notes/host.md each, named by the key that its name begins with.
//
// Each has a process of its own: what waits leaves threads behind, which other tests
// count. run holds up the thread that calls it, and tests are called by threads of the
// pool that async functions need: here it is called by a thread of its own.

import Testing

@testable import Stage

/// inRun, by a thread that belongs to nobody.
func inRunOutside(
  procs: Int,
  within seconds: Int = 60,
  _ name: String = #function,
  sourceLocation: SourceLocation = #_sourceLocation,
  _ body: @Sendable @escaping (Report) throws -> Void
) {
  let report = Report()
  watchdog.begin(seconds, name)
  onForeignThread {
    do { try run(procs: procs) { try body(report) } } catch {
      report.check(false, "\(error)")
    }
  }
  watchdog.end()
  for message in report.messages {
    Issue.record(Comment(rawValue: message), sourceLocation: sourceLocation)
  }
}

extension RuntimeTests.HostTests {
  @Test func `async-task: a goroutine is no task`() async {
    await #expect(processExitsWith: .success) {
      inRunOutside(procs: 2) { t in
        for _ in 0..<20 {
          go { withUnsafeCurrentTask { t.check($0 == nil) } }
          gosched()
        }
        withUnsafeCurrentTask { t.check($0 == nil) }
      }
    }
  }

  @Test func `swift-testing: two tests in run at a time end the process`() async {
    let result = await #expect(
      processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
    ) {
      exitTestDeadline()
      let bothThere = Counter()
      for _ in 0..<2 {
        detachForeignThread {
          bothThere.add()
          while bothThere.value != 2 {}
          try? run { while true { gosched() } }
        }
      }
      while true { sleepInKernel(milliseconds: 1000) }
    }
    #expect(
      stderrText(result).contains("run called while another thread is in run"),
      "\(stderrText(result))")
  }
}
