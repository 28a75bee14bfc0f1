// SPDX-License-Identifier: Apache-2.0
//
// The table of programs, and the command line that picks one of them. Each
// program is a function in a file of its own, and starts the runtime itself,
// because the number of Ps it wants is part of what it shows.

import Arguments
import Glibc
import Stage

struct Program: Sendable {
  let name: String
  let summary: String
  let parameters: Parameters
}

/// The program did not succeed, and the message says why.
struct Failure: Error {
  let message: String
}

let programs = [
  Program(
    name: "four-prints",
    summary: "four goroutines on one P print 4 1 2 3",
    parameters: .none(fourPrints)
  ),
  Program(
    name: "sieve",
    summary: "the first N primes through a chain of N filters",
    parameters: .number(Number("N", default: 25, in: 1...10_000), sieve)
  ),
  Program(
    name: "ping-pong",
    summary: "two goroutines hand a ball over N times",
    parameters: .number(Number("N", default: 1_000_000, in: 1...1_000_000_000), pingPong)
  ),
  Program(
    name: "skynet",
    summary: "a tree of goroutines with N leaves adds up their numbers",
    parameters: .number(Number("N", default: 100_000, in: 1...10_000_000), skynet)
  ),
  Program(
    name: "styles",
    summary: "one request handler as threads, as callbacks, as goroutines",
    parameters: .none(styles)
  ),
  Program(
    name: "threads",
    summary: "why threads are slow: memory, creation, switch, measured",
    parameters: .number(Number("N", default: 1_000, in: 10...20_000), threads)
  ),
  Program(
    name: "pool",
    summary: "a channel of functions served by three goroutines",
    parameters: .number(Number("JOBS", default: 12, in: 1...100_000), pool)
  ),
  Program(
    name: "maps",
    summary: "a map that a goroutine owns against a map behind a lock",
    parameters: .number(Number("N", default: 400_000, in: 1...100_000_000), maps)
  ),
  Program(
    name: "keyed-channel",
    summary: "receive(key) waits until somebody sends that key",
    parameters: .none(keyedChannel)
  ),
  Program(
    name: "hog",
    summary: "a loop without any call starves nobody",
    parameters: .none(hog)
  ),
  Program(
    name: "blockers",
    summary: "N blocking calls overlap on one P",
    parameters: .number(Number("N", default: 4, in: 1...1_000), blockers)
  ),
  Program(
    name: "echo",
    summary: "a TCP echo server and its clients in one process",
    parameters: .number(Number("CLIENTS", default: 1_000, in: 1...10_000), echo)
  ),
  Program(
    name: "echo-server",
    summary: "the server alone, until interrupted",
    parameters: .number(Number("PORT", default: 7007, in: 0...65535), echoServer)
  ),
  Program(
    name: "echo-client",
    summary: "the client alone: sends standard input, prints what returns",
    parameters: .hostAndPort(echoClient)
  ),
  Program(
    name: "deep-recursion",
    summary: "a stack grows with the depth; overflow shows its end",
    parameters: .numberOrWord(
      Number("DEPTH", default: 1_000_000, in: 1...10_000_000), "overflow", deepRecursion)
  ),
  Program(
    name: "leak-check",
    summary: "a goroutine that nobody will ever wake, counted and found",
    parameters: .none(leakCheck)
  ),
  Program(
    name: "states",
    summary: "a goroutine in every state, to look at with a debugger",
    parameters: .number(Number("N", default: 0, in: 0...1_000_000), states)
  ),
]

@main
struct Programs {
  static func main() {
    exit(command(Array(CommandLine.arguments.dropFirst())))
  }
}

/// Runs one command line and returns the exit status.
func command(_ arguments: [String]) -> Int32 {
  let name = arguments.first ?? ""
  let job: Job
  do {
    job = try parse(arguments)
  } catch {
    switch error {
    case .help:
      print("usage: programs NAME [ARGUMENTS]\n")
      print(programList())
      return 0
    case .wrong(let message):
      guard let program = programs.first(where: { $0.name == name }) else {
        complain("programs: \(message)\n\n" + programList())
        return 2
      }
      let space = program.parameters.usage.isEmpty ? "" : " "
      let usage = "usage: programs \(name)\(space)\(program.parameters.usage)"
      complain("programs \(name): \(message)\n\(usage)")
      return 2
    }
  }
  do {
    try job.run()
    return 0
  } catch let error as Failure {
    complain("programs \(name): \(error.message)")
    return 1
  } catch let error as IOError {
    complain("programs \(name): \(error.operation): \(reason(error))")
    return 1
  } catch {
    complain("programs \(name): \(error)")
    return 1
  }
}

func programList() -> String {
  programs
    .map { left("  \($0.name) \($0.parameters.usage)", 34) + $0.summary }
    .joined(separator: "\n")
}
