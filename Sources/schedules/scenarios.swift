// SPDX-License-Identifier: Apache-2.0
//
// What is run under many schedules: small programs that end soon, whatever the order,
// and notice when something is lost. They use the public face only.

import CLinux
import Controlled
import Stage

struct Scenario {
  let name: String

  /// What must hold, in a few words.
  let law: String
  let procs: Int
  let body: @Sendable () throws -> Void
}

/// Shared by goroutines of which one runs at a time.
final class Cell<Value>: @unchecked Sendable {
  var value: Value

  init(_ value: Value) { self.value = value }
}

/// Ends the run as failed.
func fail(_ message: String) -> Never {
  print(message, to: &standardError)
  exit_(1)
}

func expect(_ condition: Bool, _ message: @autoclosure () -> String) {
  if !condition { fail(message()) }
}

/// Later than this is not late, but woken by accident: no schedule holds a thread up
/// for so long, and sysmon takes 10 ms to preempt.
let tooLate: Int64 = 8_000_000

/// Keeps this goroutine's P busy until condition holds, which others see to.
func busy(_ what: String, until condition: () -> Bool) {
  let start = controlled_now()
  while !condition() {
    checkpoint()
    controlled_yield()
    expect(controlled_now() - start < tooLate, "\(what): nobody came to run it")
  }
}

let scenarios = [
  Scenario(
    name: "wake-up",
    law: "what is made ready while a P is idle is run, though its maker goes on",
    procs: 2
  ) {
    for _ in 0..<4 {
      let c = Channel<Int>(capacity: 1)
      let got = Cell(0)
      go { got.value = c.receive() ?? -1 }
      busy("a new goroutine") { c.count == 0 }
      // By now it has parked, or is about to; the other M looks for work, or sleeps.
      for _ in 0..<3 { checkpoint() }
      c.send(1)
      busy("a receiver") { got.value == 1 }
    }
  },
  Scenario(
    name: "spawn",
    law: "goroutines that make goroutines all run, each once",
    procs: 3
  ) {
    let group = WaitGroup()
    let ran = Cell([Int](repeating: 0, count: 24))
    for i in 0..<8 {
      group.go {
        ran.value[3 * i] += 1
        group.go {
          ran.value[3 * i + 1] += 1
          gosched()
          group.go { ran.value[3 * i + 2] += 1 }
        }
      }
    }
    group.wait()
    expect(ran.value == [Int](repeating: 1, count: 24), "ran \(ran.value)")
  },
  Scenario(
    name: "steal",
    law: "a goroutine next in line is run once, by its own P or by a thief",
    procs: 3
  ) {
    for round in 0..<3 {
      let turns = Cell(0)
      let a = Channel<Int>()
      let b = Channel<Int>()
      let group = WaitGroup()
      group.go {
        for i in 0..<6 {
          a.send(i)
          expect(b.receive() == i, "round \(round): not the answer")
          turns.value += 1
        }
        a.close()
      }
      group.go {
        while let i = a.receive() { b.send(i) }
      }
      group.go { for _ in 0..<3 { gosched() } }
      group.wait()
      expect(turns.value == 6, "\(turns.value) turns")
    }
  },
  Scenario(
    name: "channels",
    law: "what is sent is received, once, and close ends it",
    procs: 3
  ) {
    for capacity in [0, 1, 2] {
      let c = Channel<Int>(capacity: capacity)
      let sum = Cell(0)
      let senders = WaitGroup()
      let receivers = WaitGroup()
      for k in 0..<2 { senders.go { for i in 1...4 { c.send(10 * k + i) } } }
      for _ in 0..<2 { receivers.go { while let v = c.receive() { sum.value += v } } }
      senders.wait()
      c.close()
      receivers.wait()
      expect(sum.value == 60, "capacity \(capacity): the sum is \(sum.value)")
    }
  },
  Scenario(
    name: "select",
    law: "a select takes one case, and nothing is lost in the others",
    procs: 3
  ) {
    let a = Channel<Int>()
    let b = Channel<Int>()
    let sum = Cell(0)
    let group = WaitGroup()
    for k in 0..<2 {
      group.go {
        for i in 1...3 {
          select {
            send(10 * k + i, to: a)
            send(10 * k + i, to: b)
          }
        }
      }
    }
    for _ in 0..<2 {
      group.go {
        for _ in 0..<3 {
          select {
            receive(from: a) { v in sum.value += v ?? 1000 }
            receive(from: b) { v in sum.value += v ?? 1000 }
          }
        }
      }
    }
    group.wait()
    expect(sum.value == 42, "the sum is \(sum.value)")
  },
  Scenario(
    name: "locks",
    law: "a mutex has one holder, and who waits gets it",
    procs: 3
  ) {
    let lock = GoMutex()
    let cond = GoCond(lock)
    let inside = Cell(0)
    let group = WaitGroup()
    for _ in 0..<4 {
      group.go {
        for i in 0..<3 {
          lock.withLock {
            inside.value += 1
            expect(inside.value % 10 == 1, "two are inside")
            if i == 1 { gosched() }
            inside.value += 9
          }
        }
        cond.broadcast()
      }
    }
    lock.withLock { while inside.value != 120 { cond.wait() } }
    group.wait()
  },
  Scenario(
    name: "system calls",
    law: "a P has one owner, whoever takes it from a call that lasts",
    procs: 2
  ) {
    let group = WaitGroup()
    let ended = Cell(0)
    for k in 0..<3 {
      group.go {
        for i in 0..<4 {
          // About as long as sysmon takes to come.
          let ns = Int64(5_000 * (k + 2 * i))
          blocking { controlled_sleep(ns) }
          ended.value += 1
          checkpoint()
        }
      }
    }
    for _ in 0..<2 { group.go { for _ in 0..<10 { gosched() } } }
    group.wait()
    expect(ended.value == 12, "\(ended.value) calls have ended")
  },
  Scenario(
    name: "timers",
    law: "who sleeps is woken in time, whatever becomes of the P",
    procs: 3
  ) {
    let group = WaitGroup()
    for k in 1...4 {
      group.go {
        for i in 1...3 {
          let ns = Int64(3_000 * k * i)
          let start = controlled_now()
          sleep(for: .nanoseconds(ns))
          let late = controlled_now() - start - ns
          expect(late >= 0, "woken \(-late) ns early")
          expect(late < tooLate, "woken \(late) ns late")
        }
      }
    }
    group.go {
      for n in [1, 3, 2, 1, 3] {
        gomaxprocs(n)
        let t = GoTimer(.microseconds(5))
        if n == 2 { _ = t.channel.receive() } else { t.stop() }
      }
    }
    group.wait()
  },
  Scenario(
    name: "stopped world",
    law: "while the world is stopped nobody runs, and then everybody goes on",
    procs: 3
  ) {
    let group = WaitGroup()
    let steps = Cell(0)
    for _ in 0..<2 {
      group.go {
        for _ in 0..<3 {
          stopTheWorld {
            let before = steps.value
            for _ in 0..<5 { controlled_yield() }
            expect(steps.value == before, "somebody runs in a stopped world")
          }
        }
      }
    }
    let c = Channel<Int>()
    group.go {
      for i in 0..<5 {
        c.send(i)
        steps.value += 1
      }
      c.close()
    }
    group.go {
      while c.receive() != nil { steps.value += 1 }
    }
    group.go { for _ in 0..<3 { blocking { controlled_sleep(3_000) } } }
    group.wait()
    expect(steps.value == 10, "\(steps.value) steps")
  },
]
