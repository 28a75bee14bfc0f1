// SPDX-License-Identifier: Apache-2.0
//
// Both ways of counting, timed, compared, and printed.

import Glibc
import Stage

struct Result {
  var plain: Count
  var plainTime: Duration
  var concurrent: Count
  var concurrentTime: Duration
  var counters: SchedulerCounters
}

/// Takes a value out of the runtime.
private final class Holder<Value>: @unchecked Sendable {
  var value: Value? = nil
}

/// The loop runs first, and so it may be the one that waits for the disk. To be
/// fair it runs again at the end if that is soon done, and its better time counts.
func measure(_ root: Path) -> Result {
  var (plain, plainTime) = timed("plain loop", root, countPlainly)
  let holder = Holder<(Count, Duration, SchedulerCounters)>()
  do {
    try run {
      let (count, time) = timed("goroutines", root, countWithGoroutines)
      holder.value = (count, time, schedulerCounters())
    }
  } catch {
    fatalError("\(error)")
  }
  let (concurrent, concurrentTime, counters) = holder.value!
  if plainTime < .seconds(5) {
    let (again, time) = timed("plain loop", root, countPlainly)
    plain = again
    plainTime = min(plainTime, time)
  }
  return Result(
    plain: plain,
    plainTime: plainTime,
    concurrent: concurrent,
    concurrentTime: concurrentTime,
    counters: counters
  )
}

/// The goroutines' part once more, with a trace of it, and a line of what was measured
/// without one.
func record(_ result: Result, _ root: Path, _ file: String) throws {
  try traceStart(to: file + ".trace")
  try run { _ = timed("recording", root, countWithGoroutines) }
  traceStop()
  let c = result.counters
  let columns = [
    fixed(result.plainTime / .seconds(1) * 1000, 1),
    fixed(result.concurrentTime / .seconds(1) * 1000, 1),
    count(OnStage.threads(c)), "\(c.goroutinesCreated)", "\(c.switches)",
    count(OnStage.steals(c)?.times), count(OnStage.handoffs(c)),
    count(OnStage.preemptions(c)),
  ]
  guard let out = fopen(file + ".tsv", "w") else {
    throw IOError(errno: errno, operation: "open")
  }
  fputs(columns.joined(separator: "\t") + "\n", out)
  if fclose(out) != 0 { throw IOError(errno: errno, operation: "write") }
}

/// What a stage does not have is not zero.
private func count(_ n: UInt64?) -> String { n.map { "\($0)" } ?? "-" }

private func timed(
  _ what: String,
  _ root: Path,
  _ count: (Path, Progress) -> Count
) -> (Count, Duration) {
  let progress = Progress(what)
  let clock = ContinuousClock()
  let start = clock.now
  let result = count(root, progress)
  let time = clock.now - start
  progress.clear()
  return (result, time)
}

/// What is not the same, or nil.
func difference(_ a: Count, _ b: Count) -> String? {
  if a.findings.settled(a.words) != b.findings.settled(b.words) {
    return "they read other files"
  }
  let word =
    a.words.firstDifference(from: b.words) ?? b.words.firstDifference(from: a.words)
  return word.map { "the word '\(printable($0, atMost: 40))'" }
}

extension Findings {
  /// Whether the reader or the table comes across a run that is too long depends
  /// on where chunks were cut; the sum does not.
  fileprivate func settled(_ words: WordTable) -> Findings {
    var findings = self
    findings.overlong += words.overlong
    return findings
  }
}

func report(_ result: Result, top: Int) {
  let words = result.concurrent.words
  let findings = result.concurrent.findings.settled(words)
  printTop(words.top(top))
  print(bold("files"), right(grouped(findings.files), 17))
  print(bold("bytes"), right(grouped(findings.bytes), 17))
  print(bold("words"), right(grouped(words.total), 17), terminator: "")
  print(", \(grouped(words.count)) different")
  printLeftOut(findings)
  printTimes(result)
  printCounters(result.counters)
}

private func printTop(_ top: [(word: [UInt8], count: Int)]) {
  for (i, entry) in top.enumerated() {
    let word = printable(entry.word, atMost: 40)
    print(right(grouped(i + 1), 5) + right(grouped(entry.count), 18) + "  " + bold(word))
  }
  if !top.isEmpty { print() }
}

private func printLeftOut(_ findings: Findings) {
  print("left out: everything in .git and .build")
  func line(_ n: Int, _ one: String, _ many: String) {
    if n > 0 { print("          " + plural(n, one, many)) }
  }
  line(findings.binary, "binary file", "binary files")
  line(findings.failures.count, "file unreadable", "files unreadable")
  line(findings.links, "symbolic link, not followed", "symbolic links, not followed")
  line(findings.others, "pipe, socket or device", "pipes, sockets and devices")
  let letters = "of more than \(grouped(longestWord)) letters"
  line(findings.overlong, "run \(letters)", "runs \(letters)")
  print()
}

private func printTimes(_ result: Result) {
  let plain = result.plainTime / .seconds(1)
  let concurrent = result.concurrentTime / .seconds(1)
  let megabytes = Double(result.concurrent.findings.bytes) / 1e6
  func line(_ name: String, _ seconds: Double) -> String {
    left(name, 12) + right(fixed(seconds * 1000, 1), 9) + " ms"
      + right(fixed(megabytes / seconds, 0), 9) + " MB/s"
  }
  print(line("plain loop", plain))
  print(line("goroutines", concurrent), terminator: "")
  print(bold("   \(fixed(plain / concurrent, 2)) times as fast") + ", the same result")
}

private func printCounters(_ c: SchedulerCounters) {
  var parts = [
    plural(c.goroutinesCreated, "goroutine"),
    plural(c.switches, "switch", "switches"),
  ]
  if let n = OnStage.threads(c) { parts.insert(plural(n, "thread"), at: 0) }
  if let steals = OnStage.steals(c) {
    parts.append(
      "\(plural(steals.times, "steal")) of \(plural(steals.goroutines, "goroutine"))")
  }
  if let n = OnStage.handoffs(c) { parts.append(plural(n, "hand-off")) }
  if let n = OnStage.preemptions(c) {
    let bySignal = OnStage.asyncPreemptions(c).map { " (\(grouped($0)) by signal)" }
    parts.append(plural(n, "preemption") + (bySignal ?? ""))
  }
  print("\nthe scheduler: " + parts.joined(separator: ", "))
}
