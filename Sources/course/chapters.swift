// SPDX-License-Identifier: Apache-2.0
//
// What the chapters of Notes must have, and must not.

import Arguments
import Foundation

let chapterHeadings = [
  "What hurts", "Predict", "The idea", "The step, piece by piece", "The race",
  "In a picture", "What is still wrong", "Questions", "A design note", "In Go",
]

let chapterWords = 1_500...3_000

/// The most lines of an excerpt.
let excerptLines = 15

/// Words that say nothing, promise something, or praise. In small letters.
let forbiddenWords = [
  "simply", "obviously", "of course", "trivially", "basically", "needless to say",
  "we will see", "we'll see", "as we have seen", "let us", "let's", "for now", "todo",
  "fixme", "temporary", "temporarily", "elegant", "elegantly", "beautiful", "beautifully",
  "powerful", "amazing", "magic", "magically", "it is easy to", "just works",
]

func chapters(_ ladder: Ladder, _ numbers: [String]) throws -> Report {
  let stages =
    try numbers.isEmpty ? ladder.stages : numbers.map { try ladder.stage($0) }
  let lint = ChapterLint(ladder)
  var problems = stages.flatMap { lint.problems($0) }
  if numbers.isEmpty { problems += goMapProblems(ladder) }
  let checked =
    "chapters: \(plural(stages.count, "stage"))"
    + (numbers.isEmpty ? " and the go map" : "")
  return Report(
    lines: problems.map { "  " + $0 } + [
      problems.isEmpty
        ? "\(checked), no problem" : "\(checked), \(plural(problems.count, "problem"))"
    ],
    isGood: problems.isEmpty
  )
}

extension Stage {
  var chapter: String { "Notes/\(name).md" }
}

final class ChapterLint {
  private let ladder: Ladder
  private let vocabulary: Vocabulary
  private let makefile: Makefile
  private let goNames: Set<String>

  init(_ ladder: Ladder) {
    self.ladder = ladder
    vocabulary = Vocabulary(ladder)
    makefile = Makefile(ladder.source("Makefile")?.lines.map(\.text) ?? [])
    goNames = GoMap(ladder)?.goNames ?? []
  }

  func problems(_ stage: Stage) -> [String] {
    guard let data = ladder.data(stage.chapter) else {
      return ["\(stage.chapter) is missing"]
    }
    let note = Note(path: stage.chapter, text: String(decoding: data, as: UTF8.self))
    return form(stage, note) + length(note) + told(stage, note) + names(stage, note)
      + excerpts(stage, note) + links(note) + commands(note) + wording(note)
      + end(stage, note)
  }

  private func at(_ note: Note, _ line: Int) -> String { "\(note.path):\(line + 1):" }

  // Headings, and what each section has.

