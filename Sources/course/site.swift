// SPDX-License-Identifier: Apache-2.0
//
// The notes as pages for a browser: what there is, and in which order.
//
// Markdown goes through the toolchain's DocC, which parses it and resolves what links
// to what. Its own pages fetch their text, which browsers refuse where files are opened
// without a server; so pages are written here from the text that DocC makes (siterender.swift).

import Arguments
import Foundation

/// A page, before DocC has seen it.
struct SitePage {
  /// Its name, in DocC and as a file.
  let slug: String

  /// In the list of pages.
  let label: String
  let group: String

  /// The file whose place it takes, from the repository's root.
  let path: String
  let text: String

  /// Of code that is looked for by name alone.
  var isCode = false
}

struct SiteGroup {
  let title: String
  let slugs: [String]
}

/// What was found, and what the pages need beside themselves.
final class Site {
  let ladder: Ladder
  private(set) var pages: [SitePage] = []

  /// Pages that nothing lists: files that some page links to.
  private(set) var sources: [String: SitePage] = [:]
  private(set) var problems: [String] = []

  /// Pictures, by the name that they get.
  private(set) var pictures: [String: String] = [:]
  private var slugs: [String: String] = [:]

  /// Timelines that were made: file names, by number of their stage.
  let timelines: [String: String]

  init(_ ladder: Ladder, timelines: [String: String]) {
    self.ladder = ladder
    self.timelines = timelines
    collect()
    for page in pages { slugs[page.path] = page.slug }
  }

  /// In their order.
  var groups: [SiteGroup] {
    var result: [SiteGroup] = []
    for page in pages {
      if let last = result.last, last.title == page.group {
        result[result.count - 1] = SiteGroup(
          title: last.title, slugs: last.slugs + [page.slug])
      } else {
        result.append(SiteGroup(title: page.group, slugs: [page.slug]))
      }
    }
    return result
  }

  private func text(_ path: String) -> String? {
    ladder.data(path).map { String(decoding: $0, as: UTF8.self) }
  }

  private func add(_ path: String, _ slug: String, _ label: String, _ group: String) {
    guard let text = text(path) else { return }
    pages.append(SitePage(slug: slug, label: label, group: group, path: path, text: text))
  }

  private func add(
    _ path: String, _ slug: String, _ label: String, _ group: String, made text: String,
    isCode: Bool = false
  ) {
    pages.append(
      SitePage(
        slug: slug, label: label, group: group, path: path, text: text, isCode: isCode))
  }

  private func collect() {
    let notes = (try? ladder.git.files(under: ["Notes"])) ?? []
    add("README.md", "index", "What this is", "Start")
    let (prologue, epilogue) = ("Notes/00-prologue.md", "Notes/00-epilogue.md")
    add(prologue, "prologue", "Prologue", "Start")
    for (i, stage) in ladder.stages.enumerated() {
      let group = stage.name.replacingOccurrences(of: "-", with: " ")
      add(stage.chapter, stage.name, "Chapter", group)
      add(
        "\(stage.folder)/README.md", "\(stage.number)-stage", "The stage in one page",
        group)
      if i > 0 { addStep(from: ladder.stages[i - 1], to: stage, group) }
      addTimeline(stage, notes, group)
      addExercises(stage, group)
      addMuseum(stage, group)
    }
    add(epilogue, "epilogue", "Epilogue", "After the last stage")
    let labels = [
      "Notes/00-go-map.md": "From our functions to Go's",
      "Notes/00-glossary.md": "Glossary",
      "Notes/00-style.md": "Style", "Notes/15-seed-facts.md": "Facts, and where they are",
      "Notes/api.md": "Public functions", "Notes/numbers.md": "Numbers",
      "Notes/traces.md": "Traces", "Notes/debuggers.md": "Debuggers",
      "Notes/host.md": "Beside Foundation and others", "Notes/models/README.md": "Models",
    ]
    let known = Set(ladder.stages.map(\.chapter) + [prologue, epilogue])
    let first = [
      "Notes/00-glossary.md", "Notes/00-go-map.md", "Notes/15-seed-facts.md",
      "Notes/api.md",
      "Notes/numbers.md", "Notes/traces.md", "Notes/debuggers.md", "Notes/host.md",
      "Notes/models/README.md", "Notes/00-style.md",
    ]
    let others = notes.filter { $0.hasSuffix(".md") && !known.contains($0) }
    for path in first.filter(others.contains) + others.filter({ !first.contains($0) }) {
      let name = path.dropFirst(6).dropLast(3).replacingOccurrences(of: "/", with: "-")
      add(path, name.lowercased(), labels[path] ?? name, "Look things up")
    }
    add("CONTRIBUTING.md", "contributing", "How to change a stage", "Look things up")
  }

