// SPDX-License-Identifier: Apache-2.0
//
// What course does when it is called.

import Arguments
import Foundation

/// Does what is asked for and returns the exit status.
public func command(_ arguments: [String]) -> Int32 {
  do {
    let options = try parse(arguments)
    let ladder = try Ladder(root: URL(fileURLWithPath: options.root))
    let report = try perform(options, ladder)
    for line in report.lines { print(line) }
    return report.isGood ? 0 : 1
  } catch CommandLineError.help {
    print(help)
    return 0
  } catch CommandLineError.wrong(let message) {
    complain("course: \(message)\ncourse --help says more")
    return 2
  } catch let error as Failure {
    complain("course: \(error.message)")
  } catch {
    complain("course: \(error)")
  }
  return 1
}

/// What a command prints, and whether all is well.
struct Report {
  var lines: [String] = []
  var isGood = true
}

func perform(_ options: Options, _ ladder: Ladder) throws -> Report {
  switch options.command {
  case .diff: try diff(ladder, options)
  case .diffs: try writeDiffs(ladder)
  case .drift: drift(ladder)
  case .readmes: readmes(ladder)
  case .chapters: try chapters(ladder, options.stages)
  case .site: try writeSite(ladder, to: options.out, timelines: options.timelines)
  case .serve: try serve(URL(fileURLWithPath: options.out))
  case .propagate: try propagate(ladder, options)
  case .parity: try parity(ladder, since: options.since)
  case .exercises: try ladder.listExercises(options)
  case .start: try ladder.start(options)
  case .check: try ladder.check(options)
  case .hint: try ladder.hint(options)
  case .reset: try ladder.reset(options)
  case .progress: try ladder.progress()
  case .museum: try museum(ladder, options)
  case .proveExercises: try proveExercises(ladder, options)
  }
}

func complain(_ message: String) {
  FileHandle.standardError.write(Data((message + "\n").utf8))
}
