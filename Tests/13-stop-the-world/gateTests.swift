// SPDX-License-Identifier: Apache-2.0
//
// The gate: a look at goroutines that go on meanwhile. On stage 12 it sees effects without
// their causes, and a dump of all of them is the end of the process and lacks those that
// run (gateTests_before.swift); here the world stands still while it is looked at.

import Testing

@testable import Stage

/// A goroutine that never yields by itself, in two counters: at every moment at least as
/// much has begun as is done.
final class Worker: Sendable {
  let begun = Counter()
  let done = Counter()

  /// Calls what loops, so that it stays in a trace: of what is interrupted as it is being
  /// called, a trace lacks the caller.
  @inline(never)
  func workInThisFunction(until stop: Counter, check: () -> Void) -> Int {
    work(until: stop, check: check) + 1
  }

  @inline(never)
  private func work(until stop: Counter, check: () -> Void) -> Int {
    while stop.value == 0 {
      begun.add()
      done.add()
      check()
    }
    return done.value
  }
}

let workersInGate = 3

/// What somebody sees who looks at one after the other: first at what has begun.
func look(at workers: [Worker]) -> [(begun: Int, done: Int)] {
  let begun = workers.map(\.begun.value)
  return zip(begun, workers).map { ($0, $1.done.value) }
}

/// Whether some effect is seen without its cause.
func isTorn(_ seen: [(begun: Int, done: Int)]) -> Bool {
  seen.contains { $0.done > $0.begun }
}

extension RuntimeTests {
  @Suite("gate: a look at a world that stands still")
  struct GateTests {
    @Test func `here a look with the world stopped sees no effect without cause`() async {
      await #expect(processExitsWith: .exitCode(0)) {
        exitTestDeadline()
        try inRun(procs: 4) { t in
          let workers = (0..<workersInGate).map { _ in Worker() }
          let stop = Counter()
          let group = WaitGroup()
          for worker in workers {
            group.go {
              _ = worker.workInThisFunction(until: stop, check: checkUnlessSignals)
            }
          }
          for _ in 0..<10 {
            // They go on between two looks.
            for worker in workers {
              let before = worker.done.value
              while worker.done.value == before { gosched() }
            }
            stopTheWorld {
              let seen = look(at: workers)
              t.check(!isTorn(seen), "\(seen)")
              let again = look(at: workers)
              t.check(seen.elementsEqual(again, by: ==), "\(seen), and then \(again)")
            }
          }
          stop.value = 1
          group.wait()
        }
      }
    }

    @Test func `here a dump shows what each one computes, and they go on`() async {
      await #expect(processExitsWith: .exitCode(0)) {
        exitTestDeadline()
        try inRun(procs: 4) { t in
          let workers = (0..<workersInGate).map { _ in Worker() }
          let stop = Counter()
          let group = WaitGroup()
          for worker in workers {
            group.go {
              _ = worker.workInThisFunction(until: stop, check: checkUnlessSignals)
            }
          }
          for worker in workers { worker.done.await(atLeast: 1) }
          let dump = stopTheWorld { stackDump() }
          t.equal(dump.components(of: "workInThisFunction"), workersInGate, dump)
          t.equal(dump.components(of: "stack unavailable"), 0, dump)
          for worker in workers {
            let before = worker.done.value
            worker.done.await(atLeast: before + 1)
          }
          stop.value = 1
          group.wait()
        }
      }
    }
  }
}
