// SPDX-License-Identifier: Apache-2.0
//
// The command line. One run is one process and one line:
//
//   NAME <n> <ns_per_op> p=<Ps> total_ms=<measured region> key=value ...
//
// Exit status 3: no such workload; 2: wrong arguments; 1: it failed.

import Arguments
import Glibc
import Goroutines

let help = """
  usage: bench list                 the workloads, one a line
         bench NAME [N]             run one: NAME n ns_per_op key=value ...
         bench compare [-r ROUNDS] [-o OUT] [-t SECONDS] [-w]
                       [PATH | NAME=PATH]... [WORKLOAD]...
                                    run all (or these) here and in other
                                    executables, interleaved, as a table

  BENCH_P=k    the number of Ps where a workload below has two

  compare:  PATH is an executable with the same command line (list, NAME [N]);
            the first one is the base of the ratios. A path has a slash in it.
    -r      rounds, 2 to 1000000 (default 5)
    -o      a folder for raw.tsv, summary.md, machine.txt and stderr.txt
    -t      the longest that one run may take, 1 to 1000000 seconds (default 120)
    -w      do not touch memory before runs that need much of it
            (on a virtual machine the first touch of a page goes to the host)

  workloads (P, N; N is a number from 1 to 1000000000):
  """

/// What one process is to do.
enum Command {
  case list
  case compare(Options)
  case prewarm(megabytes: Int)
  case run(Workload, n: Int)
  case unsupported(String)
}

@main
struct Bench {
  static func main() {
    do {
      try perform(parse(Array(CommandLine.arguments.dropFirst())))
    } catch {
      switch error {
      case .help: printHelp()
      case .wrong(let message):
        complain("bench: \(message)")
        exit(2)
      }
    }
  }
}

func parse(_ arguments: [String]) throws(CommandLineError) -> Command {
  guard let name = arguments.first else { throw .help }
  let rest = arguments.dropFirst()
  switch name {
  case "help", "-h", "--help":
    throw .help
  case "list":
    return .list
  case "compare":
    return .compare(try parseCompare(rest))
  case "host-prewarm":
    return .prewarm(megabytes: try number(rest.first ?? "2048"))
  default:
    guard let workload = workloads.first(where: { $0.name == name }) else {
      return .unsupported(printable(name))
    }
    return .run(workload, n: try rest.first.map(number) ?? workload.n)
  }
}

func perform(_ command: Command) throws(CommandLineError) {
  switch command {
  case .list:
    for w in workloads { print(w.name) }
  case .compare(let options):
    exit(try compare(options))
  case .prewarm(let megabytes):
    prewarm(megabytes: megabytes)
  case .run(let workload, let n):
    report(workload, n: n)
  case .unsupported(let name):
    complain("bench: unsupported workload: \(name); `bench list` names them")
    exit(3)
  }
}

func printHelp() {
  print(help)
  for w in workloads {
    let name = w.name + String(repeating: " ", count: 18 - w.name.count)
    print("  \(name)\(w.procs)  \(padded(w.n, 10))  \(w.what)")
  }
}

func padded(_ n: Int, _ width: Int) -> String {
  let digits = String(n)
  return String(repeating: " ", count: max(0, width - digits.count)) + digits
}

/// N, and how many megabytes: more would not end, or overflow what is computed of it.
let numbers = 1...1_000_000_000

func number(_ text: String) throws(CommandLineError) -> Int {
  guard let n = numbers.number(text) else {
    throw .wrong("bad N: \(printable(text)) is not a number from \(numbers.bounds)")
  }
  return n
}

func report(_ workload: Workload, n: Int) {
  var procs = workload.procs
  if procs > 1, let text = getenv("BENCH_P"), let p = Int(String(cString: text)), p > 0 {
    procs = p
  }
  let result = Box<Outcome?>(nil)
  do {
    try run(procs: procs) { result.value = workload.body(n) }
  } catch {
    fail("\(workload.name): \(error)")
  }
  let outcome = result.value!
  var usage = rusage()
  // RUSAGE_SELF
  getrusage(0, &usage)
  let fields =
    [
      workload.name,
      String(outcome.n),
      fixed(outcome.n > 0 ? outcome.ns / Double(outcome.n) : 0, 2),
      pair("p", procs),
      pair("total_ms", outcome.ns / 1e6),
    ] + outcome.extra + [
      "user_ms=" + fixed(milliseconds(usage.ru_utime), 0),
      "sys_ms=" + fixed(milliseconds(usage.ru_stime), 0),
      pair("vcsw", usage.ru_nvcsw),
      pair("ivcsw", usage.ru_nivcsw),
      pair("maxrss_kb", usage.ru_maxrss),
    ]
  print(fields.joined(separator: " "))
}

func milliseconds(_ t: timeval) -> Double {
  Double(t.tv_sec) * 1e3 + Double(t.tv_usec) / 1e3
}

/// Touches memory once and gives it back, so that the host backs it already
/// when the next process asks for it.
func prewarm(megabytes: Int) {
  let length = megabytes << 20
  let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
  let memory = mmap(nil, length, PROT_READ | PROT_WRITE, flags, -1, 0)
  guard let memory, memory != MAP_FAILED else { fail("host-prewarm: mmap failed") }
  madvise(memory, length, Int32(MADV_HUGEPAGE))
  let t0 = now()
  for offset in stride(from: 0, to: length, by: 4096) {
    memory.storeBytes(of: 1, toByteOffset: offset, as: UInt8.self)
  }
  let ns = Double(now() - t0)
  munmap(memory, length)
  print("host-prewarm \(megabytes) \(fixed(ns / Double(megabytes), 2))")
}
