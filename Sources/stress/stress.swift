// SPDX-License-Identifier: Apache-2.0
//
// Random programs, one after the other, until the time is up.

import Goroutines

let usage = """
  usage: stress [-t SECONDS] [-n ROUNDS] [-s SEED] [-p PROCS]

  Every round makes a program from a seed: goroutines that send, select, sleep, lock,
  block, compute, connect, stop the world and change GOMAXPROCS, in random order, on 1
  to 16 Ps. Whatever is sent must arrive, and every round must end.

    -t   seconds (default 20)
    -n   rounds, instead of a time
    -s   the first round's seed (default: from the clock); with it, one round
    -p   the number of Ps at the start of every round
  """

/// A round that takes longer hangs.
let patience = 60.0

struct Options {
  var seconds = 20.0
  var rounds: Int? = nil
  var seed: UInt64? = nil
  var procs: Int? = nil

  init(_ arguments: [String]) {
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      func value<T: LosslessStringConvertible & Comparable>(atLeast least: T) -> T {
        guard let text = rest.popFirst(), let value = T(text), value >= least else {
          misused("\(argument) needs a number of at least \(least)")
        }
        return value
      }
      switch argument {
      case "-h", "--help":
        print(usage)
        leave(0)
      case "-t": seconds = value(atLeast: 0)
      case "-n": rounds = value(atLeast: 1)
      case "-s": seed = value(atLeast: 0)
      case "-p": procs = value(atLeast: 1)
      default: misused("what is \(argument)?")
      }
    }
  }
}

func misused(_ message: String) -> Never {
  complain("\(message)\n\(usage)")
  leave(2)
}

/// One random program.
func round(_ seed: UInt64, procs: Int?) throws {
  var r = Random(seed)
  let procs = procs ?? 1 + r.below(16)
  let producers = 2 + r.below(14)
  let consumers = 1 + r.below(5)
  let length = 20 + r.below(180)
  let leaves = r.below(2) == 0 ? r.below(20) : 0
  let dawdle = r.microseconds(below: 3000)
  try run(procs: procs) {
    let world = try World(seed)
    world.serve()
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
    world.closing.add()
    consuming.wait()
    world.listener.close()
    world.drain()
    if let mistake = world.books.mistake { failed("seed \(seed): \(mistake)") }
    for i in 0..<leaves {
      let leftover = leftovers[i % leftovers.count]
      go { try? leftover(world) }
    }
    if leaves > 0 { sleep(for: dawdle) }
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
    let options = Options(Array(CommandLine.arguments.dropFirst()))
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
