// SPDX-License-Identifier: Apache-2.0
//
// The table of programs, and the command line that picks one of them. Each
// program is a function in a file of its own, and starts the runtime itself,
// because the number of Ps it wants is part of what it shows.

import Glibc
import Stage

struct Program: Sendable {
  let name: String
  let arguments: String
  let summary: String
  let body: @Sendable (_ arguments: [String]) throws -> Void
}

/// What the user typed makes no sense; the message says why.
struct UsageError: Error {
  let message: String
}

/// The program did not succeed, and the message says why.
struct Failure: Error {
  let message: String
}

let programs = [
  Program(
    name: "four-prints",
    arguments: "",
    summary: "four goroutines on one P print 4 1 2 3",
    body: fourPrints
  ),
  Program(
    name: "sieve",
    arguments: "[N]",
    summary: "the first N primes through a chain of N filters",
    body: sieve
  ),
  Program(
    name: "ping-pong",
    arguments: "[N]",
    summary: "two goroutines hand a ball over N times",
    body: pingPong
  ),
  Program(
    name: "skynet",
    arguments: "[N]",
    summary: "a tree of goroutines with N leaves adds up their numbers",
    body: skynet
  ),
  Program(
    name: "styles",
    arguments: "",
    summary: "one request handler as threads, as callbacks, as goroutines",
    body: styles
  ),
  Program(
    name: "threads",
    arguments: "[N]",
    summary: "why threads are slow: memory, creation, switch, measured",
    body: threads
  ),
  Program(
    name: "pool",
    arguments: "[JOBS]",
    summary: "a channel of functions served by three goroutines",
    body: pool
  ),
  Program(
    name: "maps",
    arguments: "[N]",
    summary: "a map that a goroutine owns against a map behind a lock",
    body: maps
  ),
  Program(
    name: "keyed-channel",
    arguments: "",
    summary: "receive(key) waits until somebody sends that key",
    body: keyedChannel
  ),
  Program(
    name: "hog",
    arguments: "",
    summary: "a loop without any call starves nobody",
    body: hog
  ),
  Program(
    name: "blockers",
    arguments: "[N]",
    summary: "N blocking calls overlap on one P",
    body: blockers
  ),
  Program(
    name: "echo",
    arguments: "[CLIENTS]",
    summary: "a TCP echo server and its clients in one process",
    body: echo
  ),
  Program(
    name: "echo-server",
    arguments: "[PORT]",
    summary: "the server alone, until interrupted",
    body: echoServer
  ),
  Program(
    name: "echo-client",
    arguments: "HOST PORT",
    summary: "the client alone: sends standard input, prints what returns",
    body: echoClient
  ),
  Program(
    name: "deep-recursion",
    arguments: "[DEPTH|overflow]",
    summary: "a stack grows with the depth; overflow shows its end",
    body: deepRecursion
  ),
  Program(
    name: "leak-check",
    arguments: "",
    summary: "a goroutine that nobody will ever wake, counted and found",
    body: leakCheck
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
  guard let name = arguments.first, name != "--help", name != "-h" else {
    print("usage: programs NAME [ARGUMENTS]\n")
    print(programList())
    return 0
  }
  guard let program = programs.first(where: { $0.name == name }) else {
    complain("programs: there is no program '\(name)'\n\n" + programList())
    return 2
  }
  do {
    try program.body(Array(arguments.dropFirst()))
    return 0
  } catch let error as UsageError {
    let space = program.arguments.isEmpty ? "" : " "
    let usage = "usage: programs \(name)\(space)\(program.arguments)"
    complain("programs \(name): \(error.message)\n\(usage)")
    return 2
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
    .map { left("  \($0.name) \($0.arguments)", 34) + $0.summary }
    .joined(separator: "\n")
}
