// SPDX-License-Identifier: Apache-2.0
//
// The table of the numbers, with what why.md says of them.

import Foundation

/// The sections of why.md: what a person says of a workload, which a new run keeps.
struct Why {
  private(set) var sections: [String: String] = [:]

  /// A section begins with `## NAME`. What comes before the first is for its authors.
  init(_ text: String) {
    for part in ("\n" + text).components(separatedBy: "\n## ").dropFirst() {
      let lines = part.split(
        separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
      sections[lines[0].trimmingCharacters(in: .whitespaces)] =
        lines.dropFirst().joined().trimmingCharacters(in: .whitespacesAndNewlines)
    }
  }

  /// Whether it says of this stage why: it names the stage in bold.
  func explains(_ workload: Workload, _ stage: Stage) -> Bool {
    sections[workload.name]?.contains("**\(stage.number)**") ?? false
  }
}

/// Where a stage is worse than the one before, and why.md does not say why.
func unexplained(_ session: Session, _ why: Why) -> [String] {
  session.workloads.flatMap { w in
    session.stages(of: w).compactMap { stage in
      guard let change = session.change(w, stage), change.verdict == .worse,
        !why.explains(w, stage)
      else { return nil }
      return "\(w.name): stage \(stage.number) is worse than the one before, "
        + "\(range(change.ratio)) times; Sources/benchstages/why.md does not say why"
    }
  }
}

private func range(_ s: Spread) -> String {
  s.count == 1
    ? short(s.median) : "\(short(s.median)) (\(short(s.least))..\(short(s.most)))"
}

func notes(_ session: Session, _ why: Why) -> String {
  var text = """
    <!-- SPDX-License-Identifier: Apache-2.0 -->
    <!-- Written by make bench-stages. What is said here about a workload comes from
         Sources/benchstages/why.md. -->

    # Numbers

    What each idea bought, and what it cost: small workloads, each on every stage that has what it
    needs.

    ![The numbers of every workload on every stage](numbers.svg)

    \(caveats(session))
    \(conditions(session))

    A number is the median of the rounds, with the least and the most of them. The ratio is to the
    stage before, round by round: its median, least and most. *Better* and *worse* stand where there
    are three rounds at least, every one of them says so by 5 % or more, and the two ranges do
    not meet; in the drawing such a stage is blue or orange.

    """
  for w in session.workloads { text += section(w, session, why) }
  let missing = unexplained(session, why)
  if !missing.isEmpty {
    text += """

      ## Not explained yet

      Chance, perhaps, where other processes took part; else a reason is wanted.


      """
    text += missing.map { "* \($0)\n" }.joined()
  }
  return text
}

/// In bold, what speaks against these numbers.
private func caveats(_ session: Session) -> String {
  var reasons: [String] = []
  let rounds = Int(session.about["rounds"] ?? "") ?? 0
  if session.about["quick"] == "yes" { reasons.append("did a tenth of the work") }
  if rounds < 3 {
    reasons.append("had \(rounds == 1 ? "one round" : "\(rounds) rounds")")
  }
  let others = session.about["meanwhile"]?.split(separator: " ").first.flatMap { Int($0) }
  if let others, others > 5 {
    reasons.append("shared the machine: other processes used \(others) % of it")
  }
  if session.about["meanwhile"] == nil { reasons.append("was interrupted") }
  if reasons.isEmpty { return "" }
  return "**Not to be relied on.** This run \(reasons.joined(separator: ", and it ")). "
    + "Only large differences mean anything.\n"
}

private func roundsText(_ session: Session) -> String {
  let rounds = session.about["rounds"] ?? ""
  return rounds == "1" ? "one round" : "\(rounds) rounds"
}

private func conditions(_ session: Session) -> String {
  let about = session.about
  let meanwhile = about["meanwhile"]?.split(separator: " ") ?? []
  var lines = [
    "* `\(about["command"] ?? "")`, \(about["date"] ?? ""), \(roundsText(session))",
    "* \(about["machine"] ?? "")",
    "* \(about["compiler"] ?? "")",
  ]
  if meanwhile.count == 2 {
    lines.append(
      "* load \(about["load-before"] ?? "") before and \(about["load-after"] ?? "") after; "
        + "meanwhile other processes used \(meanwhile[0]) % of the machine, "
        + "and its host took \(meanwhile[1]) %")
  }
  return lines.joined(separator: "\n")
}

private func section(_ w: Workload, _ session: Session, _ why: Why) -> String {
  var text = "\n## \(w.name)\n\n"
  text += w.what.prefix(1).uppercased() + w.what.dropFirst()
  text += ". In \(w.unit); \(w.lessIsBetter ? "less" : "more") is better. "
  text += "GOMAXPROCS=\(w.procs). From stage \(w.first) on (`\(w.need)`).\n\n"
  text += "| stage | median | least..most | to the stage before | |\n"
  text += "|---|---|---|---|---|\n"
  for stage in session.stages(of: w) {
    guard let s = session.spread(w, stage) else {
      text += "| \(stage.name) | failed | | | |\n"
      continue
    }
    let change = session.change(w, stage)
    let cells = [
      stage.name, short(s.median), "\(short(s.least))..\(short(s.most))",
      change.map { range($0.ratio) } ?? "", change?.verdict.rawValue ?? "",
    ]
    text += "| " + cells.joined(separator: " | ") + " |\n"
  }
  if let said = why.sections[w.name], !said.isEmpty { text += "\n\(said)\n" }
  return text
}
