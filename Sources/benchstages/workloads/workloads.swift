// SPDX-License-Identifier: Apache-2.0
//
// The command line. A measurement is a process and prints one line: NAME NUMBER.

import Glibc
import Stage

/// How much of it is done: in a quick run, a tenth.
struct Size: Sendable {
  let isQuick: Bool

  func callAsFunction(_ full: Int) -> Int { isQuick ? max(1, full / 10) : full }
}

/// What a workload does. Called on no goroutine; returns its number.
typealias Body = @Sendable (Size) throws -> Double

/// The workloads of a stage. Without its file there are none.
protocol Bodies: SendableMetatype {
  static var bodies: [String: Body] { get }
}

extension Bodies {
  static var bodies: [String: Body] { [:] }
}

enum Coroutines: Bodies {}
enum Channels: Bodies {}
enum GlobalQueue: Bodies {}
enum Syscalls: Bodies {}
enum Timers: Bodies {}
enum Netpoll: Bodies {}
enum StopTheWorld: Bodies {}
enum StackGrowth: Bodies {}

@main
enum Workloads {
  static let stages: [any Bodies.Type] = [
    Coroutines.self, Channels.self, GlobalQueue.self, Syscalls.self,
    Timers.self, Netpoll.self, StopTheWorld.self, StackGrowth.self,
  ]

  static var bodies: [String: Body] {
    stages.reduce(into: [:]) { all, stage in
      all.merge(stage.bodies) { _, _ in fatalError("two workloads have one name") }
    }
  }

  /// The number of the stage these workloads run on, as its module has it.
  static var stage: Substring {
    String(reflecting: SchedulerCounters.self).prefix { $0 != "." }.suffix(2)
  }

  static func main() {
    exit(command(Array(CommandLine.arguments.dropFirst())))
  }
}

/// Runs one command line and returns the exit status.
func command(_ arguments: [String]) -> Int32 {
  if arguments == ["list"] {
    list()
    return 0
  }
  let isQuick = arguments.first == "--quick"
  let names = isQuick ? arguments.dropFirst() : arguments[...]
  guard let name = names.first, names.count == 1 else {
    return refuse("usage: workloads list, or: workloads [--quick] NAME")
  }
  guard let workload = catalogue.first(where: { $0.name == name }) else {
    return refuse(
      "there is no workload of that name; `workloads list` shows those there are")
  }
  guard let body = Workloads.bodies[name] else {
    let needs = workload.needs
    return refuse(
      "\(name) needs stage \(needs.stage) or later (\(needs.what)); "
        + "this is stage \(Workloads.stage)")
  }
  do {
    print(name, try body(Size(isQuick: isQuick)))
    return 0
  } catch let error as Failure {
    return refuse("\(name): \(error.message)", status: 1)
  } catch {
    return refuse("\(name): \(error)", status: 1)
  }
}

func refuse(_ message: String, status: Int32 = 2) -> Int32 {
  let bytes = Array("workloads: \(message)\n".utf8)
  _ = write(2, bytes, bytes.count)
  return status
}

/// A line for each, with tabs between what is said of it.
func list() {
  let bodies = Workloads.bodies
  for w in catalogue {
    let fields = [
      w.name, bodies[w.name] == nil ? "later" : "here", w.needs.stage, w.needs.what,
      String(w.procs), w.better.rawValue, w.unit, w.what,
    ]
    print(fields.joined(separator: "\t"))
  }
  for name in bodies.keys where !catalogue.contains(where: { $0.name == name }) {
    print("\(name)\tis not in the catalogue")
  }
}
