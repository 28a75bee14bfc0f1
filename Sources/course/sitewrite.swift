// SPDX-License-Identifier: Apache-2.0
//
// make site: the pages, and whether what they link to is there.

import Arguments
import Foundation

let templateFolder = "Sources/site"

func writeSite(_ ladder: Ladder, to folder: String, timelines: String?) throws -> Report {
  let manager = FileManager.default
  let out = folder.hasPrefix("/") ? URL(fileURLWithPath: folder) : ladder.url(folder)
  let work = ladder.url(".build/site")
  let made =
    timelines.flatMap {
      try? manager.contentsOfDirectory(atPath: ladder.url($0).path)
    } ?? []
  let site = Site(
    ladder,
    timelines: Dictionary(
      made.filter { $0.hasSuffix(".html") }.sorted().map { (String($0.prefix(2)), $0) },
      uniquingKeysWith: { first, _ in first }))
  let catalog = work.appendingPathComponent("Goroutines.docc")
  let pages = try writeCatalog(site, to: catalog)
  let archive = work.appendingPathComponent("Goroutines.doccarchive")
  var problems = site.problems + (try convert(catalog, to: archive))
  let rendered = try pages.map { page in
    let file = archive.appendingPathComponent(
      "data/documentation/goroutines/\(page.slug.lowercased()).json")
    guard let data = try? Data(contentsOf: file) else {
      throw Failure("DocC wrote no page for \(page.path)")
    }
    return try Renderer.render(page, data)
  }
  problems += linkProblems(rendered, pages, site)
  try emptied(out)
  func write(_ name: String, _ text: String) throws {
    let file = out.appendingPathComponent(name)
    try manager.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
  }
  guard let frame = template(ladder, "page.html") else {
    throw Failure("\(templateFolder)/page.html is missing")
  }
  let titles = Dictionary(uniqueKeysWithValues: rendered.map { ($0.slug, $0.title) })
  let order = site.pages.map(\.slug)
  for (page, rendered) in zip(pages, rendered) {
    let at = order.firstIndex(of: page.slug)
    let before = at.flatMap { $0 > 0 ? order[$0 - 1] : nil }
    let after = at.flatMap { $0 + 1 < order.count ? order[$0 + 1] : nil }
    func step(_ slug: String?, _ kind: String, _ word: String) -> String {
      slug.map {
        "<a class=\"\(kind)\" rel=\"\(kind)\" href=\"\($0).html\"><small>\(word)</small>"
          + "\(escaped(titles[$0] ?? $0))</a>"
      } ?? "<span></span>"
    }
    let contents = rendered.headings.filter { $0.level == 2 }.map {
      "<li><a href=\"#\($0.id)\">\(escaped($0.text))</a></li>"
    }
    try write(
      "\(page.slug).html",
      filled(
        frame,
        [
          "title": escaped(rendered.title),
          "path": escaped(page.path.hasSuffix("-timeline") ? "" : page.path),
          "navigation": navigation(site, page),
          "contents": contents.count > 1
            ? "<h2>On this page</h2><ul>\(contents.joined())</ul>" : "",
          "body": rendered.html,
          "before": step(before, "prev", "before"),
          "after": step(after, "next", "next"),
          "kind": page.isCode ? "wide" : "text",
        ]))
  }
  for name in ["site.css", "site.js"] { try write(name, template(ladder, name) ?? "") }
  try write("search.js", searchIndex(rendered, pages))
  for (name, file) in site.pictures {
    try manager.createDirectory(
      at: out.appendingPathComponent("pictures"), withIntermediateDirectories: true)
    try manager.copyItem(
      at: ladder.url(file), to: out.appendingPathComponent("pictures/\(name)"))
  }
  if let timelines, !made.isEmpty {
    try manager.createDirectory(
      at: out.appendingPathComponent("timelines"), withIntermediateDirectories: true)
    for name in site.timelines.values {
      try manager.copyItem(
        at: ladder.url(timelines).appendingPathComponent(name),
        to: out.appendingPathComponent("timelines/\(name)"))
    }
  }
  try write("pages.txt", rendered.map { "\($0.slug).html\n" }.joined())
  let size = rendered.reduce(0) { $0 + $1.html.utf8.count }
  return Report(
    lines: problems.map { "  " + $0 } + [
      "site: \(plural(rendered.count, "page")), \(size / 1024) KB, in \(out.path);"
        + " to look at: \(out.path)/index.html",
      problems.isEmpty
        ? "site: no problem" : "site: \(plural(problems.count, "problem"))",
    ],
    isGood: problems.isEmpty
  )
}

