// SPDX-License-Identifier: Apache-2.0
//
// A package with one stage in it that may be changed: copies of the stage's own files,
// links to everything else.

import Foundation

/// A test of a stage, by the name that a filter is compared with.
struct TestName: Equatable {
  /// Stage05Tests.RuntimeTests/RunqTests/`runnext goes first`()
  let id: String

  /// runnext goes first
  let name: String
  let file: String
}

/// The tests of a stage, and which of its files they need.
struct TestIndex {
  let stage: Stage
  private(set) var tests: [TestName] = []

  /// Files by their names in the stage's folder of tests.
  private(set) var files: [String] = []

  /// Where each name is declared that another file could mean.
  private var homes: [String: Set<String>] = [:]
  private var words: [String: Set<String>] = [:]
  private var imports: [String: Set<String>] = [:]

  init(_ ladder: Ladder, _ stage: Stage) {
    self.stage = stage
    files = ladder.files(in: stage.tests).filter {
      $0.hasSuffix(".swift") && !$0.contains("/")
    }
    for file in files {
      if let source = ladder.source("\(stage.tests)/\(file)") { add(source, file) }
    }
  }

  mutating func add(_ source: Source, _ file: String) {
    let tokens = source.lexed.tokens
    // What stands behind a point is a member, unless it is a type; and what a file has a
    // name of its own for, it does not want from elsewhere.
    var own: Set<String> = []
    for (i, token) in tokens.enumerated() where token.kind == .word {
      let before = i > 0 ? tokens[i - 1].text : ""
      if ["let", "var", "func"].contains(before) { own.insert(token.text) }
      if before != "." || token.text.first?.isUppercase == true {
        words[file, default: []].insert(token.text)
      }
    }
    words[file]?.subtract(own)
    for declaration in source.declarations {
      let texts = tokens[declaration.tokens].prefix(12).map(\.text)
      if declaration.keyword == "import" {
        imports[file, default: []].insert(String(declaration.name.dropFirst(7)))
      }
      if declaration.keyword == "func",
        zip(texts, texts.dropFirst()).contains(where: { $0 == "@" && $1 == "Test" })
      {
        tests.append(testName(declaration, file))
        continue
      }
      if texts.contains("private") || texts.contains("fileprivate") { continue }
      if ["import", "extension", "init", "deinit", "subscript", "case"]
        .contains(declaration.keyword)
      {
        continue
      }
      let isMember = declaration.name.contains(".")
      let last = declaration.name.split(separator: ".").last.map(String.init) ?? ""
      if !isMember || !declaration.isLeaf { homes[last, default: []].insert(file) }
    }
  }

  private func testName(_ declaration: Declaration, _ file: String) -> TestName {
    let signature = declaration.signature
    let tick = signature.firstIndex(of: "`") ?? signature.endIndex
    let open = signature.firstIndex(of: "(") ?? signature.endIndex
    let types = signature[..<min(tick, open)].split(
      separator: ".", omittingEmptySubsequences: false)
    let rest = types.last.map(String.init) ?? ""
    let path = types.dropLast().joined(separator: "/")
    let raw = signature[min(tick, open)...]
    let name =
      tick < open ? String(raw.dropFirst().prefix { $0 != "`" }) : rest
    return TestName(
      id: "Stage\(stage.number)Tests.\(path)/\(rest)\(raw)", name: name, file: file)
  }

  /// What a filter or a name means, and the filter that means the same to the tests' own
  /// program.
  func matching(_ pattern: String) -> (filter: String, tests: [TestName]) {
    let pattern = pattern.trimmingCharacters(in: ["`"])
    let named = tests.filter { $0.name == pattern }
    if !named.isEmpty {
      return ("`?" + NSRegularExpression.escapedPattern(for: pattern) + "`?\\(", named)
    }
    guard let regex = try? NSRegularExpression(pattern: pattern) else {
      return (pattern, [])
    }
    return (
      pattern,
      tests.filter {
        regex.firstMatch(in: $0.id, range: NSRange($0.id.startIndex..., in: $0.id)) != nil
      }
    )
  }

