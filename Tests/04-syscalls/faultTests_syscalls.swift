// SPDX-License-Identifier: Apache-2.0
//
// Threads that the system, or the runtime, refuses.

import Testing

@testable import Stage

/// Goroutines that block until there are not enough threads. They have their stacks before
/// there is a limit: threads are all that is refused. What is left of the address space
/// then may be enough for hundreds of them: another thread may just be reserving memory,
/// more than it keeps.
private func blockOnManyThreads(_ limit: () -> Void) {
  let gate = Channel<Void>()
  for _ in 0..<2000 {
    go {
      _ = gate.receive()
      blocking { sleepInKernel(milliseconds: 100_000) }
    }
  }
  limit()
  gate.close()
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
        blockOnManyThreads { freezeAddressSpace() }
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
        blockOnManyThreads { freezeThreads() }
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
        blockOnManyThreads { sched[].maxmcount = 12 }
      }
    }
    #expect(
      stderrText(result).hasPrefix(
        "runtime: program exceeds 12-thread limit\nfatal error: thread exhaustion\n"))
  }
}