  /// What a step changes, a section for each file.
  private func addStep(from a: Stage, to b: Stage, _ group: String) {
    let step = Step(ladder, a, b)
    let size = tally(ladder, step)
    var lines = [
      "# The step from \(a.number) to \(b.name)", "",
      "\(size.added) lines come and \(size.removed) go in"
        + " \(plural(step.changed.count, "file"))\(step.new.isEmpty ? "" : ", \(plural(step.new.count, "file")) are new").",
      "In a terminal: `make diff A=\(a.number) B=\(b.number)`,"
        + " with `SIDE=1` in two columns, with `WORDS=1` word by word.", "",
    ]
    let up = "../../"
    for path in step.new {
      let count = ladder.source("\(b.folder)/\(path)")?.lines.count ?? 0
      lines.append("- new: [\(path)](\(up)\(b.folder)/\(path)), \(plural(count, "line"))")
    }
    lines += step.gone.map { "- gone: `\($0)`" } + [""]
    for path in step.changed {
      guard let old = ladder.source("\(a.folder)/\(path)"),
        let new = ladder.source("\(b.folder)/\(path)")
      else { continue }
      let text = difference(old, new, Style()).dropFirst(2)
      lines += ["## \(path)", "", "``````diff \(path)"] + text + ["``````", ""]
    }
    add(
      "\(diffFolder)/\(a.number)-\(b.number).diff", "\(a.number)-\(b.number)-step",
      "The step as a diff", group, made: lines.joined(separator: "\n"), isCode: true)
  }

  private func addTimeline(_ stage: Stage, _ notes: [String], _ group: String) {
    let pictures = notes.filter {
      $0.hasPrefix("Notes/pictures/\(stage.number)-") && $0.hasSuffix(".svg")
    }
    let look = (text("\(stage.folder)/README.md") ?? "").components(separatedBy: "\n\n")
      .first { $0.hasPrefix("*Look at:*") }
    var lines = ["# \(stage.number): what the scheduler does", ""]
    if let look { lines += [look, ""] }
    if let file = timelines[stage.number] {
      let program = file.dropFirst(3).dropLast(5)
      lines += [
        "[Open the timeline of `\(program)`](site-file:\(file)): lanes to zoom into; `?` shows"
          + " its keys. It is what `make trace N=\(stage.number) PROGRAM=\(program)` makes.",
        "",
      ]
    } else {
      lines += [
        "`make trace N=\(stage.number) PROGRAM=turns` makes a page of lanes to zoom into;"
          + " `make run` lists the programs, and `make site TIMELINES=1` puts such a page here.",
        "",
      ]
    }
    for picture in pictures {
      let name = picture.split(separator: "/").last!
      lines += [
        "## \(name.dropFirst(3).dropLast(4))", "",
        "![What the scheduler does on stage \(stage.number)](pictures/\(name))", "",
      ]
    }
    add(
      "Notes/\(stage.number)-timeline", "\(stage.number)-timeline", "A timeline", group,
      made: lines.joined(separator: "\n"))
  }

  /// Exercises of a stage: a page that lists them, and one for each.
  private func addExercises(_ stage: Stage, _ group: String) {
    let folder = "Exercises/\(stage.name)"
    let readmes = ladder.files(in: folder).filter {
      $0.hasSuffix("/README.md") && $0.split(separator: "/").count == 2
    }
    if readmes.isEmpty { return }
    var list = ["# Exercises of stage \(stage.number)", ""]
    var pages: [(path: String, slug: String, label: String, text: String)] = []
    for readme in readmes {
      let name = readme.split(separator: "/")[0]
      let path = "\(folder)/\(readme)"
      guard var text = text(path) else { continue }
      let title =
        text.split(separator: "\n").first { $0.hasPrefix("# ") }?.dropFirst(2) ?? name
      list.append("- [\(title)](\(name)/README.md)")
      if let hints = self.text("\(folder)/\(name)/hints.md") {
        text += "\n\n## Hints\n"
        for section in sections(of: hints) {
          text += hidden("Hint \(section.title)", section.text)
        }
      }
      if let why = self.text("\(folder)/\(name)/why.md") {
        text += "\n\n## Answer\n" + hidden("What happens, and why", why)
      }
      pages.append(
        (path, "\(stage.number)-\(name.prefix(2))-exercise", String(title), text))
    }
    list += ["", "`make start N=\(stage.number) E=01` lays out a working copy of one."]
    let overview = "\(folder)/README.md"
    add(
      overview, "\(stage.number)-exercises", "Exercises", group,
      made: text(overview) ?? list.joined(separator: "\n"))
    for page in pages { add(page.path, page.slug, page.label, group, made: page.text) }
  }

