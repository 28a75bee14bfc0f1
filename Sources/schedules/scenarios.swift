// SPDX-License-Identifier: Apache-2.0
//
// What is run under many schedules: small programs that end soon, whatever the order,
// and notice when something is lost. They use the public face only.
//
// What stands here runs on every stage that has threads. What needs more is in a file
// with the name of the stage that has it, and compiled for that stage and all later
// ones (schedules.sh); for the others it adds what stands here, nothing.

import CLinux
import Controlled
import Stage

struct Scenario {
  let name: String

  /// The first stage on which it must hold.
  let from: String

  /// What must hold, in a few words.
  let law: String
  let procs: Int

  /// How often, one run after the other, in one process.
  let runs: Int

  /// It is run in every so many rounds: a long one takes the time of many others.
  let every: Int

  /// Stages that do not promise it, as their READMEs say: there a schedule must be
  /// found in which it does not hold.
  let lacking: [String]
  let body: @Sendable () throws -> Void

  init(
    _ name: String,
    from: String,
    law: String,
    procs: Int,
    runs: Int = 1,
    every: Int = 1,
    lacking: [String] = [],
    body: @escaping @Sendable () throws -> Void
  ) {
    self.name = name
    self.from = from
    self.law = law
    self.procs = procs
    self.runs = runs
    self.every = every
    self.lacking = lacking
    self.body = body
  }
}

protocol Additions {}

extension Additions {
  static var syscalls: [Scenario] { [] }
  static var processors: [Scenario] { [] }
  static var stealing: [Scenario] { [] }
  static var timers: [Scenario] { [] }
  static var netpoll: [Scenario] { [] }
  static var preemption: [Scenario] { [] }
  static var stops: [Scenario] { [] }

  /// A place where others may go first, and where this goroutine is preempted.
  static func check() { _ = controlled_point(nil) }

  /// Sets GOMAXPROCS during a run.
  static func resize(_ n: Int) {}

  /// What GODEBUG must say, so that nothing but points gives the baton away.
  static var godebug: String? { nil }
}

/// A stage's own come before those above.
enum Scenarios: Additions {
  static let all = [
    first, syscalls, processors, stealing, timers, netpoll, preemption,
    stops,
  ].flatMap(\.self)
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

/// Keeps the place of this goroutine busy until condition holds, which others see to.
func busy(_ what: String, until condition: () -> Bool) {
  let start = controlled_now()
  while !condition() {
    Scenarios.check()
    controlled_yield()
    expect(controlled_now() - start < tooLate, "\(what): nobody came to run it")
  }
}

/// Which run of the process it is.
let runNumber = Cell(0)

extension Scenarios {
  static let first = [
    Scenario(
      "wake-up",
      from: "03",
      law: "what is made ready while a P is idle is run, though its maker goes on",
      procs: 2,
      lacking: ["05"]
    ) {
      for pause in [3, 100, 3, 200] {
        let c = Channel<Int>(capacity: 1)
        let got = Cell(0)
        go { got.value = c.receive() ?? -1 }
        busy("a new goroutine") { c.count == 0 }
        // By now it has parked, or is about to; the other M looks for work, or sleeps.
        for _ in 0..<pause { check() }
        c.send(1)
        busy("a receiver") { got.value == 1 }
      }
    },
    Scenario(
      "wake-up from sleep",
      from: "03",
      law: "what is made ready while an M sleeps is run, though its maker goes on",
      procs: 2
    ) {
      for _ in 0..<3 {
        let c = Channel<Int>(capacity: 1)
        let got = Cell(0)
        // Long enough for all others to have nothing to do.
        controlled_sleep(200_000)
        go { got.value = c.receive() ?? -1 }
        busy("a new goroutine") { c.count == 0 }
        controlled_sleep(200_000)
        c.send(1)
        busy("a receiver") { got.value == 1 }
      }
    },
    Scenario(
      "spawn",
      from: "03",
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
      "ping-pong",
      from: "03",
      law: "of two that wait for each other one runs, once, whoever takes it",
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
      "channels",
      from: "03",
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
      "select",
      from: "03",
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
      "locks",
      from: "03",
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
      "places",
      from: "03",
      law: "no more run at a time than GOMAXPROCS",
      procs: 2
    ) {
      let group = WaitGroup()
      let running = Cell(0)
      for _ in 0..<4 {
        group.go {
          for _ in 0..<3 {
            running.value += 1
            expect(running.value <= 2, "\(running.value) run at a time")
            for _ in 0..<3 { _ = controlled_point(nil) }
            running.value -= 1
            gosched()
          }
        }
      }
      group.wait()
    },
    Scenario(
      "runs",
      from: "03",
      law: "a run ends whatever its goroutines do; they run in no other",
      procs: 3,
      runs: 3
    ) {
      runNumber.value += 1
      let mine = runNumber.value
      let c = Channel<Int>()
      let started = Cell(0)
      @Sendable func look() {
        expect(runNumber.value == mine, "a goroutine of another run goes on")
      }
      for k in 0..<4 {
        go {
          started.value += 1
          if k % 2 == 0 { _ = c.receive() }
          for _ in 0..<100 {
            gosched()
            look()
          }
        }
      }
      while started.value < mine {
        controlled_yield()
        gosched()
      }
      if mine == 2 { c.close() }
    },
    Scenario(
      "chain",
      from: "03",
      law: "of several made at once each is run while a P is idle, though none ends",
      procs: 5,
      lacking: ["05", "06"]
    ) {
      for _ in 0..<2 {
        let started = Cell(0)
        let group = WaitGroup()
        for _ in 0..<4 {
          group.go {
            started.value += 1
            busy("one of four") { started.value == 4 }
          }
        }
        busy("four goroutines") { started.value == 4 }
        group.wait()
      }
    },
  ]
}
