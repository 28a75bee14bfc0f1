// SPDX-License-Identifier: Apache-2.0
//
// The programs: what each is called, what it takes, and the first stage that has what
// it needs. This is compiled on every stage, the files of a program from that stage on:
// those whose names begin with the program's. They give it its body (programs.sh).

/// A program that may be run on some stages.
protocol Program: SendableMetatype {
  associatedtype Takes: Parameters = Nothing

  static var name: String { get }
  static var summary: String { get }
  static var needs: Need { get }
  static var takes: Takes { get }

  /// What it does. Nil on a stage that lacks what it needs.
  static var body: Body? { get }
}

extension Program {
  typealias Body = (Takes.Value) throws -> Void

  static var body: Body? { nil }
}

extension Program where Takes == Nothing {
  static var takes: Nothing { Nothing() }
}

/// The name of what a program cannot do without, and of the stage that introduces it.
struct Need {
  let what: String
  let stage: String

  init(_ what: String, from stage: String) {
    self.what = what
    self.stage = stage
  }

  var text: String { "\(stage) (\(what))" }
}

extension Programs {
  /// In the order of their stages.
  static let all: [any Program.Type] = [
    Turns.self,
    Sieve.self,
    PingPong.self,
    Skynet.self,
    Pool.self,
    Maps.self,
    Keyed.self,
    Threads.self,
    Blockers.self,
    FourPrints.self,
    Echo.self,
    EchoServer.self,
    EchoClient.self,
    Styles.self,
    Hog.self,
    LeakCheck.self,
    States.self,
    DeepRecursion.self,
  ]

  enum Turns: Program {
    static let name = "turns"
    static let summary = "three loops take turns, each on a stack of its own"
    static let needs = Need("gosched", from: "01-coroutines")
    static let takes = Number("ROUNDS", default: 3, in: 1...1_000_000)
  }

  enum Sieve: Program {
    static let name = "sieve"
    static let summary = "the first N primes through a chain of N filters"
    static let needs = Need("Channel", from: "02-channels")
    static let takes = Number("N", default: 25, in: 1...10_000)
  }

  enum PingPong: Program {
    static let name = "ping-pong"
    static let summary = "two goroutines hand a ball over N times"
    static let needs = Need("Channel", from: "02-channels")
    static let takes = Number("N", default: 1_000_000, in: 1...1_000_000_000)
  }

  enum Skynet: Program {
    static let name = "skynet"
    static let summary = "a tree of goroutines with N leaves adds up their numbers"
    static let needs = Need("Channel", from: "02-channels")
    static let takes = Number("N", default: 100_000, in: 1...10_000_000)
  }

  enum Pool: Program {
    static let name = "pool"
    static let summary = "a channel of functions served by three goroutines"
    static let needs = Need("Channel", from: "02-channels")
    static let takes = Number("JOBS", default: 12, in: 1...100_000)
  }

  enum Maps: Program {
    static let name = "maps"
    static let summary = "a map that a goroutine owns against a map behind a lock"
    static let needs = Need("GoMutex", from: "02-channels")
    static let takes = Number("N", default: 400_000, in: 1...100_000_000)
  }

  enum Keyed: Program {
    static let name = "keyed-channel"
    static let summary = "receive(key) waits until somebody sends that key"
    static let needs = Need("GoCond", from: "02-channels")
  }

  enum Threads: Program {
    static let name = "threads"
    static let summary = "why threads are slow: memory, creation, switch, measured"
    static let needs = Need("WaitGroup", from: "02-channels")
    static let takes = Number("N", default: 1_000, in: 10...20_000)
  }

  enum Blockers: Program {
    static let name = "blockers"
    static let summary = "N blocking calls overlap on one P"
    static let needs = Need("blocking", from: "04-syscalls")
    static let takes = Number("N", default: 4, in: 1...1_000)
  }

  enum FourPrints: Program {
    static let name = "four-prints"
    static let summary = "four goroutines on one P print 4 1 2 3"
    static let needs = Need("runnext", from: "05-processors")
  }

  enum Echo: Program {
    static let name = "echo"
    static let summary = "a TCP echo server and its clients in one process"
    static let needs = Need("TCPListener", from: "10-netpoll")
    static let takes = Number("CLIENTS", default: 1_000, in: 1...10_000)
  }

  enum EchoServer: Program {
    static let name = "echo-server"
    static let summary = "the server alone, until interrupted"
    static let needs = Need("TCPListener", from: "10-netpoll")
    static let takes = Number("PORT", default: 7007, in: 0...65535)
  }

  enum EchoClient: Program {
    static let name = "echo-client"
    static let summary = "the client alone: sends standard input, prints what returns"
    static let needs = Need("TCPConnection", from: "10-netpoll")
    static let takes = HostAndPort()
  }

  enum Styles: Program {
    static let name = "styles"
    static let summary = "one request handler as threads, as callbacks, as goroutines"
    static let needs = Need("TCPListener", from: "10-netpoll")
  }

  enum Hog: Program {
    static let name = "hog"
    static let summary = "a loop without any call starves nobody"
    static let needs = Need("asyncPreempt", from: "12-signals")
  }

  enum LeakCheck: Program {
    static let name = "leak-check"
    static let summary = "a goroutine that nobody will ever wake, counted and found"
    static let needs = Need("stackDump", from: "13-stop-the-world")
  }

  enum States: Program {
    static let name = "states"
    static let summary = "a goroutine in every state, to look at with a debugger"
    static let needs = Need("stackDump", from: "13-stop-the-world")
    static let takes = Number("N", default: 0, in: 0...1_000_000)
  }

  enum DeepRecursion: Program {
    static let name = "deep-recursion"
    static let summary = "a stack grows with the depth; overflow shows its end"
    static let needs = Need("setMaxStack", from: "14-stack-growth")
    static let takes = NumberOrWord(
      Number("DEPTH", default: 1_000_000, in: 1...10_000_000), "overflow")
  }
}
