// SPDX-License-Identifier: Apache-2.0
//
// schedules: runs small programs under many orders of their threads' steps.

import Arguments
import CLinux
import Controlled
import Stage

struct StandardError: TextOutputStream {
  mutating func write(_ text: String) {
    var text = text
    text.withUTF8 { _ = write_(2, $0.baseAddress!, $0.count) }
  }
}

nonisolated(unsafe) var standardError = StandardError()
let scenarios = Scenarios.all
nonisolated(unsafe) var scenario = scenarios[0]

/// The stage's number, which is in its module's name.
let stage = String(reflecting: WaitGroup.self).dropFirst("Stage".count).prefix(2)

func parsed() -> Options {
  do {
    let arguments = Array(CommandLine.arguments.dropFirst())
    return try parse(arguments, scenarios: scenarios.map(\.name))
  } catch {
    switch error {
    case .help:
      print(usage)
      exit_clean(0)
    case .wrong(let message):
      print("schedules: \(message)\n\(usage)", to: &standardError)
      exit_clean(2)
    }
  }
}

let options = parsed()
if options.lists {
  for s in scenarios { print("\(s.name), from stage \(s.from): \(s.law)") }
  exit_clean(0)
}
let named = options.chosen.map { name in scenarios.first { $0.name == name }! }
let chosen = named.isEmpty ? scenarios : named
controlled_fixed_addresses(CommandLine.unsafeArgv.fixed, Scenarios.godebug)

extension UnsafeMutablePointer where Pointee == UnsafeMutablePointer<CChar>? {
  var fixed: UnsafePointer<UnsafeMutablePointer<CChar>> {
    UnsafeRawPointer(self).assumingMemoryBound(to: UnsafeMutablePointer<CChar>.self)
  }
}

/// The child's whole life.
nonisolated(unsafe) let body: @convention(c) () -> Void = {
  do {
    for _ in 0..<scenario.runs {
      try run(procs: scenario.procs) { try scenario.body() }
    }
  } catch {
    fail("\(error)")
  }
}

/// A run that takes longer in virtual time has stalled: half a second.
let stall: Int64 = 500_000_000

typealias Decisions = [controlled_decision]

/// Runs the scenario as its seed says; its exit status.
func play(seed: UInt64, steps: UInt64, quiet: Bool = true) -> Int32 {
  var plan = controlled_plan(
    seed: seed,
    strategy: UInt32(truncatingIfNeeded: seed % 2),
    steps: steps,
    stall: stall,
    list: nil,
    n: -1
  )
  return controlled_run(&plan, quiet ? 1 : 0, body)
}

/// Runs it as a list says.
func play(_ list: Decisions, quiet: Bool = true) -> Int32 {
  list.withUnsafeBufferPointer {
    var plan = controlled_plan(
      seed: 0,
      strategy: 0,
      steps: 0,
      stall: stall,
      list: $0.baseAddress,
      n: Int32($0.count)
    )
    return controlled_run(&plan, quiet ? 1 : 0, body)
  }
}

/// The decisions of the last run.
func recorded() -> Decisions {
  Array(
    UnsafeBufferPointer(
      start: controlled_decisions(), count: Int(controlled_shared().pointee.n)))
}

/// As few decisions as will do, of a list that fails: takes away halves, quarters and
/// so on as long as what is left still fails. Zeller's ddmin.
func shrink(_ list: Decisions) -> Decisions {
  var list = list
  var parts = 2
  while list.count > 0 {
    let size = (list.count + parts - 1) / parts
    var shrunk = false
    var start = 0
    while start < list.count {
      let rest = Array(list[..<start] + list[min(start + size, list.count)...])
      if play(rest) != 0 {
        list = rest
        shrunk = true
      } else {
        start += size
      }
    }
    if shrunk {
      parts = max(2, parts - 1)
    } else if size == 1 {
      break
    } else {
      parts = min(2 * parts, list.count)
    }
  }
  return list
}

/// The function in which a point is: its own name, without module, arguments and the
/// like. Not what stands for the operation itself, where that is not inlined.
func place(_ d: controlled_decision) -> String {
  withUnsafeBytes(of: d.where) { bytes in
    let pcs = bytes.bindMemory(to: UInt.self).prefix { $0 != 0 }
    return pcs.lazy.map(function).first { !operations.contains($0) } ?? "?"
  }
}

/// Of controlled.swift, and what these call; Atomic stands for all its methods.
let operations = [
  "Atomic", "withUnsafePointer", "procyield", "osyield", "futexsleep", "futexwakeup",
  "usleep_ns", "epollwait",
]

