// SPDX-License-Identifier: Apache-2.0
//
// Command line.

import Arguments

struct Options: Equatable {
  enum Command: String, CaseIterable {
    case diff
    case diffs
    case drift
    case readmes
    case chapters
    case site
    case serve
    case propagate
    case parity
    case exercises
    case start
    case check
    case hint
    case reset
    case progress
    case museum
    case proveExercises = "prove-exercises"
  }

  var command = Command.drift
  var root = "."

  /// Stages: two of `diff`, one of `propagate`, any of `chapters`.
  var stages: [String] = []
  var file: String?
  var side = false
  var words = false
  var color: Bool?
  var width: Int?
  var keepGoing = false
  var since = "HEAD"

  /// Of an exercise.
  var exercise: String?
  var bug: String?
  var again = false
  var all = false
  var reference = false

  /// Where the pages go, and where timelines are.
  var out = ".build/site/html"
  var timelines: String?
}

let help = """
  course diff [A] B [--file F] [--side | --words] [--color] [--width N]
      What differs between two stages, or between B and the one before it.
  course diffs
      Writes that for all neighbours, into Notes/diffs.
  course drift
      Checks that neighbours differ in what they must, and in nothing else.
  course readmes
      Checks that each stage's README has what it must.
  course chapters [NN ...]
      Checks the chapters in Notes, or those of these stages, and the map to Go.
  course site [--out DIR] [--timelines DIR]
      Writes the notes as pages for a browser; timelines: NN-program.html.
  course serve --out DIR
      Serves such pages on this machine, and prints the address.
  course propagate FROM FILE [--keep-going] [--since COMMIT]
      Carries a change of a file into all later stages.
  course parity [--since COMMIT]
      For each changed declaration, which stages have the old text.
  course exercises [N]
      The exercises, of one stage or of all, and how far the learner is.
  course start|check|hint|reset N E [--reference | --all] [--again]
      A working copy of exercise E of stage N: makes it, tries it, helps, makes it anew.
      --reference: tries the solution; --all: runs all tests of the stage; --again: the
      last hint.
  course progress
      What is done, and what is next.
  course museum [N [--bug SLUG]]
      The bugs; with N each is planted, and must be found; with --bug one is shown.
  course prove-exercises [N]
      Exercises fail untouched and pass solved; bugs are found; nothing lacks a part.
  Any of them: --root DIR, the repository, if not the working directory.
  Exit status 1: a rule is broken, or there is a conflict; 2: the arguments are wrong.
  """

func parse(_ arguments: [String]) throws -> Options {
  var options = Options()
  var rest = arguments[...]
  var free: [String] = []
  func value(_ option: String) throws -> String {
    guard let value = rest.popFirst(), !value.isEmpty else {
      throw CommandLineError.wrong("\(option) needs a value")
    }
    return value
  }
  while let argument = rest.popFirst() {
    switch argument {
    case "-h", "--help": throw CommandLineError.help
    case "--root": options.root = try value(argument)
    case "--file": options.file = try value(argument)
    case "--side": options.side = true
    case "--words": options.words = true
    case "--color": options.color = true
    case "--width":
      guard let width = (40...1000).number(try value(argument)) else {
        throw CommandLineError.wrong("--width takes 40 to 1000")
      }
      options.width = width
    case "--keep-going": options.keepGoing = true
    case "--since": options.since = try value(argument)
    case "--bug": options.bug = try value(argument)
    case "--again": options.again = true
    case "--all": options.all = true
    case "--reference": options.reference = true
    case "--out": options.out = try value(argument)
    case "--timelines": options.timelines = try value(argument)
    default:
      if argument.hasPrefix("-") {
        throw CommandLineError.wrong("unknown option \(printable(argument))")
      }
      free.append(argument)
    }
  }
  if options.since.hasPrefix("-") {
    throw CommandLineError.wrong("\(printable(options.since)) is no commit")
  }
  guard let name = free.first else { throw CommandLineError.wrong("what to do?") }
  guard let command = Options.Command(rawValue: name) else {
    throw CommandLineError.wrong("unknown command \(printable(name))")
  }
  options.command = command
  free.removeFirst()
  switch command {
  case .diff where free.count == 1 || free.count == 2:
    options.stages = free
  case .chapters:
    options.stages = free
  case .propagate where free.count == 2:
    options.stages = [free[0]]
    options.file = free[1]
  case .diffs where free.isEmpty, .drift where free.isEmpty, .readmes where free.isEmpty,
    .site where free.isEmpty, .serve where free.isEmpty,
    .parity where free.isEmpty:
    break
  case .exercises where free.count <= 1, .museum where free.count <= 1,
    .proveExercises where free.count <= 1, .progress where free.isEmpty:
    options.stages = free.map(twoDigits)
  case .start where free.count == 2, .check where free.count == 2,
    .hint where free.count == 2, .reset where free.count == 2:
    options.stages = [twoDigits(free[0])]
    options.exercise = twoDigits(free[1])
  case .start, .check, .hint, .reset:
    throw CommandLineError.wrong(
      "\(name) takes a stage and an exercise, as in N=05 E=02; make exercises lists them")
  case .exercises, .museum, .proveExercises:
    throw CommandLineError.wrong("\(name) takes one stage, or none")
  case .diff:
    throw CommandLineError.wrong("diff takes one stage or two")
  case .propagate:
    throw CommandLineError.wrong("propagate takes a stage and a file")
  default:
    throw CommandLineError.wrong("\(name) takes no arguments")
  }
  if options.side && options.words {
    throw CommandLineError.wrong("either side by side or words in their line")
  }
  return options
}

/// 5 is 05 to who is in a hurry.
private func twoDigits(_ number: String) -> String {
  number.count == 1 ? "0" + number : number
}
