// SPDX-License-Identifier: Apache-2.0
//
// What DocC made of a page, as HTML that needs no server.

import Foundation

/// A page as it will be, and what is searched in it.
struct Rendered {
  let slug: String
  var title = ""
  var html = ""
  var headings: [(level: Int, text: String, id: String)] = []

  /// Text below each heading; the first is the page's own.
  var sections: [(id: String, heading: String, text: String)] = []

  /// Links within the site: the page, or "" for this one, and a heading.
  var links: [(slug: String, anchor: String?)] = []
  var files: [String] = []
  var ids: Set<String> = []
}

struct Renderer {
  private typealias Node = [String: Any]

  private let page: SitePage
  private let references: Node
  private var out: Rendered
  private var detailsDepth = 0

  init(_ page: SitePage, _ json: [String: Any]) {
    self.page = page
    references = json["references"] as? Node ?? [:]
    out = Rendered(slug: page.slug)
  }

  static func render(_ page: SitePage, _ data: Data) throws -> Rendered {
    guard let json = try JSONSerialization.jsonObject(with: data) as? Node else {
      throw Failure("DocC wrote no object for \(page.slug)")
    }
    var renderer = Renderer(page, json)
    return renderer.render(json)
  }

  private mutating func render(_ json: Node) -> Rendered {
    out.title = (json["metadata"] as? Node)?["title"] as? String ?? page.label
    out.sections = [("", out.title, out.title + "\n")]
    for section in json["primaryContentSections"] as? [Node] ?? [] {
      var content = section["content"] as? [Node] ?? []
      // DocC puts a heading of its own above all.
      if content.first?["anchor"] as? String == "overview",
        !page.text.contains("## Overview")
      {
        content.removeFirst()
      }
      for node in content { out.html += block(node) + "\n" }
    }
    while detailsDepth > 0 {
      out.html += "</details>"
      detailsDepth -= 1
    }
    return out
  }

  private mutating func note(_ text: String) {
    out.sections[out.sections.count - 1].text += text + " "
  }

  // Blocks.

  private mutating func blocks(_ nodes: [Node]) -> String {
    nodes.map { block($0) }.joined()
  }

  private mutating func block(_ node: Node) -> String {
    switch node["type"] as? String ?? "" {
    case "heading": return heading(node)
    case "paragraph", "small":
      let content = node["inlineContent"] as? [Node] ?? []
      if let mark = details(content) { return mark }
      let html = inline(content)
      note("\n")
      return "<p>\(html)</p>"
    case "codeListing": return code(node)
    case "unorderedList", "orderedList": return list(node)
    case "table": return table(node)
    case "aside":
      return "<blockquote>" + blocks(node["content"] as? [Node] ?? []) + "</blockquote>"
    case "thematicBreak": return "<hr>"
    default: return blocks(node["content"] as? [Node] ?? [])
    }
  }

  private mutating func heading(_ node: Node) -> String {
    let level = node["level"] as? Int ?? 2
    let text = node["text"] as? String ?? ""
    let base = slugged(text)
    var id = base
    var n = 0
    while !out.ids.insert(id).inserted {
      n += 1
      id = "\(base)-\(n)"
    }
    out.headings.append((level, text, id))
    out.sections.append((id, text, text + "\n"))
    return "<h\(level) id=\"\(id)\">\(marked(text))"
      + "<a class=\"here\" href=\"#\(id)\" aria-label=\"Link to this section\">#</a></h\(level)>"
  }

  /// A heading comes without its marks; one that names a file is code.
  private func marked(_ text: String) -> String {
    text.wholeMatch(of: /[\w\/.-]+\.(?:swift|S|h|c)/) != nil
      ? "<code>\(escaped(text))</code>" : escaped(text)
  }

  /// The paragraphs that stand for <details>.
  private mutating func details(_ content: [Node]) -> String? {
    guard content.count == 1, let code = content[0]["code"] as? String else { return nil }
    if code.hasPrefix(detailsMark) {
      detailsDepth += 1
      return "<details><summary>\(escaped(code.dropFirst(detailsMark.count)))</summary>"
    }
    guard code == detailsEnd else { return nil }
    if detailsDepth == 0 { return "" }
    detailsDepth -= 1
    return "</details>"
  }

  private mutating func code(_ node: Node) -> String {
    let lines = node["code"] as? [String] ?? []
    let info = (node["syntax"] as? String ?? "").split(separator: " ").map(String.init)
    var language = info.first ?? ""
    if language.isEmpty || language == "text" || language == "console",
      lines.contains(where: { $0.hasPrefix("make ") || $0.hasPrefix("$ ") })
    {
      language = "sh"
    }
    let caption = info.dropFirst().joined(separator: " ")
    note(
      page.isCode
        ? Set(lines.flatMap { identifiers($0) }).sorted().joined(separator: " ")
        : lines.joined(separator: "\n"))
    if language == "diff", !caption.isEmpty {
      return "<pre class=\"diff\" tabindex=\"0\"><code>"
        + highlightedDiff(lines, of: caption) + "</code></pre>"
    }
    if language == "diff" {
      return "<pre class=\"diff\" tabindex=\"0\"><code>"
        + highlightedDiff(lines, of: "a.swift") + "</code></pre>"
    }
    let title =
      caption.isEmpty
      ? ""
      : "<figcaption>\(escaped(caption == "sketch" ? "a sketch, not in the sources" : caption))</figcaption>"
    return
      "<figure class=\"code\">\(title)<pre tabindex=\"0\"><code class=\"\(escaped(language))\">"
      + highlighted(lines, language) + "</code></pre></figure>"
  }