/// The name of the function at pc.
func function(_ pc: UInt) -> String {
  var mangled = [CChar](repeating: 0, count: 1024)
  if symbolize(pc, &mangled, mangled.count) < 0 { return "?" }
  var name = [CChar](repeating: 0, count: 4096)
  if demangle(mangled, &name, name.count) == 0 { name = mangled }
  var text = Substring(decoding: name.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
  if text.contains("schedules.") { return "the scenario" }
  for prefix in [
    "specialization <", "> of ", "variable initialization expression of ", " in ",
  ] {
    if let i = text.end(of: prefix) { text = text[i...] }
  }
  // The module's name ends in a number; a private name is in parentheses.
  if let i = text.end(of: "Stage") { text = text[i...].drop { $0 != "." }.dropFirst() }
  if text.hasPrefix("Atomic") { return "Atomic" }
  if text.first == "(" { text = text.dropFirst() }
  text = text.prefix { !"(<: ".contains($0) }
  return text.split(separator: ".").last.map(String.init) ?? "?"
}

extension Substring {
  /// Where the first occurrence of needle ends.
  func end(of needle: String) -> Index? {
    var i = startIndex
    while i < endIndex {
      if self[i...].hasPrefix(needle) { return index(i, offsetBy: needle.count) }
      i = index(after: i)
    }
    return nil
  }
}

func meaning(_ status: Int32) -> String {
  switch status {
  case Int32(CONTROLLED_DEADLOCK): "every thread sleeps for ever"
  case Int32(CONTROLLED_STALL): "it stalls"
  case Int32(CONTROLLED_ENDLESS): "it does not end"
  case 1: "the scenario finds a mistake"
  case 2: "the runtime finds a mistake"
  case ..<0: "signal \(-status) ends it"
  default: "exit status \(status)"
  }
}

/// Tells of a failure, and ends.
func report(_ seed: UInt64, _ steps: UInt64, _ status: Int32) -> Never {
  let all = recorded()
  print("\(scenario.name): seed \(seed) fails: \(meaning(status)); \(all.count) switches")
  print("again: make schedules N=\(stage) SCENARIO='\(scenario.name)' SEED=\(seed)")
  let again = play(seed: seed, steps: steps)
  if again != status { print("NOT REPEATED: the second time \(meaning(again))") }
  if play(all) == 0 {
    print("the list of its switches does not fail: no shorter one is looked for")
    _ = play(seed: seed, steps: steps, quiet: false)
    exit_clean(1)
  }
  let few = shrink(all)
  print("\(few.count) of them will do; in between, threads go on until they sleep:")
  for d in few {
    let verb = [
      "is stopped", "sleeps", "waits",
    ][Int(d.reason)]
    print(
      "  thread \(d.thread) \(verb) in \(place(d)), its point \(d.point):",
      "thread \(d.to) goes on")
  }
  print("and then:")
  _ = play(few, quiet: false)
  exit_clean(1)
}

textinit()

/// Of a scenario that does not hold on every stage: it fails here, and that is known.
func isLacking(_ s: Scenario) -> Bool { s.lacking.contains(String(stage)) }

/// Steps of each scenario without any switch.
var steps: [UInt64] = []
for s in chosen {
  scenario = s
  let plain = play([])
  if plain != 0, !isLacking(s) {
    print("\(s.name): fails without any switch: \(meaning(plain))")
    _ = play([], quiet: false)
    exit_clean(1)
  }
  steps.append(controlled_shared().pointee.steps)
}

// All scenarios take turns, so that a mistake is found by the one that is quickest.
// Seconds are those of the processor: how busy the machine is makes no difference.
let until = controlled_cputime() + Int64(options.seconds * 1e9)
/// How much longer those that must fail may take to.
let patience: Int64 = 60_000_000_000

/// With which seed each of those that must fail has failed.
var seeds = [UInt64?](repeating: nil, count: chosen.count)
var next = options.seed ?? 1
var n = 0

/// Schedules that each has passed.
var counts = [Int](repeating: 0, count: chosen.count)

@MainActor func unseen() -> [Int] {
  chosen.indices.filter { isLacking(chosen[$0]) && seeds[$0] == nil }
}

/// The scenarios to be run in this round.
@MainActor func due() -> [Int] {
  var all = chosen.indices.filter { seeds[$0] == nil }
  if all.count > 1 { all.removeAll { n % chosen[$0].every != 0 } }
  if n == 0 { return all }
  if let runs = options.runs { return n < runs ? all : [] }
  if options.seed != nil { return [] }
  let now = controlled_cputime()
  return now < until ? all : now < until + patience ? unseen() : []
}

var round = due()
while !round.isEmpty {
  for k in round {
    scenario = chosen[k]
    // With switches there are more steps than without.
    let length = 2 * steps[k]
    let status = play(seed: next, steps: length)
    if status == 0 {
      counts[k] += 1
    } else if isLacking(scenario), options.seed == nil {
      seeds[k] = next
    } else {
      report(next, length, status)
    }
  }
  n += 1
  next &+= 1
  round = due()
}
var missed = 0
for (k, s) in chosen.enumerated() {
  if !isLacking(s) {
    print("\(s.name): \(counts[k]) schedules of \(steps[k]) points and more: \(s.law)")
  } else if let seed = seeds[k] {
    print("\(s.name): not promised here, and seed \(seed) shows it: \(s.law)")
  } else if options.seed == nil {
    print("\(s.name): NOT SEEN TO FAIL, though stage \(stage) does not promise: \(s.law)")
    missed += 1
  }
}
let few = missed > 0 ? ", \(missed) not seen to fail" : ""
print("schedules: stage \(stage): \(counts.reduce(0, +)) passed\(few)")
if missed > 0 { exit_clean(1) }
