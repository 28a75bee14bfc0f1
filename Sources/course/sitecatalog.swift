// SPDX-License-Identifier: Apache-2.0
//
// Notes as DocC reads them: links by the names of pages, and nothing of what it takes
// for its own.

import Foundation

/// The folder that `docc convert` is given. Pages that are linked to and nothing lists
/// come in while others are written.
func writeCatalog(_ site: Site, to folder: URL) throws -> [SitePage] {
  let manager = FileManager.default
  try? manager.removeItem(at: folder)
  try manager.createDirectory(at: folder, withIntermediateDirectories: true)
  func write(_ name: String, _ text: String) throws {
    try Data(text.utf8).write(to: folder.appendingPathComponent(name))
  }
  var written: [SitePage] = []
  var waiting = site.pages
  var seen: Set<String> = []
  while !waiting.isEmpty {
    for page in waiting where seen.insert(page.slug).inserted {
      try write("\(page.slug).md", catalogText(site, page))
      written.append(page)
    }
    waiting = site.sources.values.filter { !seen.contains($0.slug) }
      .sorted { $0.slug < $1.slug }
  }
  for (name, file) in site.pictures {
    try manager.copyItem(
      at: site.ladder.url(file), to: folder.appendingPathComponent(name))
  }
  let list = written.map { "- <doc:\($0.slug)>" }.joined(separator: "\n")
  try write(
    "Pages.md",
    """
    # Pages

    @Metadata {
      @TechnologyRoot
    }

    All there are.

    ## Topics

    \(list)

    """)
  return written
}

/// A paragraph before the first: DocC makes the first an abstract, whose links to headings
/// have no text.
let abstractMark = "site:abstract"

/// One paragraph of a page that stands for what DocC has not.
let detailsMark = "site:details "
let detailsEnd = "site:end"

func catalogText(_ site: Site, _ page: SitePage) -> String {
  let note = Note(path: page.path, text: page.text)
  var lines: [String] = []
  var isComment = false
  var hasTitle = false
  for (i, line) in note.lines.enumerated() {
    if note.isCode[i] {
      lines.append(line)
      continue
    }
    var text = line
    if isComment || text.contains("<!--") { text = uncommented(text, &isComment) }
    if text.isEmpty, !line.isEmpty { continue }
    lines.append(contentsOf: folded(linked(site, page, text, i)))
    if !hasTitle, text.hasPrefix("# ") {
      hasTitle = true
      lines += ["", abstractMark, ""]
    }
  }
  return lines.joined(separator: "\n") + "\n"
}

private func uncommented(_ line: String, _ isComment: inout Bool) -> String {
  var result = ""
  var rest = line[...]
  while !rest.isEmpty {
    let mark = isComment ? "-->" : "<!--"
    guard let range = rest.range(of: mark) else {
      if !isComment { result += rest }
      break
    }
    if !isComment { result += rest[..<range.lowerBound] }
    isComment.toggle()
    rest = rest[range.upperBound...]
  }
  return result.trimmingCharacters(in: .whitespaces)
}

/// <details>, which DocC leaves out, as paragraphs that stand for it.
private func folded(_ line: String) -> [String] {
  guard
    line.contains("<details") || line.contains("</details>") || line.contains("<summary>")
  else { return [line] }
  var rest = line
  var lines: [String] = []
  let indent = String(line.prefix { $0 == " " })
  if let found = rest.firstMatch(of: /<details[^>]*>/) {
    rest.removeSubrange(found.range)
  }
  if let found = rest.firstMatch(of: /<summary>(.*?)<\/summary>/) {
    let title = found.1.replacing(/[`*]/, with: "")
    lines += ["", "\(indent)`\(detailsMark)\(title)`", ""]
    rest.removeSubrange(found.range)
  }
  let isEnd = rest.contains("</details>")
  rest = rest.replacingOccurrences(of: "</details>", with: "")
  if !rest.allSatisfy(\.isWhitespace) { lines.append(rest) }
  if isEnd { lines += ["", "\(indent)`\(detailsEnd)`", ""] }
  return lines
}

/// A line of text with its links for DocC, and without what would be DocC's.
private func linked(_ site: Site, _ page: SitePage, _ line: String, _ number: Int)
  -> String
{
  // What is between backquotes stays as it is.
  var result = ""
  var rest = line[...]
  while let open = rest.firstIndex(of: "`") {
    result += relinked(site, page, String(rest[..<open]), number)
    let marks = rest[open...].prefix { $0 == "`" }
    let inside = rest[marks.endIndex...]
    guard let close = inside.range(of: String(marks)) else {
      result += rest[open...]
      rest = ""
      break
    }
    // Two of them are a symbol's link in DocC.
    let fence = marks.count == 2 ? "```" : String(marks)
    result += fence + inside[..<close.lowerBound] + fence
    rest = rest[close.upperBound...]
  }
  result += relinked(site, page, String(rest), number)
  // A directive of DocC begins like that.
  if let first = result.firstIndex(where: { $0 != " " }), result[first] == "@" {
    result.insert("\\", at: first)
  }
  return result
}

private func relinked(_ site: Site, _ page: SitePage, _ text: String, _ line: Int)
  -> String
{
  text.replacing(/\]\(([^)\s]+)[^)]*\)/) { match in
    let link = String(match.1)
    switch site.target(link, from: page.path) {
    case .page(let slug, anchor: nil): return "](doc:\(slug))"
    case .page(let slug, let anchor?): return "](site:\(slug)#\(anchor))"
    case .picture(let name):
      // A picture that is shown, or a link to one.
      let isShown = text[..<match.range.lowerBound].lastIndex(of: "[").map {
        $0 > text.startIndex && text[text.index(before: $0)] == "!"
      }
      return isShown == true ? "](\(name))" : "](site-file:\(name))"
    case .other(let url): return "](\(url))"
    case .nothing:
      site.complain("\(page.path):\(line + 1): \(link) leads nowhere")
      return "](site:)"
    }
  }
  .replacing(/!\[([^\]]*)\]\(site:\)/) { String($0.1) }
}
