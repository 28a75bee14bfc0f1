// SPDX-License-Identifier: Apache-2.0
//
// What a build or a run of tests means, in few words.

import Foundation

struct Verdict {
  enum Kind {
    case passed
    case refusedByCompiler
    case failed
    case crashed
    case hung
    case noTests
  }

  var kind = Kind.passed

  /// How many tests ran.
  var count = 0

  /// What happened, for a reader: the first thing that went wrong, whole; then the names
  /// of what else did.
  var happened: [String] = []

  /// Lines that the tests themselves printed.
  var printed: [String] = []

  /// Everything that was printed.
  var output = ""

  /// Lines of the compiler that say warning.
  var warnings: [String] = []
  var seconds = 0.0
  var longestSilence = 0.0

  var passed: Bool { kind == .passed }

  /// Whether a text is in what happened.
  func says(_ text: String) -> Bool {
    happened.joined(separator: "\n").contains(text)
  }
}

extension StageCopy {
  /// Builds the copy, and nil if that is well; then `run` runs its tests.
  func build(all: Bool = false, _ progress: (String) -> Void = { _ in }) throws -> Verdict
  {
    let ended = try execute(
      [
        "swift", "build", "--build-tests", "--disable-xctest",
        "--package-path", ".",
      ], in: folder, environment: all ? ["ALL": "1"] : [:], silence: 1200, limit: 3600,
      line: progress)
    return compiled(ended)
  }

  func run(
    _ filters: [String], silence: Double, limit: Double = 900
  ) throws -> Verdict {
    let ended = try execute(
      [folder.appendingPathComponent(program).path, "--testing-library", "swift-testing"]
        + filters.flatMap { ["--filter", $0] }, in: ladder.root,
      environment: ["SWIFT_BACKTRACE": "enable=no"], silence: silence, limit: limit)
    return judged(ended)
  }
}

/// What a build says.
func compiled(_ ended: Ended) -> Verdict {
  var verdict = Verdict()
  verdict.output = ended.output
  verdict.seconds = ended.seconds
  let lines = ended.output.components(separatedBy: "\n")
  var seen: Set<String> = []
  verdict.warnings = lines.filter {
    $0.contains(": warning: ") && seen.insert($0).inserted
  }
  if ended.status == 0 { return verdict }
  verdict.kind = .refusedByCompiler
  if let silent = ended.silent {
    verdict.happened = ["the build had printed nothing for \(silent) s, and was ended"]
    return verdict
  }
  let first =
    lines.firstIndex { $0.contains(": error: ") }
    ?? lines.firstIndex { $0.contains("error: ") || $0.contains("undefined reference") }
  if let first {
    // The message, and the lines below it that show where.
    verdict.happened = [shortened(lines[first])]
    for line in lines[(first + 1)...].prefix(8) {
      let start = line.drop { $0 == " " }.first
      guard let start, start.isNumber || start == "|" || start == "`" else { break }
      verdict.happened.append(line)
    }
  } else {
    verdict.happened = lines.filter { !$0.isEmpty }.suffix(5).map { $0 }
  }
  return verdict
}

/// A compiler's line without the folder in which the file is.
private func shortened(_ line: String) -> String {
  guard line.hasPrefix("/"), let colon = line.firstIndex(of: ":") else { return line }
  let parts = line[..<colon].split(separator: "/")
  return parts.suffix(2).joined(separator: "/") + line[colon...]
}