  /// These files, and those that declare what they use.
  func needed(by files: some Sequence<String>) -> [String] {
    var found = Set(
      self.files.filter { $0.hasPrefix("support") || $0.hasPrefix("posix") })
    // What all files use is whole without them.
    var open = Array(Set(files).subtracting(found))
    found.formUnion(open)
    while let file = open.popLast() {
      for word in words[file] ?? [] {
        for home in homes[word] ?? [] where !found.contains(home) {
          found.insert(home)
          open.append(home)
        }
      }
    }
    return found.sorted()
  }

  /// The other stages that these files import.
  func others(in files: [String], _ ladder: Ladder) -> [Stage] {
    let names = files.reduce(into: Set<String>()) { $0.formUnion(imports[$1] ?? []) }
    return ladder.stages.filter { names.contains("Stage\($0.number)") && $0 != stage }
  }
}

/// A package of a stage.
struct StageCopy {
  let ladder: Ladder
  let stage: Stage

  /// From the repository's root: Workbench/05-02.
  let path: String

  var folder: URL { ladder.url(path) }
  var up: String {
    String(repeating: "../", count: path.split(separator: "/").count)
  }

  /// The name of the program that the tests become.
  var program: String { ".build/debug/exercisePackageTests.xctest" }

  /// Writes the package, with links to all tests of which `files` are compiled, unless
  /// ALL=1; `added` are those of an exercise. The stage itself is not copied.
  func lay(_ index: TestIndex, files: [String], added: [String] = []) throws {
    let manager = FileManager.default
    let tests = folder.appendingPathComponent("Tests")
    try manager.createDirectory(at: tests, withIntermediateDirectories: true)
    let others = index.others(in: files, ladder)
    try link("CLinux", to: "\(up)Sources/CLinux")
    try link("TraceFile", to: "\(up)Sources/TraceFile")
    for other in others {
      try link("Stage\(other.number)", to: "\(up)\(other.folder)/Runtime")
      try link("Stage\(other.number)Asm", to: "\(up)\(other.folder)/Asm")
    }
    let shown = index.files.filter {
      files.contains($0) || index.others(in: [$0], ladder).isEmpty
    }
    for file in shown {
      try link("Tests/\(file)", to: "\(up)../\(stage.tests)/\(file)", from: "../")
    }
    for file in try manager.contentsOfDirectory(atPath: tests.path)
    where !shown.contains(file) && !added.contains(file) {
      try manager.removeItem(at: tests.appendingPathComponent(file))
    }
    try write("Package.swift", manifest(others, files + added))
  }

  /// A relative link, made anew unless it is there.
  func link(_ name: String, to target: String, from: String = "") throws {
    let target = from.isEmpty ? target : from + target.dropFirst(3)
    let place = folder.appendingPathComponent(name).path
    let manager = FileManager.default
    if (try? manager.destinationOfSymbolicLink(atPath: place)) == target { return }
    try? manager.removeItem(atPath: place)
    try manager.createSymbolicLink(atPath: place, withDestinationPath: target)
  }

  /// Writes a file unless it says the same; what is written looks changed to the build.
  @discardableResult
  func write(_ name: String, _ text: String) throws -> Bool {
    try write(name, Data(text.utf8))
  }

  @discardableResult
  func write(_ name: String, _ data: Data) throws -> Bool {
    let file = folder.appendingPathComponent(name)
    if (try? Data(contentsOf: file)) == data { return false }
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try? FileManager.default.removeItem(at: file)
    try data.write(to: file)
    return true
  }

