// SPDX-License-Identifier: Apache-2.0
//
// What a file declares.

import Foundation
import Testing

@testable import CourseTool

@Suite("declarations")
struct ScannerTests {
  private func names(_ text: String) -> [String] {
    Source(path: "a.swift", text: text).declarations.map(\.signature)
  }

  @Test func `declarations have the names of the types around them`() {
    #expect(
      names(
        """
        import A
        @_exported import B.C

        /// One.
        @safe public struct G: ~Copyable {
          private(set) var sched = Gobuf()
          let body: (@convention(c) (Int) -> Void)?
          init(allocating value: consuming Int) { self.init() }
          init?(_ x: Int) { nil }
          deinit { work() }
          subscript(i: Int) -> Int { get { 1 } set { f { $0 } } }
          static func == (a: G, b: G) -> Bool { true }
          class func make<T: P>(_ a: T, to b: Int = f(1, 2)) {}
          enum E {
            case a
            indirect case b(Int)
            var text: String {
              switch self {
              case .a: "}"
              case .b: "b"
              }
            }
          }
        }

        #if DEBUG
        let x = 1
        #else
        let y = [1,
          2]
        #endif

        extension G.E: Sendable where T == Int {
          @Test(arguments: [1, 2]) func `kicks the old one`() async throws -> Int
          { 1 }
        }
        protocol P { func f(); var x: Int { get } }
        typealias GPtr = Ptr<G>
        """) == [
          "import A", "import B.C", "G", "G.sched", "G.body", "G.init(allocating:)",
          "G.init(_:)", "G.deinit", "G.subscript(i:)", "G.==(a:b:)", "G.make(_:to:)",
          "G.E",
          "G.E.a", "G.E.b", "G.E.text", "x", "y", "extension G.E",
          "G.E.`kicks the old one`()",
          "P", "P.f()", "P.x", "GPtr",
        ])
  }

  @Test func `strings and comments hide what is in them`() {
    #expect(
      names(
        #"""
        let a = "func b() { \(c("}")) "  // struct D {
        /* enum E { /* nested */ } */
        let f = """
          func g() {
          """
        let h = #"\(x) " { "#
        func i() {}
        """#) == ["a", "f", "h", "i()"])
  }

  @Test func `a declaration goes from its comment to its end`() {
    let source = Source(
      path: "a.swift",
      text: """
        // The head.

        /// One.
        /// Of two lines.
        func one()
          -> Int
        {
          1
        }

        // A sentence.

        let two = 2
        """)
    #expect(source.declarations.map(\.lines) == [2..<9, 12..<13])
    #expect(source.declaration(at: 7)?.name == "one")
    #expect(source.declaration(at: 10) == nil)
  }

  @Test func `C's apostrophes are no words, and its comments do not nest`() {
    let source = Source(
      path: "a.c", text: "char c = '\"'; /* a /* b */ int d;\nint e; // it's\n")
    #expect(
      source.lexed.tokens.map(\.text)
        == ["char", "c", "=", "'\"'", ";", "int", "d", ";", "int", "e", ";"])
    #expect(source.lexed.commented == [0, 1])
  }

  /// A line at the left that has the keyword of a declaration is in one of its own.
  @Test func `it reads the stages that are here`() throws {
    var root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    for _ in 1...3 { root.deleteLastPathComponent() }
    var count = 0
    let files = FileManager.default
    let paths = try ["Stages", "Tests"].flatMap { folder in
      try files.subpathsOfDirectory(atPath: root.appendingPathComponent(folder).path)
        .map { "\(folder)/\($0)" }
    }
    for path in paths where path.hasSuffix(".swift") {
      let data = try Data(contentsOf: root.appendingPathComponent(path))
      let source = Source(path: path, data: data)
      let starts = Set(
        source.declarations.map { declaration in
          source.lexed.tokens[declaration.tokens].first {
            $0.text == declaration.keyword
          }!.line
        })
      for (i, line) in source.lines.enumerated() {
        let words = line.text.split(separator: " ")
        guard line.indent == 0, let first = words.first,
          ["func", "let", "var", "struct", "enum", "extension", "typealias", "import"]
            .contains(first)
        else { continue }
        count += 1
        if !starts.contains(i) { Issue.record("\(path):\(i + 1) begins none") }
      }
      // Nothing but comments, blank lines, and conditions is outside of all.
      for (i, tokens) in source.code.enumerated() where !tokens.isEmpty {
        if tokens[0].text == "#" || source.declaration(at: i) != nil { continue }
        Issue.record("\(path):\(i + 1) is in no declaration")
      }
    }
    #expect(count > 100)
  }
}
