// SPDX-License-Identifier: Apache-2.0
//
// Every exercise and every bug, proved.

import Arguments
import Foundation

func proveExercises(_ ladder: Ladder, _ options: Options) throws -> Report {
  let only = try options.stages.first.map { try ladder.stage($0) }
  let clock = ContinuousClock()
  let began = clock.now
  let busyBefore = processorSeconds()
  var report = Report()
  var problems: [String] = []
  var times: [Double] = []
  var (exercises, bugs, skipped) = (0, 0, 0)
  let all = Collection(ladder, only)
  let total = all.exercises.count + all.bugs.count
  func done(_ name: String, _ words: String, _ seconds: Double, _ problem: String?) {
    times.append(seconds)
    let count = "[\(times.count)/\(total)]"
    let time = "\(Int(seconds.rounded())) s"
    tell("\(left(count, 9)) \(left(name, 32)) \(left(time, 6)) \(problem ?? words)")
    if let problem { problems.append("\(name): \(problem)") }
  }

  for problem in all.problems {
    tell("          \(problem)")
    problems.append(problem)
  }
  for stage in only.map({ [$0] }) ?? ladder.stages {
    let here = Collection(ladder, stage)
    if here.exercises.isEmpty && here.bugs.isEmpty { continue }
    tell(
      "\(stage.name): \(plural(here.exercises.count, "exercise")), \(plural(here.bugs.count, "bug"))"
    )
    for exercise in here.exercises where exercise.kind == .predict {
      exercises += 1
      let from = clock.now
      let (problem, taken) = try predictionProblem(ladder, exercise)
      done(
        exercise.key + " predict", "prints \(taken)", (clock.now - from) / .seconds(1),
        problem)
    }
    let others = here.exercises.filter { $0.kind != .predict }
    if others.isEmpty && here.bugs.isEmpty { continue }
    let scratch = try Scratch(ladder, stage)
    for (pattern, _, tests) in scratch.deciding where tests.isEmpty {
      problems.append("\(stage.name): no test is called \(pattern)")
      tell("          no test is called \(pattern)")
    }
    let reference = try scratch.reference()
    let time = "\(Int(reference.seconds.rounded())) s"
    let words = reference.happened.joined(separator: "\n            ")
    tell(
      "          \(left("the stage itself", 32)) \(left(time, 6)) "
        + (reference.passed
          ? "passes \(plural(reference.count, "test"))" : "fails: \(words)"))
    if !reference.passed {
      problems.append("\(stage.name) itself fails: \(words)")
      times += Array(repeating: 0, count: others.count + here.bugs.count)
      continue
    }
    func prove(_ exercise: Exercise) throws {
      exercises += 1
      let from = clock.now
      let (problem, words) = try exerciseProblem(ladder, scratch, exercise)
      done(
        "\(exercise.key) \(exercise.kind.rawValue)", words,
        (clock.now - from) / .seconds(1), problem)
    }
    for exercise in others where exercise.kind == .build { try prove(exercise) }
    for bug in here.bugs {
      bugs += 1
      do {
        let finding = try scratch.find(bug)
        if finding.skipped != nil { skipped += 1 }
        done(
          "\(stage.number) \(bug.slug)", finding.skipped ?? finding.seen, finding.seconds,
          finding.problem)
      } catch let failure as Failure {
        done("\(stage.number) \(bug.slug)", "", 0, failure.message)
      }
    }
    // Last, since what they change is seen by the tests, which are then compiled again.
    for exercise in others where exercise.kind == .extend { try prove(exercise) }
  }
  let seconds = (clock.now - began) / .seconds(1)
  report.isGood = problems.isEmpty
  if !problems.isEmpty {
    report.lines = ["", "what is wrong:"] + problems.map { "  " + $0 }
  }
  let each = times.isEmpty ? 0 : times.reduce(0, +) / Double(times.count)
  report.lines.append(
    "prove-exercises: \(plural(exercises, "exercise")), \(plural(bugs, "bug"))"
      + (skipped > 0 ? " (\(skipped) skipped)" : "")
      + ", \(problems.isEmpty ? "no problem" : plural(problems.count, "problem"))"
      + "; \(Int(seconds.rounded())) s in all, \(String(format: "%.1f", each)) s for one;"
      + " processor time \(Int((processorSeconds() - busyBefore).rounded())) s")
  return report
}

/// What this program's children have used of processors so far.
private func processorSeconds() -> Double {
  var usage = rusage()
  getrusage(RUSAGE_CHILDREN.rawValue, &usage)
  func seconds(_ time: timeval) -> Double {
    Double(time.tv_sec) + Double(time.tv_usec) / 1e6
  }
  return seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

private func predictionProblem(
  _ ladder: Ladder, _ exercise: Exercise
) throws -> (problem: String?, taken: String) {
  let (taken, output) = try ladder.happening(exercise)
  guard let taken else {
    let last = output.components(separatedBy: "\n").last { !$0.isEmpty } ?? "nothing"
    return (
      "`\(exercise.run)` prints nothing that `take` finds; its last line: \(last)", ""
    )
  }
  let line = taken.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  if groups(exercise.expect, taken) == nil {
    return ("`expect` does not match what happened: \(line)", line)
  }
  return (nil, line)
}

/// Untouched it fails as it says; solved it passes.
private func exerciseProblem(
  _ ladder: Ladder, _ scratch: Scratch, _ exercise: Exercise
) throws -> (problem: String?, words: String) {
  let filters = exercise.tests.map { scratch.index.matching($0).filter }
  do {
    let untouched = try scratch.attempt(
      ladder.hole(exercise), exercise, filters: filters)
    let happened = untouched.happened.prefix(4).joined(separator: " / ")
    if untouched.passed { return ("untouched, it passes", "") }
    if untouched.kind == .noTests { return ("its tests are not found", "") }
    if !untouched.says(exercise.fails) {
      return ("untouched, it does not fail with \"\(exercise.fails)\": \(happened)", "")
    }
    // A stage that passes is the solution of what was taken out of it.
    if exercise.kind == .extend || !ladder.added(exercise).isEmpty {
      let solved = try scratch.attempt(
        ladder.solution(exercise), exercise, filters: filters, passes: true)
      if !solved.passed {
        return ("solved, it fails: \(solved.happened.joined(separator: " / "))", "")
      }
      if let warning = solved.warnings.first {
        return ("the compiler warns of its solution: \(warning)", "")
      }
    }
    return (nil, "fails: \(untouched.happened.first ?? "")")
  } catch let failure as Failure {
    return (failure.message, "")
  }
}