  private mutating func list(_ node: Node) -> String {
    let isOrdered = node["type"] as? String == "orderedList"
    let start = node["start"] as? Int
    let items = (node["items"] as? [Node] ?? []).map { item -> String in
      let content = item["content"] as? [Node] ?? []
      // One paragraph needs none around it.
      if content.count == 1, content[0]["type"] as? String == "paragraph" {
        let html = inline(content[0]["inlineContent"] as? [Node] ?? [])
        note("\n")
        return "<li>\(html)</li>"
      }
      return "<li>\(blocks(content))</li>"
    }
    let from = start.map { $0 == 1 ? "" : " start=\"\($0)\"" } ?? ""
    return isOrdered
      ? "<ol\(from)>\(items.joined())</ol>" : "<ul>\(items.joined())</ul>"
  }

  private mutating func table(_ node: Node) -> String {
    let rows = node["rows"] as? [[[Node]]] ?? []
    let hasHeader = ["row", "both"].contains(node["header"] as? String ?? "row")
    let alignments = node["alignments"] as? [String] ?? []
    var html = "<div class=\"table\" tabindex=\"0\"><table>"
    for (i, row) in rows.enumerated() {
      let name = i == 0 && hasHeader ? "th" : "td"
      html += "<tr>"
      for (j, cell) in row.enumerated() {
        let align = j < alignments.count ? alignments[j] : "unset"
        let style = ["right", "center"].contains(align) ? " class=\"\(align)\"" : ""
        let content = cell.map { node -> String in
          node["type"] as? String == "paragraph"
            ? inline(node["inlineContent"] as? [Node] ?? []) : block(node)
        }.joined()
        html += "<\(name)\(style)>\(content)</\(name)>"
        note("|")
      }
      html += "</tr>"
      note("\n")
    }
    return html + "</table></div>"
  }

  // Text.

  private mutating func inline(_ nodes: [Node]) -> String {
    nodes.map { inline($0) }.joined()
  }

  private mutating func inline(_ node: Node) -> String {
    let content = node["inlineContent"] as? [Node] ?? []
    switch node["type"] as? String ?? "" {
    case "text":
      let text = node["text"] as? String ?? ""
      note(text)
      return text == "\n" ? "<br>" : escaped(text)
    case "codeVoice":
      let code = node["code"] as? String ?? ""
      note(code)
      return "<code>\(escaped(code))</code>"
    case "strong": return "<strong>\(inline(content))</strong>"
    case "emphasis": return "<em>\(inline(content))</em>"
    case "strikethrough": return "<s>\(inline(content))</s>"
    case "subscript": return "<sub>\(inline(content))</sub>"
    case "superscript": return "<sup>\(inline(content))</sup>"
    case "image": return image(node)
    case "reference": return reference(node)
    case "link":
      let title = node["title"] as? String ?? ""
      return anchor(node["destination"] as? String ?? "", escaped(title))
    default: return inline(content)
    }
  }

  private mutating func image(_ node: Node) -> String {
    let name = node["identifier"] as? String ?? ""
    let known = references[name] as? Node
    let alt = known?["alt"] as? String ?? ""
    out.files.append("pictures/\(name)")
    return "<a class=\"picture\" href=\"pictures/\(name)\"><img src=\"pictures/\(name)\""
      + " alt=\"\(escaped(alt))\"></a>"
  }

  private mutating func reference(_ node: Node) -> String {
    let id = node["identifier"] as? String ?? ""
    let known = references[id] as? Node
    var title = inline(node["overridingTitleInlineContent"] as? [Node] ?? [])
    if title.isEmpty {
      title = inline(known?["titleInlineContent"] as? [Node] ?? [])
    }
    if title.isEmpty {
      title = escaped(
        node["overridingTitle"] as? String ?? known?["title"] as? String ?? id)
    }
    guard id.hasPrefix("doc://") else {
      return anchor(id, title)
    }
    // A page's name is the last part of its address.
    let slug = String(id.split(separator: "/").last ?? "")
    out.links.append((slug, nil))
    return "<a href=\"\(slug).html\">\(title)</a>"
  }

  private mutating func anchor(_ url: String, _ title: String) -> String {
    if url.hasPrefix("site:") {
      let parts = url.dropFirst(5).split(
        separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
      let slug = String(parts[0])
      if slug.isEmpty { return title }
      let id = parts.count > 1 ? String(parts[1]) : nil
      out.links.append((slug, id))
      return "<a href=\"\(slug).html\(id.map { "#\($0)" } ?? "")\">\(title)</a>"
    }
    if url.hasPrefix("site-file:") {
      let name = String(url.dropFirst(10))
      let file = name.hasSuffix(".html") ? "timelines/\(name)" : "pictures/\(name)"
      out.files.append(file)
      return "<a href=\"\(file)\">\(title)</a>"
    }
    return "<a href=\"\(escaped(url))\" class=\"away\">\(title)</a>"
  }
}

/// A heading's name in an address, as GitHub makes it.
func slugged(_ heading: String) -> String {
  heading.lowercased().compactMap { character -> String? in
    if character.isLetter || character.isNumber || character == "_" || character == "-" {
      return String(character)
    }
    return character == " " ? "-" : nil
  }.joined()
}
