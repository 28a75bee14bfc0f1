// SPDX-License-Identifier: Apache-2.0
//
// tour: counts the words of all text files under a directory, once with a
// pipeline of goroutines and once in a plain loop, compares, and says how long
// each took.
//
// Exit status: 0; 1 if something could not be read or the two counts differ;
// 2 if the command line makes no sense.

import Arguments
import Glibc
import Stage

let usage = """
  usage: tour [--top N] [--brief] [--record FILE] [DIR]

  Counts the words of every text file under DIR (default: this directory) with
  goroutines and in a plain loop, and compares results and times.

    --top N         print the N most frequent words (default 20)
    --brief         print nothing of what was found
    --record FILE   count once more, and record that in FILE.trace; in FILE.tsv what
                    was printed of time and the scheduler, for `trace --tour`
    --help          print this

  A word is a run of letters; upper and lower case of A-Z are the same, and every
  byte of a character that is not ASCII counts as a letter. Files with a zero
  byte in the first 8 KB are binary and skipped, like directories called .git and
  .build; symbolic links are not followed.
  """

struct Options {
  var top = 20
  var isBrief = false
  var record: String?
  var directory = "."
}

@main
struct Tour {
  static func main() {
    let options: Options
    do {
      options = try parse(Array(CommandLine.arguments.dropFirst()))
    } catch {
      switch error {
      case .help:
        print(usage)
        exit(0)
      case .wrong(let message):
        complain(
          "tour: \(message)\nusage: tour [--top N] [--brief] [--record FILE] [DIR]")
        exit(2)
      }
    }
    exit(tour(options))
  }
}

func parse(_ arguments: [String]) throws(CommandLineError) -> Options {
  var options = Options()
  var directories: [String] = []
  var rest = arguments[...]
  while let argument = rest.popFirst() {
    switch argument {
    case "--help", "-h":
      throw .help
    case "--top":
      guard let value = rest.popFirst() else { throw .wrong("--top needs a number") }
      options.top = try parseTop(value)
    case _ where argument.hasPrefix("--top="):
      options.top = try parseTop(String(argument.dropFirst("--top=".count)))
    case "--brief":
      options.isBrief = true
    case "--record":
      guard let value = rest.popFirst() else { throw .wrong("--record needs a file") }
      options.record = value
    case "--":
      directories += rest
      rest = []
    case _ where argument.hasPrefix("-") && argument != "-":
      throw .wrong("unknown option '\(printable(argument))'")
    default:
      directories.append(argument)
    }
  }
  if directories.count > 1 { throw .wrong("more than one directory") }
  options.directory = directories.first ?? options.directory
  return options
}

func parseTop(_ text: String) throws(CommandLineError) -> Int {
  guard let top = Int(text), top >= 0 else {
    throw .wrong("--top needs a number, not '\(printable(text))'")
  }
  return top
}

/// Does it all and returns the exit status.
func tour(_ options: Options) -> Int32 {
  let root = options.directory.utf8CString.map { $0 } as Path
  guard let directory = opendir(root) else {
    complain("tour: cannot open \(printable(root)): \(reason(errno))")
    return 1
  }
  closedir(directory)

  let result = measure(root)
  if let difference = difference(result.plain, result.concurrent) {
    complain("tour: the goroutines and the plain loop differ: \(difference)")
    complain("(a file that changes meanwhile has this effect, too)")
    return 1
  }
  if !options.isBrief { report(result, top: options.top) }
  if let file = options.record {
    do {
      try record(result, root, file)
    } catch {
      complain("tour: \(printable(file)): \(error)")
      return 1
    }
  }
  if fflush(nil) != 0 {
    complain("tour: cannot write: \(reason(errno))")
    return 1
  }
  return complainAboutFailures(result.plain.findings.failures)
}

func complainAboutFailures(_ failures: Failures) -> Int32 {
  for failure in failures.first {
    complain("tour: cannot read \(printable(failure.path)): \(reason(failure.errno))")
  }
  if failures.count > failures.first.count {
    complain("tour: and \(grouped(failures.count - failures.first.count)) more")
  }
  return failures.count == 0 ? 0 : 1
}

func reason(_ errno: Int32) -> String {
  String(cString: strerror(errno))
}
