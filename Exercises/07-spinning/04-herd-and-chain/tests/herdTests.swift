// SPDX-License-Identifier: Apache-2.0
//
// Exercise 07.04: how many threads are woken for one goroutine at a time.

import CLinux
import Testing

@testable import Stage

/// Makes one goroutine at a time and waits for it; prints how many threads there are then,
/// and how often one was woken.
private func oneAtATime(herd: Bool) throws {
  try run(procs: 64) {
    wakeHerd(herd)
    let before = wakeups()
    for _ in 0..<1000 {
      let group = WaitGroup()
      group.go {}
      group.wait()
    }
    say(" \(schedulerCounters().threads) \(wakeups() - before)")
  }
  exit_(0)
}

/// Threads, and wake-ups.
private func numbers(_ result: ExitTest.Result?) -> (threads: Int, wakeups: Int) {
  let words = stdoutText(result).split(separator: " ").suffix(2).compactMap { Int($0) }
  return words.count == 2 ? (words[0], words[1]) : (-1, -1)
}

extension RuntimeTests {
  @Suite("exercise 07.04")
  struct HerdTests {
    @Test func `a chain wakes few threads, a herd one for every P`() async {
      let one = await #expect(
        processExitsWith: .exitCode(0), observing: [\.standardOutputContent]
      ) {
        exitTestDeadline()
        try oneAtATime(herd: false)
      }
      let many = await #expect(
        processExitsWith: .exitCode(0), observing: [\.standardOutputContent]
      ) {
        exitTestDeadline()
        try oneAtATime(herd: true)
      }
      let chain = numbers(one)
      let herd = numbers(many)
      #expect((1...16).contains(chain.threads), "chain: \(chain)")
      #expect(herd.threads >= 32, "herd: \(herd)")
      #expect(herd.wakeups >= 32, "herd: \(herd)")
      #expect(chain.wakeups >= 0 && chain.wakeups < herd.wakeups, "\(chain), \(herd)")
    }

    @Test func `each thread that comes to run was woken once`() throws {
      try inRun(procs: 4) { t in
        let before = wakeups()
        // Nobody can end before all run: three more threads have to come.
        let running = Counter()
        let group = WaitGroup()
        for _ in 0..<3 {
          group.go {
            running.add()
            while running.value < 4 { procyield(10) }
          }
        }
        running.add()
        while running.value < 4 { procyield(10) }
        let woken = wakeups() - before
        t.check((1...64).contains(woken), "\(woken) wake-ups")
        group.wait()
      }
    }

    @Test(arguments: [true, false])
    func `either way everything is run`(herd: Bool) throws {
      try inRun(procs: 8) { t in
        wakeHerd(herd)
        let group = WaitGroup()
        let ran = Counter()
        for _ in 0..<500 {
          group.go { group.go { ran.add() } }
        }
        group.wait()
        t.equal(ran.value, 500)
        wakeHerd(false)
      }
    }
  }
}
