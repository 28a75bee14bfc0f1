// SPDX-License-Identifier: Apache-2.0
//
// The command line.

import Arguments

let help = """
  usage: trace FILE [--check] [-o PAGE.html] [--json OUT.json] [--svg OUT.svg] [--text] [--counts]
               [--from MS] [--to MS] [--compare FILE2] [--name NAME]...
         trace --tour FOLDER

  Draws a trace, which a program records that is run with GOTRACE=FILE. Without any
  option, prints it as text.

    --check          whether what happened can have happened: every goroutine in one
                     place, a P held by one M, no work beside an idle P, all counts
                     right; and which goroutines were left waiting
    -o PAGE.html     a page to look at in a browser; it needs nothing else
    --json OUT.json  for ui.perfetto.dev and chrome://tracing
    --svg OUT.svg    a still picture, 800 pixels wide
    --text           a line per stint: who ran where, for how long, why
    --counts         how many lanes, stints and arrows there are, a line each
    --from MS        leave out what is before this many milliseconds
    --to MS          leave out what is after
    --compare FILE2  with -o: two traces, one below the other
    --name NAME      how FILE is called in pictures; a second one is for FILE2
    --rows N         with --text: at most N lines (default 100; 0: all)
    --width N        with --text: at most N columns, 40 to 10000 (default: the terminal's,
                     or 100)
    --color          with --text: colours although this is no terminal
    --tour FOLDER    the page of `make tour`, FOLDER/index.html, from what `tour --record`
                     left there for each stage
    --help           print this

  Exit status: 0; 1: a file is no trace, or damaged, or cannot be written, or --check
  found something; 2: the command line makes no sense.
  """

struct Options {
  var file = ""
  var tour: String?
  var compare: String?
  var names: [String] = []
  var page: String?
  var json: String?
  var svg: String?
  var check = false
  var text = false
  var counts = false
  var color = false
  var rows = 100
  var width: Int?

  /// Nanoseconds.
  var from: Int64?
  var to: Int64?

  /// Whether anything else than text is asked for.
  var picture: Bool { page != nil || json != nil || svg != nil || counts }
}

func parse(_ arguments: [String]) throws(CommandLineError) -> Options {
  var options = Options()
  var files: [String] = []
  var rest = arguments[...]
  while let argument = rest.popFirst() {
    func value(_ what: String) throws(CommandLineError) -> String {
      guard let value = rest.popFirst() else { throw .wrong("\(argument) needs \(what)") }
      return value
    }
    switch argument {
    case "--help", "-h": throw .help
    case "-o": options.page = try value("a file to write")
    case "--json": options.json = try value("a file to write")
    case "--svg": options.svg = try value("a file to write")
    case "--compare": options.compare = try value("a trace")
    case "--name": options.names.append(try value("a name"))
    case "--tour": options.tour = try value("a folder")
    case "--check": options.check = true
    case "--text": options.text = true
    case "--counts": options.counts = true
    case "--color": options.color = true
    case "--from": options.from = try milliseconds(argument, try value("milliseconds"))
    case "--to": options.to = try milliseconds(argument, try value("milliseconds"))
    case "--rows":
      options.rows = try number(argument, try value("a number"), in: 0...1_000_000_000)
    case "--width":
      options.width = try number(argument, try value("a number"), in: 40...10_000)
    case _ where argument.hasPrefix("-") && argument != "-":
      throw .wrong("unknown option '\(printable(argument))'")
    default: files.append(argument)
    }
  }
  if options.tour != nil, arguments.count == 2 { return options }
  if options.tour != nil { throw .wrong("--tour FOLDER stands alone") }
  guard let file = files.first else { throw .wrong("which trace? Give a file") }
  if files.count > 1 {
    throw .wrong("more than one file: '\(printable(files[1]))'; see --compare")
  }
  options.file = file
  if let from = options.from, let to = options.to, from >= to {
    throw .wrong("--from is not before --to")
  }
  if options.compare != nil, options.page == nil {
    throw .wrong("--compare needs -o PAGE.html")
  }
  if !options.picture && !options.check { options.text = true }
  return options
}

private func milliseconds(
  _ option: String, _ text: String
) throws(CommandLineError) -> Int64 {
  guard let value = Double(text), value >= 0, value < 1e9 else {
    throw .wrong("\(option) needs milliseconds, not '\(printable(text))'")
  }
  return Int64((value * 1e6).rounded())
}

private func number(
  _ option: String, _ text: String, in range: ClosedRange<Int>
) throws(CommandLineError) -> Int {
  guard let value = range.number(text) else {
    throw .wrong(
      "\(option) needs a number from \(range.bounds), not '\(printable(text))'")
  }
  return value
}
