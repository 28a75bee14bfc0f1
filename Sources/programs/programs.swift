// SPDX-License-Identifier: Apache-2.0
//
// The command line that picks one of the programs. Each of them is a function in a file
// of its own, and starts the runtime itself, because the number of Ps it wants is part
// of what it shows.

import Arguments
import Glibc
import Stage

/// The program did not succeed, and the message says why.
struct Failure: Error {
  let message: String
}

@main
enum Programs {
  static func main() {
    exit(command(Array(CommandLine.arguments.dropFirst())))
  }

  static func named(_ name: String) -> (any Program.Type)? {
    all.first { $0.name == name }
  }

  /// The number of the stage these programs run on, as its module has it.
  static var stage: Substring {
    String(reflecting: SchedulerCounters.self).prefix { $0 != "." }.suffix(2)
  }
}

/// Runs one command line and returns the exit status. With --check before the program
/// it is only said what is wrong with it.
func command(_ arguments: [String]) -> Int32 {
  let isCheck = arguments.first == "--check"
  let arguments = isCheck ? Array(arguments.dropFirst()) : arguments
  let name = arguments.first ?? ""
  let job: Job
  do {
    job = try parse(arguments)
  } catch {
    switch error {
    case .help:
      print("usage: programs NAME [ARGUMENTS]\n")
      print(programList())
      return isCheck ? 2 : 0
    case .wrong(let message):
      guard let program = Programs.named(name) else {
        complain("programs: \(message)\n\n" + programList())
        return 2
      }
      let space = program.usage.isEmpty ? "" : " "
      let usage = "usage: programs \(name)\(space)\(program.usage)"
      complain("programs \(name): \(message)\n\(usage)")
      return 2
    }
  }
  guard let run = job.run else {
    let needs = Programs.named(name)!.needs
    complain(
      "programs: \(name) needs stage \(needs.stage) or later (\(needs.what)); "
        + "this is stage \(Programs.stage)")
    return 2
  }
  if isCheck { return 0 }
  do {
    try run()
    return 0
  } catch let error as Failure {
    complain("programs \(name): \(error.message)")
    return 1
  } catch {
    complain("programs \(name): \(error)")
    return 1
  }
}

/// Those that this stage runs, and those that it does not.
func programList() -> String {
  let here = Programs.all.filter { $0.isHere }
  let later = Programs.all.filter { !$0.isHere }
  var lines = here.map { left("  \($0.name) \($0.usage)", 34) + $0.summary }
  if !later.isEmpty {
    lines.append("\nThese need more than stage \(Programs.stage) has:\n")
    lines += later.map { left("  \($0.name)", 34) + $0.needs.text }
  }
  return lines.joined(separator: "\n")
}

extension Program {
  fileprivate static var usage: String { takes.usage }
  fileprivate static var isHere: Bool { body != nil }
}