  /// The bugs of a stage, one after the other. How each shows is in the open, and what
  /// it is, is not.
  private func addMuseum(_ stage: Stage, _ group: String) {
    let bugs = Collection(ladder, stage).bugs
    guard let folder = bugs.first?.folder else { return }
    let slug = "\(stage.number)-museum"
    var text = """
      # The bug museum of stage \(stage.number)

      Each of these is a mistake that somebody makes, and each is found by a test. Look at a symptom, and
      guess, before you open the rest. `make museum N=\(stage.number) BUG=\(bugs[0].slug)` plants one in a
      copy of the stage.

      """
    for bug in bugs {
      slugs[bug.page] = slug
      text += "\n## \(bug.title)\n"
      for section in sections(of: self.text(bug.page) ?? "") {
        text +=
          section.title == "Symptom"
          ? section.text + "\n" : hidden(section.title, section.text)
      }
      let patch = (self.text(bug.patch) ?? "").components(separatedBy: "\n")
      let lines = patch.drop { !$0.hasPrefix("--- ") }.joined(separator: "\n")
      text += hidden("The mistake", "``````diff\n\(lines)\n``````")
      if !bug.real.isEmpty { text += "\nSeen before: \(bug.real)\n" }
      text += "\n`make museum N=\(stage.number) BUG=\(bug.slug)`\n"
    }
    add("\(folder)/README.md", slug, "The bug museum", group, made: text)
  }

  /// The parts below headings of the second level.
  private func sections(of text: String) -> [(title: String, text: String)] {
    let lines = text.components(separatedBy: "\n")
    return Note(path: "", text: text).sections.filter { $0.level == 2 }.map {
      ($0.title, lines[$0.lines].dropFirst().joined(separator: "\n"))
    }
  }

  /// What is read by who opens it.
  private func hidden(_ title: String, _ text: String) -> String {
    "\n<details><summary>\(title)</summary>\n\n\(text)\n\n</details>\n"
  }

  // What links lead to.

  func complain(_ problem: String) { problems.append(problem) }

  enum Target {
    /// Another page, and perhaps a heading on it.
    case page(String, anchor: String?)
    case picture(String)

    /// Something elsewhere, as it is.
    case other(String)
    case nothing
  }

  /// Where a link of a file leads.
  func target(_ link: String, from path: String) -> Target {
    if link.hasPrefix("site-file:") || link.wholeMatch(of: /[a-z]+:.*/) != nil {
      return .other(link)
    }
    let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
    let anchor = parts.count > 1 ? String(parts[1]) : nil
    let folder = path.split(separator: "/").dropLast().joined(separator: "/")
    let file = parts[0].isEmpty ? path : joined(folder, String(parts[0]))
    if let slug = slugs[file] ?? slugs["\(file)/README.md"] ?? sources[file]?.slug {
      return .page(slug, anchor: anchor)
    }
    guard FileManager.default.fileExists(atPath: ladder.url(file).path) else {
      return .nothing
    }
    if [".svg", ".png", ".jpg"].contains(where: file.hasSuffix) {
      let name = file.replacingOccurrences(of: "/", with: "-")
      pictures[name] = file
      return .picture(name)
    }
    let page = sourcePage(file)
    sources[file] = page
    return .page(page.slug, anchor: nil)
  }

  /// A file that is linked to and is no page, or a folder, as a page.
  private func sourcePage(_ file: String) -> SitePage {
    let slug =
      "file-"
      + file.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? String($0) : "-" }
      .joined()
    var lines = ["# \(file)", ""]
    if let files = try? FileManager.default.contentsOfDirectory(
      atPath: ladder.url(file).path)
    {
      let here = Set(
        ((try? ladder.git.files(under: [file])) ?? []).map {
          String($0.dropFirst(file.count + 1).split(separator: "/")[0])
        })
      lines += files.filter(here.contains).sorted().map { "- [\($0)](\($0))" }
      return SitePage(
        slug: slug, label: file, group: "", path: "\(file)/.",
        text: lines.joined(separator: "\n"), isCode: true)
    }
    let text = text(file) ?? ""
    lines += [
      "``````\(language(of: file))", text.trimmingCharacters(in: .newlines), "``````",
    ]
    return SitePage(
      slug: slug, label: file, group: "", path: file, text: lines.joined(separator: "\n"),
      isCode: true)
  }

  private func language(of file: String) -> String {
    switch file.split(separator: ".").last ?? "" {
    case "swift": "swift"
    case "S": "asm"
    case "c", "h", "pml", "go": "c"
    case "sh": "sh"
    case "diff", "patch": "diff"
    default: "text"
    }
  }
}
