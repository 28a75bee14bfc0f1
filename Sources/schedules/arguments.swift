// SPDX-License-Identifier: Apache-2.0
//
// The command line of schedules.

import Arguments

let usage = """
  usage: schedules [SCENARIO]... [-t SECONDS] [-n RUNS] [-s SEED]

  Runs every scenario, or those named, under many schedules; a schedule follows from
  its seed. When one fails, prints its seed and the few switches of threads that the
  failure needs.

    -t   seconds of the processor in all, 0 to 1000000 (default 20)
    -n   schedules of each scenario, 1 to 1000000000, instead of a time
    -s   one schedule, or the first one: its seed
    -l   lists the scenarios
  """

struct Options {
  var seconds = 20.0
  var runs: Int? = nil
  var seed: UInt64? = nil
  var chosen: [String] = []
  var lists = false
}

func parse(
  _ arguments: [String],
  scenarios: [String]
) throws(CommandLineError) -> Options {
  var options = Options()
  var rest = arguments[...]
  while let argument = rest.popFirst() {
    func value<T: LosslessStringConvertible & Comparable>(
      in range: ClosedRange<T>
    ) throws(CommandLineError) -> T {
      guard let value = rest.popFirst().flatMap(range.number) else {
        throw .wrong("\(argument) needs a number from \(range.bounds)")
      }
      return value
    }
    switch argument {
    case "-h", "--help": throw .help
    case "-l":
      options.lists = true
      return options
    case "-t": options.seconds = try value(in: 0...1_000_000)
    case "-n": options.runs = try value(in: 1...1_000_000_000)
    case "-s": options.seed = try value(in: 0...UInt64.max)
    default:
      guard scenarios.contains(argument) else {
        throw .wrong("there is no scenario \(printable(argument)); -l lists them")
      }
      options.chosen.append(argument)
    }
  }
  return options
}
