// SPDX-License-Identifier: Apache-2.0
//
// Threads that the system, or the runtime, refuses.

import Testing

@testable import Stage

/// Goroutines that block until there are not enough threads.
private func blockOnManyThreads(_ n: Int) {
  for _ in 0..<n {
    go { blocking { sleepInKernel(milliseconds: 100_000) } }
    gosched()
  }
  select {}
}

extension RuntimeTests.FaultTests {
  @Test(.enabled(if: !sanitized, "shadow memory counts, too"))
  func `no memory for a thread is a fatal error that says so`() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      exitTestDeadline()
      try run(procs: 2) {
        freezeAddressSpace()
        blockOnManyThreads(60)
      }
    }
    let text = stderrText(result)
    #expect(text.hasPrefix("runtime: failed to create new OS thread (have "), "\(text)")
    #expect(text.contains("\nfatal error: newosproc\n"), "\(text)")
  }

  // Go: TestThreadExhaustion's neighbour, newosproc with EAGAIN.
  @Test func `no permission for a thread is a fatal error that says so`() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      exitTestDeadline()
      try run(procs: 2) {
        freezeThreads()
        blockOnManyThreads(60)
      }
    }
    let text = stderrText(result)
    #expect(text.hasPrefix("runtime: failed to create new OS thread (have "), "\(text)")
    #expect(
      text.contains(
        "already; errno=11)\nruntime: may need to increase max user processes "
          + "(ulimit -u)\nfatal error: newosproc\n"), "\(text)")
  }

  @Test func `blocking calls without end meet the limit of threads`() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      exitTestDeadline()
      try run(procs: 2) {
        sched[].maxmcount = 12
        blockOnManyThreads(60)
      }
    }
    #expect(
      stderrText(result).hasPrefix(
        "runtime: program exceeds 12-thread limit\nfatal error: thread exhaustion\n"))
  }
}