/// What a run of tests says.
func judged(_ ended: Ended) -> Verdict {
  var verdict = Verdict()
  verdict.output = ended.output
  verdict.seconds = ended.seconds
  verdict.longestSilence = ended.longestSilence
  var open: [String] = []
  var failed: [String] = []
  var issues: [String: [String]] = [:]
  var current: String?
  for line in ended.output.components(separatedBy: "\n") {
    if let parts = groups(#"^\S+ +Test (?!case |run )(.+) started\.$"#, line) {
      open.append(bare(parts[0]))
      current = nil
    } else if let parts = groups(
      #"^\S+ +Test (?!run )(.+?) (?:with \d+ test cases? )?(passed|failed) after "#, line)
    {
      open.removeAll { $0 == bare(parts[0]) }
      verdict.count += 1
      if parts[1] == "failed" { failed.append(bare(parts[0])) }
      current = nil
    } else if let parts = groups(
      #"^\S+ +Test (.+?) recorded an issue(?: with .*?)? at ([^:]+:\d+):\d+: (.*)$"#, line
    ) {
      current = bare(parts[0])
      issues[current!, default: []].append(cut("\(parts[1]): \(parts[2])"))
    } else if let name = current, let parts = groups(#"^\S* *↳ (.*)$"#, line) {
      issues[name]!.append(cut("  " + parts[0]))
    } else if line.hasPrefix("◇") || line.hasPrefix("✔") || line.hasPrefix("✘") {
      current = nil
    } else if !open.isEmpty, !line.isEmpty, groups(#"^(\s*[◇✔✘↳➜⚠])"#, line) == nil {
      verdict.printed.append(cut(line))
    }
  }
  let words = ended.output.components(separatedBy: "\n").filter(isLastWord)
  if let name = open.first, let silent = ended.silent {
    verdict.kind = .hung
    verdict.happened = ["deadline exceeded: `\(name)` had not ended after \(silent) s"]
  } else if let silent = ended.silent {
    verdict.kind = .hung
    verdict.happened = ["deadline exceeded: nothing was printed for \(silent) s"]
  } else if let name = open.first {
    verdict.kind = words.contains { $0.contains("deadline exceeded") } ? .hung : .crashed
    verdict.happened = ["the process ended in the test `\(name)`, \(how(ended))"]
  } else if let name = failed.first {
    verdict.kind = .failed
    verdict.happened = ["`\(name)` failed:"] + (issues[name] ?? []).prefix(6)
  } else if ended.status != 0 {
    verdict.kind = .crashed
    verdict.happened = ["the process ended, \(how(ended))"]
  } else if verdict.count == 0 {
    verdict.kind = .noTests
    verdict.happened = ["no test was run"]
  }
  if verdict.kind == .crashed || verdict.kind == .hung {
    verdict.happened += words.prefix(6).map { "  " + $0 }
  }
  let others = verdict.kind == .failed ? failed.dropFirst() : failed[...]
  for name in others.prefix(20) { verdict.happened.append("`\(name)` failed, too") }
  if others.count > 20 { verdict.happened.append("and \(others.count - 20) more") }
  return verdict
}

/// A message may show whole arrays.
private func cut(_ line: String) -> String {
  line.count > 400 ? line.prefix(200) + " ... " + line.suffix(200) : line
}

/// What a process says before it ends.
private func isLastWord(_ line: String) -> Bool {
  ["atal error: ", "deadline exceeded", "panic: ", "SIG", "runtime: "].contains {
    line.contains($0)
  }
}

private func how(_ ended: Ended) -> String {
  guard let signal = ended.signal else { return "exit status \(ended.status)" }
  let names = [
    SIGSEGV: "SIGSEGV", SIGBUS: "SIGBUS", SIGILL: "SIGILL", SIGABRT: "SIGABRT",
    SIGTRAP: "SIGTRAP", SIGQUIT: "SIGQUIT", SIGKILL: "SIGKILL", SIGFPE: "SIGFPE",
    SIGPIPE: "SIGPIPE",
  ]
  return "signal \(signal)" + (names[signal].map { " (\($0))" } ?? "")
}

private func bare(_ name: String) -> String {
  if name.hasPrefix("\""), name.hasSuffix("\""), name.count > 1 {
    return String(name.dropFirst().dropLast())
  }
  return name.hasSuffix("()") ? String(name.dropLast(2)) : name
}

/// The groups of a regular expression's first match in a text; nil if there is none.
func groups(_ pattern: String, _ text: String) -> [String]? {
  guard let regex = Expressions.shared.regex(pattern),
    let match = regex.firstMatch(in: text, range: NSRange(text.startIndex..., in: text))
  else { return nil }
  return (1..<max(1, match.numberOfRanges)).map { i in
    Range(match.range(at: i), in: text).map { String(text[$0]) } ?? ""
  }
}

/// Those that were compiled, by their texts.
private final class Expressions {
  nonisolated(unsafe) static let shared = Expressions()
  private var known: [String: NSRegularExpression] = [:]

  func regex(_ pattern: String) -> NSRegularExpression? {
    if let regex = known[pattern] { return regex }
    let regex = try? NSRegularExpression(pattern: pattern, options: [.anchorsMatchLines])
    known[pattern] = regex
    return regex
  }
}