/// A folder that this wrote before, or one that is empty.
private func emptied(_ folder: URL) throws {
  let manager = FileManager.default
  let files = (try? manager.contentsOfDirectory(atPath: folder.path)) ?? []
  if !files.isEmpty, !files.contains("search.js") {
    throw Failure(
      "\(folder.path) is not empty, and no site: name another folder with SITE=")
  }
  try? manager.removeItem(at: folder)
  try manager.createDirectory(at: folder, withIntermediateDirectories: true)
}

private func template(_ ladder: Ladder, _ name: String) -> String? {
  ladder.data("\(templateFolder)/\(name)").map { String(decoding: $0, as: UTF8.self) }
}

/// The template with a text in the place of each {{name}}.
func filled(_ template: String, _ texts: [String: String]) -> String {
  template.replacing(/\{\{(\w+)\}\}/) { texts[String($0.1)] ?? "" }
}

/// Lets DocC read the catalog. Returns what it complains of.
private func convert(_ catalog: URL, to archive: URL) throws -> [String] {
  try? FileManager.default.removeItem(at: archive)
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = [
    "docc", "convert", catalog.path, "--output-dir", archive.path,
    "--fallback-display-name", "Goroutines", "--fallback-bundle-identifier", "goroutines",
    "--no-transform-for-static-hosting", "--ide-console-output",
  ]
  let log = archive.deletingLastPathComponent().appendingPathComponent("docc.log")
  _ = FileManager.default.createFile(atPath: log.path, contents: nil)
  let output = try FileHandle(forWritingTo: log)
  process.standardOutput = output
  process.standardError = output
  do {
    try process.run()
  } catch {
    throw Failure("docc cannot be run (\(error)): it is a part of the Swift toolchain")
  }
  process.waitUntilExit()
  let text = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
  guard process.terminationStatus == 0 else {
    throw Failure("docc failed: \(text.prefix(2000))")
  }
  return text.split(separator: "\n").filter {
    $0.contains("warning:") || $0.contains("error:")
  }.map { "docc: \($0.replacingOccurrences(of: catalog.path + "/", with: ""))" }
}

/// Pages, headings and files that links lead to.
private func linkProblems(_ rendered: [Rendered], _ pages: [SitePage], _ site: Site)
  -> [String]
{
  let ids = Dictionary(uniqueKeysWithValues: rendered.map { ($0.slug, $0.ids) })
  let timelines = Set(site.timelines.values.map { "timelines/\($0)" })
  let pictures = Set(site.pictures.keys.map { "pictures/\($0)" })
  return zip(rendered, pages).flatMap { rendered, page -> [String] in
    rendered.links.compactMap { link in
      guard let known = ids[link.slug] else {
        return "\(page.path): no page \(link.slug)"
      }
      if let anchor = link.anchor, !known.contains(anchor) {
        return "\(page.path): no heading #\(anchor) on \(link.slug)"
      }
      return nil
    }
      + rendered.files.filter { !timelines.contains($0) && !pictures.contains($0) }
      .map { "\(page.path): no file \($0)" }
  }
}

private func navigation(_ site: Site, _ page: SitePage) -> String {
  let labels = Dictionary(uniqueKeysWithValues: site.pages.map { ($0.slug, $0.label) })
  return site.groups.map { group in
    let isOpen = group.slugs.contains(page.slug)
    let items = group.slugs.map { slug in
      let current = slug == page.slug ? " aria-current=\"page\"" : ""
      let isExercise = slug.hasSuffix("-exercise")
      // Those of other stages are listed on their own page.
      if isExercise, !isOpen { return "" }
      return
        "<li\(isExercise ? " class=\"sub\"" : "")><a href=\"\(slug).html\"\(current)>"
        + "\(escaped(labels[slug] ?? slug))</a></li>"
    }.joined()
    return "<details\(isOpen ? " open" : "")><summary>\(escaped(group.title))</summary>"
      + "<ul>\(items)</ul></details>"
  }.joined(separator: "\n")
}

/// What is searched, as a script: a file may not be fetched where there is no server.
private func searchIndex(_ rendered: [Rendered], _ pages: [SitePage]) -> String {
  var titles: [[String]] = []
  var entries: [[Any]] = []
  for (i, (rendered, page)) in zip(rendered, pages).enumerated() {
    titles.append([
      "\(rendered.slug).html", rendered.title, page.isCode ? "code" : "text",
    ])
    for section in rendered.sections {
      let text = section.text.replacing(/\s+/, with: " ")
      entries.append([i, section.id, section.heading, text])
    }
  }
  func json(_ value: Any) -> String {
    let data = try? JSONSerialization.data(
      withJSONObject: value, options: [.withoutEscapingSlashes])
    return String(decoding: data ?? Data("[]".utf8), as: UTF8.self)
      .replacingOccurrences(of: "\n", with: " ")
  }
  return "const sitePages = \(json(titles));\nconst siteText = \(json(entries));\n"
}