  private func manifest(_ others: [Stage], _ files: [String]) -> String {
    let n = stage.number
    let before = others.map { other in
      """
          .target(name: "Stage\(other.number)Asm", path: "Stage\(other.number)Asm"),
          .target(
            name: "Stage\(other.number)", dependencies: ["Stage\(other.number)Asm", "CLinux"],
            path: "Stage\(other.number)"),

      """
    }.joined()
    let names = others.map { ", \"Stage\($0.number)\"" }.joined()
    return """
      // swift-tools-version: 6.2
      //
      // A copy of stage \(stage.name). The tests that decide are compiled, and what they
      // need; with ALL=1 in the environment all of the stage's are.

      import PackageDescription

      let deciding = [
      \(files.sorted().map { "  \"\($0)\",\n" }.joined())]

      let package = Package(
        name: "exercise",
        targets: [
          .target(name: "CLinux", path: "CLinux"),
          .target(name: "TraceFile", path: "TraceFile"),
      \(before)    .target(name: "Stage\(n)Asm", path: "Asm"),
          .target(name: "Stage\(n)", dependencies: ["Stage\(n)Asm", "CLinux"], path: "Runtime"),
          .testTarget(
            name: "Stage\(n)Tests",
            dependencies: ["Stage\(n)", "CLinux", "TraceFile"\(names)],
            path: "Tests",
            sources: Context.environment["ALL"] == nil ? deciding : nil,
            swiftSettings: [.unsafeFlags(["-module-alias", "Stage=Stage\(n)"])]
          ),
        ]
      )

      """
  }

  /// Makes Runtime and Asm the stage's with these patches; writes only what differs.
  func bring(_ patches: [String]) throws {
    let wanted = try patched(ladder, stage, patches)
    let manager = FileManager.default
    for part in ["Runtime", "Asm"] {
      let here = folder.appendingPathComponent(part)
      for name in (try? manager.subpathsOfDirectory(atPath: here.path)) ?? []
      where wanted["\(part)/\(name)"] == nil {
        let file = here.appendingPathComponent(name)
        if (try? file.resourceValues(forKeys: [.isDirectoryKey]))?.isDirectory == true {
          continue
        }
        try manager.removeItem(at: file)
      }
    }
    for (name, data) in wanted.sorted(by: { $0.key < $1.key }) { try write(name, data) }
  }
}

/// The files of a stage, with patches applied, by their paths in it.
func patched(
  _ ladder: Ladder, _ stage: Stage, _ patches: [String]
) throws -> [String: Data] {
  var files: [String: Data] = [:]
  for name in ladder.files(in: stage.folder)
  where name.hasPrefix("Runtime/") || name.hasPrefix("Asm/") {
    files[name] = ladder.data("\(stage.folder)/\(name)")
  }
  if patches.isEmpty { return files }
  let manager = FileManager.default
  let folder = manager.temporaryDirectory.appendingPathComponent(
    "exercise-\(UUID().uuidString)")
  defer { try? manager.removeItem(at: folder) }
  try manager.createDirectory(at: folder, withIntermediateDirectories: true)
  for (name, data) in files {
    let file = folder.appendingPathComponent(name)
    try manager.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try data.write(to: file)
  }
  for patch in patches {
    let result = try Git(root: folder).run([
      "apply", "--whitespace=nowarn", ladder.url(patch).standardizedFileURL.path,
    ])
    if result.status != 0 {
      throw Failure(
        "\(patch) does not fit \(stage.folder): \(result.complaint)\n"
          + "make it anew: diff -u with paths a/Runtime/... and b/Runtime/...")
    }
  }
  files = [:]
  for name in try manager.subpathsOfDirectory(atPath: folder.path) {
    let file = folder.appendingPathComponent(name)
    if name.hasPrefix("Runtime/") || name.hasPrefix("Asm/"),
      let data = try? Data(contentsOf: file)
    {
      files[name] = data
    }
  }
  return files
}

/// The files that a patch changes.
func filesChanged(by patch: String) -> [String] {
  patch.components(separatedBy: "\n").compactMap { line in
    guard line.hasPrefix("+++ b/") else { return nil }
    return String(line.dropFirst(6).prefix { $0 != "\t" })
  }
}
