// SPDX-License-Identifier: Apache-2.0
//
// Random programs, one after the other, until the time is up.

import Arguments
import Stage

let usage = """
  usage: stress [-t SECONDS] [-n ROUNDS] [-s SEED] [-p PROCS]

  Every round makes a program from a seed: goroutines that send, select, sleep, lock,
  block, compute, connect, stop the world and change GOMAXPROCS, in random order, on 1
  to 16 Ps, as far as the stage has all that. Whatever is sent must arrive, and every
  round must end.

    -t   seconds, 0 to 1000000 (default 20)
    -n   rounds, 1 to 1000000000, instead of a time
    -s   the first round's seed (default: from the clock); with it, one round
    -p   the number of Ps at the start of every round, 1 to 1024
  """

/// A round that takes longer hangs.
let patience = 60.0

struct Options {
  var seconds = 20.0
  var rounds: Int? = nil
  var seed: UInt64? = nil
  var procs: Int? = nil
}

func parse(_ arguments: [String]) throws(CommandLineError) -> Options {
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
    case "-t": options.seconds = try value(in: 0...1_000_000)
    case "-n": options.rounds = try value(in: 1...1_000_000_000)
    case "-s": options.seed = try value(in: 0...UInt64.max)
    case "-p": options.procs = try value(in: 1...1024)
    default: throw .wrong("what is \(printable(argument))?")
    }
  }
  return options
}

/// Lets the others run for a while.
private func dawdle(for moment: Duration) {
  if let silence = Parts.silence(moment) {
    _ = silence.receive()
  } else {
    for _ in 0..<100 { gosched() }
  }
}

/// One random program.
func round(_ seed: UInt64, procs: Int?) throws {
  var r = Random(seed)
  let procs = procs ?? 1 + r.below(16)
  let producers = 2 + r.below(14)
  let consumers = 1 + r.below(5)
  let length = 20 + r.below(180)
  let leaves = r.below(2) == 0 ? r.below(20) : 0
  let moment = r.microseconds(below: 3000)
  try run(procs: procs) {
    let server = try Parts.serve()
    let world = World(seed, port: server?.port ?? 0)
    let producing = WaitGroup()
    let consuming = WaitGroup()
    for k in 0..<producers {
      producing.go {
        var r = Random(seed, k + 1)
        for _ in 0..<length {
          let operation = operations[r.below(operations.count)]
          do {
            try operation.body(world, &r)
          } catch {
            failed("seed \(seed): \(operation.name): \(error)")
          }
          operationsDone.add()
        }
      }
    }
    for _ in 0..<consumers { consuming.go { world.consume() } }
    producing.wait()
    world.closing.close()
    consuming.wait()
    server?.stop()
    world.drain()
    if let mistake = world.books.mistake { failed("seed \(seed): \(mistake)") }
    for i in 0..<leaves {
      let leftover = leftovers[i % leftovers.count]
      go { try? leftover(world) }
    }
    if leaves > 0 { dawdle(for: moment) }
  }
  if Parcel.alive.value != 0 {
    failed("seed \(seed): \(Parcel.alive.value) values are still alive")
  }
}

let operationsDone = Tally()

/// Rounds begun; the watchman sees that it grows.
let roundsBegun = Tally()

@main
enum Stress {
  static func main() {
    let options: Options
    do {
      options = try parse(Array(CommandLine.arguments.dropFirst()))
    } catch {
      switch error {
      case .help:
        print(usage)
        leave(0)
      case .wrong(let message):
        complain("\(message)\n\(usage)")
        leave(2)
      }
    }
    let first = options.seed ?? anySeed()
    let one = options.seed != nil && options.rounds == nil
    print("stress: the first seed is \(first)")
    _ = startThread { watch(first) }
    disturb(first)

    let until = seconds() + options.seconds
    var n = 0
    while n == 0 || (options.rounds.map { n < $0 } ?? (!one && seconds() < until)) {
      let seed = first &+ UInt64(n)
      roundsBegun.add()
      @Sendable func play() {
        do {
          try round(seed, procs: options.procs)
        } catch {
          failed("seed \(seed): \(error)")
        }
      }
      // The thread that calls run is mostly another one.
      if n % 3 == 0 { play() } else { join(startThread(play)) }
      n += 1
      progress("stress: \(n) rounds, \(operationsDone.value) operations")
    }
    progress("")
    print(
      "stress: \(n) rounds, \(operationsDone.value) operations, nothing lost; \(memory())"
    )
  }
}

/// Ends the process if a round does not end.
func watch(_ first: UInt64) {
  var last = 0
  var since = seconds()
  while true {
    pause(100_000)
    let begun = roundsBegun.value
    if begun != last {
      last = begun
      since = seconds()
    }
    if seconds() - since > patience {
      complain(
        "seed \(first &+ UInt64(begun - 1)): the round has not ended in \(patience) s")
      quitWithDump()
      pause(10_000_000)
      failed("no dump in 10 s")
    }
  }
}