  private func form(_ stage: Stage, _ note: Note) -> [String] {
    var problems: [String] = []
    let sections = note.sections
    let start = "\(stage.number). "
    let titles = sections.filter { $0.level == 1 }
    // A comment may stand before it.
    let first = note.lines.firstIndex { !$0.isEmpty && !$0.hasPrefix("<!--") }
    if titles.count != 1 || titles[0].lines.lowerBound != first
      || !titles[0].title.hasPrefix(start)
      || titles[0].title.count == start.count
    {
      problems.append(
        "\(at(note, 0)) a chapter has one title, on its first line: # \(start)and the idea"
      )
    }
    let found = sections.filter { $0.level == 2 }
    if found.map(\.title) != chapterHeadings {
      for heading in chapterHeadings where !found.contains(where: { $0.title == heading })
      {
        problems.append("\(at(note, 0)) a heading is missing: ## \(heading)")
      }
      for section in found where !chapterHeadings.contains(section.title) {
        problems.append(
          "\(at(note, section.lines.lowerBound)) not a heading of a chapter:"
            + " \(section.title); make it ###, or one of: "
            + chapterHeadings.joined(separator: ", "))
      }
      let known = found.filter { chapterHeadings.contains($0.title) }
      let order = known.map { chapterHeadings.firstIndex(of: $0.title)! }
      for (i, section) in known.enumerated()
      where i > 0 && order[i] <= order[i - 1] {
        problems.append(
          "\(at(note, section.lines.lowerBound)) \(section.title) stands after"
            + " \(known[i - 1].title): the order is \(chapterHeadings.joined(separator: ", "))"
        )
      }
    }
    func lack(_ title: String, _ what: String, _ has: (Note.Section) -> Bool) {
      guard let section = found.first(where: { $0.title == title }), !has(section) else {
        return
      }
      problems.append("\(at(note, section.lines.lowerBound)) \(title) lacks \(what)")
    }
    func text(_ section: Note.Section) -> [String] {
      section.lines.filter { !note.isCode[$0] }.map { note.lines[$0] }
    }
    func details(_ section: Note.Section) -> Bool {
      let lines = text(section)
      return lines.contains { $0.contains("<details>") }
        && lines.contains { $0.contains("</details>") }
    }
    lack(
      "Predict", "its answer in <details><summary>Answer</summary> ... </details>",
      details)
    lack("The race", "a code block with the interleaving in two columns") { section in
      section.lines.contains { note.isCode[$0] }
    }
    lack("In a picture", "a picture: ![...](pictures/\(stage.number)-program.svg)") {
      section in
      note.links.contains { section.lines.contains($0.line) && $0.text.hasSuffix(".svg") }
    }
    lack("Questions", "the answers in one <details> block", details)
    lack(
      "Questions", "three questions: lines that begin with 1. 2. 3. before the answers"
    ) {
      section in
      let questions = text(section).prefix { !$0.contains("<details>") }
      return questions.compactMap { $0.wholeMatch(of: /(\d+)\. .*/)?.1 } == [
        "1", "2", "3",
      ]
    }
    lack("In Go", "a table: | here | Go | file | ... |") { section in
      text(section).contains { $0.hasPrefix("|") }
    }
    return problems
  }

