// SPDX-License-Identifier: Apache-2.0
//
// A goroutine yields at its next check, if it has one. Three ways in which Swift code can
// have it, each beside code that has none:
//
//   1  checkpoint(), written by hand
//   2  safe points that the compiler puts in (loop.swift, as Covered)
//   3  the prologue that a Go function has (splitStack.swift)
//
// Nothing here depends on how long something takes: a loop goes on until it was asked to
// yield, and what is counted is where it did.

import Covered
import Glibc
import Morestack
import Plain
import SplitStack
import Stage
import Synchronization

/// How a loop answered when it was asked to yield.
struct Answers {
  /// Another goroutine ran while the loop did.
  var inside = 0

  /// None did; one ran at the first check behind the loop.
  var after = 0
}

/// A row of the table: a loop, and whether it has checks.
struct Row {
  let name: String
  let hasCheck: Bool
  let loop: @Sendable (Int) -> Int
}

/// How often each loop is asked.
private let requests = 5

@main
struct Prologue {
  static func main() throws {
    let way = CommandLine.arguments.dropFirst().first ?? ""
    guard let rows = rows[way] else {
      print("usage: prologue 1|2|3")
      exit(2)
    }
    do {
      try run(procs: 1) {
        if !show(rows) { throw Unexpected() }
      }
    } catch is Unexpected {
      print("prologue: that is not what should be seen")
      exit(1)
    }
  }
}

private struct Unexpected: Error {}

private let rows: [String: [Row]] = [
  "1": [
    Row(name: "a loop without a call", hasCheck: false, loop: Plain.loop),
    Row(name: "a loop that calls checkpoint()", hasCheck: true, loop: loopWithCheckpoint),
  ],
  "2": [
    Row(name: "a loop without a call", hasCheck: false, loop: Plain.loop),
    Row(name: "the same, compiled with safe points", hasCheck: true, loop: Covered.loop),
  ],
  "3": [
    Row(name: "a leaf: no frame, no check", hasCheck: false) { rounds in
      watched { SplitStack.leaf(rounds) }
    },
    Row(name: "a loop that calls a function with a check", hasCheck: true) { rounds in
      watched { SplitStack.calls(rounds) }
    },
  ],
]

/// Way 1.
@Sendable
private func loopWithCheckpoint(_ rounds: Int) -> Int {
  var n = 1
  for _ in 0..<rounds {
    n = (n &* 6_364_136_223_846_793_005) ^ (n &>> 17)
    checkpoint()
  }
  return n
}

/// Way 2: what a safe point calls. `Covered` runs on goroutines only, as checkpoint must.
@_cdecl("__sanitizer_cov_trace_pc_guard")
public func safePoint(_ site: UnsafeMutablePointer<UInt32>) {
  checkpoint()
}

/// Called once, before main: every safe point could get a number here.
@_cdecl("__sanitizer_cov_trace_pc_guard_init")
public func safePoints(
  _ start: UnsafeMutablePointer<UInt32>,
  _ stop: UnsafeMutablePointer<UInt32>
) {}

/// Way 3: what __morestack calls. The guard was poisoned; whether the goroutine is to
/// yield the runtime knows.
@_cdecl("prologue_check")
public func prologueCheck() {
  guardclear(guardaddress())
  checkpoint()
}

/// Runs `body` while a thread poisons the guard of this one again and again: for the word
/// that the compiler's prologue looks at it does what sysmon does for stackguard0.
private func watched(_ body: () -> Int) -> Int {
  let watch = Watch(guardaddress())
  let thread = watch.start()
  let result = body()
  watch.isOver.store(true, ordering: .relaxed)
  pthread_join(thread, nil)
  guardclear(watch.guarded)
  return result
}

private final class Watch: @unchecked Sendable {
  let guarded: UnsafeMutableRawPointer
  let isOver = Atomic(false)

  init(_ guarded: UnsafeMutableRawPointer) {
    self.guarded = guarded
  }

  func start() -> pthread_t {
    var thread = pthread_t()
    let status = pthread_create(
      &thread,
      nil,
      { argument in
        let watch = Unmanaged<Watch>.fromOpaque(argument!).takeRetainedValue()
        while !watch.isOver.load(ordering: .relaxed) {
          guardpoison(watch.guarded)
          usleep(100)
        }
        return nil
      },
      Unmanaged.passRetained(self).toOpaque()
    )
    guard status == 0 else { fatalError("no thread to be had") }
    return thread
  }
}

/// What another goroutine counts.
private final class Turns: Sendable {
  let taken = Atomic(0)
  let isOver = Atomic(false)
}

/// Prints a line for each loop. False: it is not what should be seen.
private func show(_ rows: [Row]) -> Bool {
  print(line("", "yields in it", "behind it"))
  var isExpected = true
  var yields: UInt64 = 0
  let before = schedulerCounters().preemptions
  for row in rows {
    let answers = ask(row.loop)
    print(line(row.name, "\(answers.inside)", "\(answers.after)"))
    yields += UInt64(answers.inside + answers.after)
    isExpected = isExpected && row.hasCheck == (answers.inside > 0)
  }
  let preemptions = schedulerCounters().preemptions - before
  print("\nThe scheduler has counted \(preemptions) preemptions.")
  return isExpected && preemptions >= yields
}

/// A use for a result, or the loop would be left out.
@inline(never)
@_optimize(none)
private func keep(_ result: Int) {}

/// Runs the loop on the only P, longer and longer until it has been asked to yield, while
/// another goroutine waits for its turns.
private func ask(_ loop: (Int) -> Int) -> Answers {
  let turns = Turns()
  go {
    while !turns.isOver.load(ordering: .relaxed) {
      turns.taken.add(1, ordering: .relaxed)
      gosched()
    }
  }
  var answers = Answers()
  var rounds = 1 << 18
  while answers.inside + answers.after < requests {
    let before = turns.taken.load(ordering: .relaxed)
    keep(loop(rounds))
    let behind = turns.taken.load(ordering: .relaxed)
    checkpoint()
    if behind > before {
      answers.inside += 1
    } else if turns.taken.load(ordering: .relaxed) > behind {
      answers.after += 1
    } else {
      rounds *= 2
    }
  }
  turns.isOver.store(true, ordering: .relaxed)
  return answers
}

private func line(_ name: String, _ inside: String, _ after: String) -> String {
  func right(_ text: String) -> String {
    String(repeating: " ", count: max(0, 14 - text.count)) + text
  }
  return "  " + name + String(repeating: " ", count: 44 - name.count) + right(inside)
    + right(after)
}
