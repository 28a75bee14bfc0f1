// SPDX-License-Identifier: Apache-2.0
//
// System calls.

import CLinux
import Controlled
import Stage

extension Scenarios {
  static let syscalls = [
    Scenario(
      "system calls",
      from: "04",
      law: "a P has one owner, whoever takes it from a call that lasts",
      procs: 2
    ) {
      let group = WaitGroup()
      let ended = Cell(0)
      let running = Cell(0)
      for k in 0..<3 {
        group.go {
          for i in 0..<4 {
            // About as long as sysmon takes to come.
            let ns = Int64(5_000 * (k + 2 * i))
            blocking { controlled_sleep(ns) }
            ended.value += 1
            running.value += 1
            expect(running.value <= 2, "\(running.value) run at a time")
            for _ in 0..<3 { _ = controlled_point(nil) }
            running.value -= 1
            check()
          }
        }
      }
      for _ in 0..<2 { group.go { for _ in 0..<10 { gosched() } } }
      group.wait()
      expect(ended.value == 12, "\(ended.value) calls have ended")
    },
    Scenario(
      "in its place",
      from: "04",
      law: "while a goroutine is in a call, others run in its place",
      procs: 1
    ) {
      for _ in 0..<3 {
        let ran = Cell(0)
        for _ in 0..<2 { go { ran.value += 1 } }
        blocking {
          let start = controlled_now()
          while ran.value != 2 {
            controlled_yield()
            expect(controlled_now() - start < tooLate, "nobody runs while one calls")
          }
        }
      }
    },
    Scenario(
      "alone in a call",
      from: "04",
      law: "a call that ends while its place is given away is no deadlock",
      procs: 1
    ) {
      for i in 0..<6 { blocking { controlled_sleep(Int64(14_000 + 4_000 * i)) } }
    },
    Scenario(
      "run beside a call",
      from: "04",
      law: "a run ends though a call that has just begun does not",
      procs: 4,
      runs: 4
    ) {
      let begun = Cell(0)
      for _ in 0..<3 {
        go {
          begun.value += 1
          // Longer than all runs together.
          blocking { controlled_sleep(10_000_000_000) }
        }
      }
      while begun.value < 2 {
        controlled_yield()
        gosched()
      }
    },
    Scenario(
      "call beyond a run",
      from: "04",
      law: "a goroutine whose call ends as its run does runs in no other",
      procs: 2,
      runs: 4
    ) {
      runNumber.value += 1
      let mine = runNumber.value
      let called = Cell(0)
      for k in 1...3 {
        go {
          blocking {
            called.value += 1
            for _ in 0..<(k * 10) { _ = controlled_point(nil) }
          }
          expect(runNumber.value == mine, "a goroutine of another run goes on")
        }
      }
      while called.value < mine - 1 {
        controlled_yield()
        gosched()
      }
    },
    Scenario(
      "wake-up beside calls",
      from: "04",
      law: "what is made while a place is given away is run, though its maker goes on",
      procs: 2,
      lacking: ["05"]
    ) {
      let group = WaitGroup()
      group.go { for _ in 0..<8 { blocking { controlled_sleep(2_000) } } }
      for _ in 0..<5 {
        let ran = Cell(false)
        go { ran.value = true }
        busy("a new goroutine") { ran.value }
      }
      group.wait()
    },
    Scenario(
      "locked",
      from: "04",
      law: "a locked goroutine runs on its thread, and nobody else does",
      procs: 2
    ) {
      let group = WaitGroup()
      let locked = Cell(Set<Int32>())
      let c = Channel<Int>()
      for _ in 0..<2 {
        group.go {
          lockOSThread()
          let mine = gettid_()
          locked.value.insert(mine)
          for i in 0..<3 {
            if i == 1 { gosched() } else { c.send(i) }
            expect(gettid_() == mine, "a locked goroutine changes its thread")
          }
          locked.value.remove(mine)
          unlockOSThread()
        }
        group.go {
          for _ in 0..<2 {
            _ = c.receive()
            expect(!locked.value.contains(gettid_()), "another runs on a locked thread")
            gosched()
          }
        }
      }
      group.wait()
    },
  ]
}