  private func length(_ note: Note) -> [String] {
    let count = note.lines.indices.filter { !note.isCode[$0] }.reduce(0) { sum, i in
      let line = note.lines[i].replacing(/<[^>]*>|[|#*-]/, with: " ")
      return sum + line.split(whereSeparator: \.isWhitespace).count
    }
    if chapterWords.contains(count) { return [] }
    return [
      "\(note.path): \(count) words without code, and there should be"
        + " \(chapterWords.lowerBound) to \(chapterWords.upperBound)"
    ]
  }

  // What the step is about is told.

  private func told(_ stage: Stage, _ note: Note) -> [String] {
    let before = ladder.pairs.first { $0.1 == stage }?.0
    let wanted: [Declared]
    if let before {
      wanted = touched(ladder, from: before, to: stage).filter(\.isTold)
    } else {
      wanted = declared(ladder, stage).filter {
        $0.isFunction && $0.isTold && !$0.isPrivate
      }
    }
    let named = Set(note.code.flatMap { identifiers($0.text) })
    var seen: Set<String> = []
    return wanted.compactMap { declared in
      guard named.isDisjoint(with: declared.words), seen.insert(declared.name).inserted
      else { return nil }
      let what = before == nil ? "is in the stage" : "is in the step"
      return "\(note.path): `\(declared.words.first!)` is not named in backticks, and"
        + " \(declared.name) \(what) (\(declared.path):\(declared.line))"
    }
  }

  // What is named is there.

  private func names(_ stage: Stage, _ note: Note) -> [String] {
    let i = ladder.stages.firstIndex(of: stage)!
    var known = vocabulary.words(stage).union(vocabulary.elsewhere())
    if i > 0 { known.formUnion(vocabulary.words(ladder.stages[i - 1])) }
    // What the outlook speaks of, and Go.
    let sections = note.sections
    let outlook = ["What is still wrong", "A design note", "In Go"]
    let ahead = sections.filter { outlook.contains($0.title) }.map(\.lines)
    let later = Set(ladder.stages[i...].flatMap { vocabulary.words($0) })
    let go = goNames.union(goColumns(note))
    var problems: [String] = []
    for piece in note.code {
      for name in mentioned(piece.text) where !known.contains(name) && !go.contains(name)
      {
        if later.contains(name), ahead.contains(where: { $0.contains(piece.line) }) {
          continue
        }
        problems.append(
          "\(at(note, piece.line)) `\(name)` is not in \(stage.name): mend the name;"
            + " if it is Go's, name it in the table of In Go")
      }
    }
    return problems
  }

  /// Names in columns that are not ours, of the table that the chapter ends with.
  private func goColumns(_ note: Note) -> Set<String> {
    guard let section = note.sections.first(where: { $0.title == "In Go" }) else {
      return []
    }
    return Set(
      section.lines.filter { note.lines[$0].hasPrefix("|") }.flatMap { i -> [String] in
        let cells = tableCells(note.lines[i])
        return cells.dropFirst().flatMap { cell in
          Note(path: "", text: cell).code.flatMap { identifiers($0.text) }
        }
      })
  }

  // Code that is shown is there.

  private func excerpts(_ stage: Stage, _ note: Note) -> [String] {
    note.blocks.flatMap { block -> [String] in
      let lines = Array(note.lines[block.lines])
      let place = at(note, block.lines.lowerBound - 1)
      if block.words.first == "sketch" { return [] }
      switch block.language {
      case "swift", "asm", "c":
        var problems: [String] = []
        if lines.count > excerptLines {
          problems.append(
            "\(place) an excerpt of \(lines.count) lines, and \(excerptLines) may be:"
              + " show less, or several")
        }
        let files = sources(stage, block.words.first)
        for piece in parts(lines) where !files.contains(where: { $0.has(piece.lines) }) {
          let (line, advice) = where_(piece.lines, files)
          problems.append(
            "\(at(note, block.lines.lowerBound + piece.start + line)) not in"
              + " \(block.words.first ?? stage.name) as it stands here: \(advice);"
              + " what is left out is a line `...`, and code that is not ours is"
              + " ```\(block.language) sketch")
        }
        return problems
      case "diff":
        let files = ladder.pairs.filter { $0.1 == stage }.compactMap {
          ladder.source("\(diffFolder)/\($0.number)-\($1.number).diff")
        }
        return parts(lines).compactMap { piece in
          if files.contains(where: { $0.has(piece.lines) }) { return nil }
          let (line, advice) = where_(piece.lines, files)
          return
            "\(at(note, block.lines.lowerBound + piece.start + line)) not in the step's"
            + " diff as it stands here: \(advice)"
        }
      default:
        return []
      }
    }
  }

  /// Files that an excerpt may be from: one that it names, or any of this stage.
  private func sources(_ stage: Stage, _ name: String?) -> [Source] {
    var paths = runtimeFiles(ladder, stage).map { "\(stage.folder)/\($0)" }
    paths += ladder.files(in: stage.tests).map { "\(stage.tests)/\($0)" }
    paths += (try? ladder.git.files(under: ["Sources/programs"])) ?? []
    if let name {
      paths =
        [name, "\(stage.folder)/\(name)"] + paths.filter { $0.hasSuffix("/\(name)") }
    }
    return paths.compactMap { ladder.source($0) }
  }

  /// An excerpt without its blank ends, cut where something is left out.
  private func parts(_ lines: [String]) -> [(start: Int, lines: [String])] {
    var result: [(start: Int, lines: [String])] = []
    var part: (start: Int, lines: [String]) = (0, [])
    for (i, line) in (lines + ["..."]).enumerated() {
      let text = line.trimmingCharacters(in: .whitespaces)
      if ["...", "// ...", "\u{2026}"].contains(text) {
        while part.lines.last == "" { part.lines.removeLast() }
        if !part.lines.isEmpty { result.append(part) }
        part = (i + 1, [])
      } else if text.isEmpty, part.lines.isEmpty {
        part.start = i + 1
      } else {
        part.lines.append(text)
      }
    }
    return result
  }

  /// The first line that is nowhere, or else the first.
  private func where_(_ lines: [String], _ files: [Source]) -> (Int, String) {
    for (i, line) in lines.enumerated() where !files.contains(where: { $0.has([line]) }) {
      return (i, "no line is \"\(line)\"")
    }
    return (0, "its lines do not follow one another")
  }

  // Links and commands lead somewhere.

  private func links(_ note: Note) -> [String] {
    note.links.compactMap { link in
      let target = link.text.split(separator: "#", omittingEmptySubsequences: false)[0]
      if target.isEmpty || link.text.wholeMatch(of: /[a-z]+:.*/) != nil { return nil }
      if target.hasPrefix("/") {
        return "\(at(note, link.line)) \(link.text) is an absolute path: make it relative"
      }
      let file = joined("Notes", String(target))
      if FileManager.default.fileExists(atPath: ladder.url(file).path) { return nil }
      // It is reported as missing where it is looked for.
      if ladder.stages.contains(where: { $0.chapter == file }) { return nil }
      return "\(at(note, link.line)) \(link.text) leads to \(file), and nothing is there"
    }
  }

  private func commands(_ note: Note) -> [String] {
    var problems: [String] = []
    func check(_ command: String, _ line: Int) {
      for problem in makefile.problems(command, ladder.stages) {
        problems.append("\(at(note, line)) \(problem)")
      }
    }
    for piece in note.code where piece.text.contains("make ") {
      check(piece.text, piece.line)
    }
    for block in note.blocks {
      for i in block.lines {
        let text = note.lines[i].trimmingCharacters(in: .whitespaces)
        if text.hasPrefix("make ") || text.hasPrefix("$ ") { check(text, i) }
      }
    }
    return problems
  }

  private func wording(_ note: Note) -> [String] {
    var problems: [String] = []
    for i in note.lines.indices where !note.isCode[i] {
      let text = note.prose[i].lowercased()
      for word in forbiddenWords where contains(text, word) {
        problems.append("\(at(note, i)) \"\(word)\": say what is so, without it")
      }
      if text.contains("\u{2014}") || text.contains(" -- ") {
        problems.append("\(at(note, i)) a dash: make it a sentence, a comma or a colon")
      }
      let line = note.lines[i]
      if let found = line.firstMatch(
        of: /\b[Ll]ines? \d+\b|[\w.\/]+\.(?:swift|go|S|s|c|h|md):\d+|#L\d+/)
      {
        problems.append(
          "\(at(note, i)) \"\(found.output)\" is a line number: name the function")
      }
    }
    return problems
  }

  /// Whether the words are there, and not as a part of others.
  private func contains(_ text: String, _ words: String) -> Bool {
    var rest = text[...]
    while let range = rest.range(of: words) {
      let before =
        range.lowerBound == text.startIndex
        ? " " : text[text.index(before: range.lowerBound)]
      let after = range.upperBound == text.endIndex ? " " : text[range.upperBound]
      if !before.isLetter, !after.isLetter { return true }
      rest = rest[range.upperBound...]
    }
    return false
  }

  /// The last line leads on.
  private func end(_ stage: Stage, _ note: Note) -> [String] {
    guard let last = note.lines.lastIndex(where: { !$0.allSatisfy(\.isWhitespace) })
    else {
      return []
    }
    // A paragraph.
    var first = last
    while first > 0, !note.lines[first - 1].allSatisfy(\.isWhitespace) { first -= 1 }
    let here = Set(
      note.links.filter { $0.line >= first }.map { joined("Notes", $0.text) })
    let i = ladder.stages.firstIndex(of: stage)!
    var wanted = ["\(stage.folder)/README.md"]
    if i > 0 {
      let before = ladder.stages[i - 1]
      wanted += [before.chapter, "\(diffFolder)/\(before.number)-\(stage.number).diff"]
    }
    if i + 1 < ladder.stages.count { wanted.append(ladder.stages[i + 1].chapter) }
    let missing = wanted.filter { !here.contains($0) }
    if missing.isEmpty { return [] }
    return [
      "\(at(note, first)) the last line has no link to \(missing.joined(separator: ", "))"
    ]
  }
}

/// What code between backquotes names that could be ours: a name by itself, with what it
/// is a member of, or called.
func mentioned(_ text: String) -> [String] {
  // Commands, files, options, values.
  if text.hasPrefix("make ") || text.hasPrefix("-") || text.hasPrefix("$") { return [] }
  if text.wholeMatch(
    of: /[\w.\/-]+\.(?:swift|S|s|h|c|go|md|diff|svg|sh|html|pml|tsv|txt|json|trace|patch)/
  ) != nil {
    return []
  }
  if text.contains("/") { return [] }
  let isPath =
    text.wholeMatch(of: /\.?[\w.]+(?:\[\])?(?:[.!?\w\[\]]+)?(?:\(.*\))?/) != nil
  var names: [String]
  if isPath {
    let head = text.prefix { $0 != "(" }
    names = identifiers(head)
  } else {
    names = text.matches(of: /(\w+)\(/).map { String($0.1) }
  }
  // Words of a manual: futex(2).
  if text.wholeMatch(of: /\w+\(\d\)/) != nil { names = [] }
  return names.filter { name in
    name.count > 1 && name.firstMatch(of: /^_[GP][a-z]/) == nil
      && !name.allSatisfy { $0.isUppercase || $0 == "_" || $0.isNumber }
      && !foreignNames.contains(name)
  }
}

/// Of the language, of the system, of the processor.
let foreignNames: Set = [
  // Swift
  "Int", "UInt", "UInt8", "UInt32", "UInt64", "Int32", "Int64", "Bool", "String", "Array",
  "Dictionary", "Set", "Optional", "Atomic", "Never", "Void", "Error", "Sendable",
  "Copyable", "Mutex", "async", "await", "actor", "throws", "throw", "try", "catch",
  "defer", "guard", "func", "let", "var", "struct", "enum", "class", "case", "nil",
  "true",
  "false", "self", "for", "while", "if", "else", "switch", "return", "import", "sending",
  "borrowing", "consuming", "inout", "malloc", "free", "print", "Thread", "Task",
  "withLock", "deinit", "init", "precondition", "fatalError", "weak", "unowned",
  // System
  "clone", "clone3", "futex", "mmap", "munmap", "mprotect", "madvise", "read", "write",
  "open", "close", "epoll", "epoll_wait", "epoll_ctl", "epoll_create1", "poll", "select",
  "nanosleep", "usleep", "sigaltstack", "sigaction", "tgkill", "tkill", "membarrier",
  "pthread_create", "pthread_mutex_t", "pthread", "pthread_exit", "pthread_join",
  "getpid",
  "gettid", "sched_yield", "strace", "perf", "gdb", "lldb", "valgrind", "top", "htop",
  "ps",
  "setjmp", "longjmp", "makecontext", "swapcontext", "getcontext", "ucontext", "errno",
  "stdin", "stdout", "stderr", "objdump", "nproc", "taskset", "ulimit", "accept",
  "connect",
  "eventfd", "io_uring", "kqueue", "timerfd", "getrusage", "clock_gettime", "fork",
  "exec",
  "flock", "wait4", "recover", "panic", "chan", "goto", "waitpid", "kill", "sigreturn",
  "rt_sigreturn", "userfaultfd",
  "mincore",
  // Processor
  "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "rip", "r8", "r9", "r10", "r11",
  "r12", "r13", "r14", "r15", "x19", "x29", "x30", "sp", "lr", "fs", "gs", "mxcsr",
  "xmm0",
  "mov", "movq", "movl", "push", "pushq", "pop", "popq", "call", "callq", "ret", "retq",
  "jmp", "jmpq", "ud2", "cmp", "cmpq", "lock", "xchg", "cmpxchg", "mfence", "lea", "leaq",
  "xsave", "xrstor", "pause", "nop", "brk", "je", "jne", "jae", "jbe", "ja", "jb", "xorl",
  "subq", "addq", "syscall", "rep", "movsq", "stp", "ldp", "bl", "blr", "br", "eax",
  "edi",
]

/// A path as it is from the repository's root.
func joined(_ folder: String, _ target: String) -> String {
  var parts = folder.split(separator: "/").map(String.init)
  for part in target.split(separator: "/") where part != "." {
    if part == "..", let last = parts.last, last != ".." {
      parts.removeLast()
    } else {
      parts.append(String(part))
    }
  }
  return parts.joined(separator: "/")
}

/// The cells of a table's line. A bar in code is not the end of one.
func tableCells(_ line: String) -> [String] {
  var cells: [String] = []
  var cell = ""
  var isCode = false
  var isEscaped = false
  for character in line.trimmingCharacters(in: .whitespaces).dropFirst() {
    if character == "|", !isCode, !isEscaped {
      cells.append(cell.trimmingCharacters(in: .whitespaces))
      cell = ""
    } else {
      if character == "`" { isCode.toggle() }
      cell.append(character)
    }
    isEscaped = character == "\\" && !isEscaped
  }
  let rest = cell.trimmingCharacters(in: .whitespaces)
  return rest.isEmpty ? cells : cells + [rest]
}

extension Source {
  /// Whether these lines follow one another here, whatever stands before them.
  fileprivate func has(_ wanted: [String]) -> Bool {
    guard let first = wanted.first, lines.count >= wanted.count else { return false }
    return trimmed.indices.contains { i in
      trimmed[i] == first && i + wanted.count <= trimmed.count
        && trimmed[i..<i + wanted.count].elementsEqual(wanted)
    }
  }
}

/// The targets and variables of a Makefile.
struct Makefile {
  private(set) var targets: Set<String> = []
  private(set) var variables: Set<String> = []

  init(_ lines: [String]) {
    for line in lines {
      if let found = line.wholeMatch(of: /([\w%.-]+(?: [\w%.-]+)*):(?!=).*/) {
        targets.formUnion(found.1.split(separator: " ").map(String.init))
      }
      if let found = line.wholeMatch(of: /([A-Z]\w*) *=.*/) {
        variables.insert(String(found.1))
      }
    }
  }

  /// What is wrong with a line that calls make, if it does.
  func problems(_ command: String, _ stages: [Stage]) -> [String] {
    var words = command.split(whereSeparator: \.isWhitespace).map(String.init)[...]
    while let word = words.first, word != "make" {
      // What may stand before it: $, time, VARIABLE=value.
      if word == "$" || word == "time" || word.contains("=") {
        words.removeFirst()
      } else {
        return []
      }
    }
    guard words.popFirst() != nil else { return [] }
    // A trace's FROM is a time.
    let ofStages = words.first == "trace" ? ["N"] : ["N", "A", "B", "FROM"]
    var problems: [String] = []
    var isQuoted = false
    for word in words {
      if isQuoted {
        isQuoted = !word.hasSuffix("'") && !word.hasSuffix("\"")
        continue
      }
      if ["|", ";", "&&", ">", "2>&1", "<", "||", "#", "..."].contains(word) { break }
      if let equals = word.firstIndex(of: "=") {
        let (name, value) = (String(word[..<equals]), word[word.index(after: equals)...])
        if let quote = value.first, quote == "'" || quote == "\"" {
          isQuoted = value.count == 1 || value.last != quote
        }
        if name.allSatisfy({ $0.isUppercase }), !variables.contains(name) {
          problems.append("make has no variable \(name)=; `make` lists what it has")
        }
        if ofStages.contains(name),
          value.wholeMatch(of: /\d\d/) != nil,
          !stages.contains(where: { $0.number == value })
        {
          problems.append("there is no stage \(value)")
        }
      } else if word.hasPrefix("-") || word.hasPrefix("[") {
        continue
      } else if !has(word, stages) {
        problems.append("make has no target \(word); `make` lists those it has")
      }
    }
    return problems
  }

  private func has(_ target: String, _ stages: [Stage]) -> Bool {
    if targets.contains(target) { return true }
    return targets.contains { pattern in
      guard pattern.hasSuffix("%"), target.hasPrefix(pattern.dropLast()) else {
        return false
      }
      let stem = target.dropFirst(pattern.count - 1)
      return stem == "NN" || stages.contains { $0.number == stem }
    }
  }
}
