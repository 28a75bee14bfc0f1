// SPDX-License-Identifier: Apache-2.0
//
// A pool of handlers: three goroutines take functions from one channel and call
// them until the channel is closed.
//
// Seed fact: a pool is a channel of functions served by a fixed number of
// goroutines. It bounds how much happens at once (connections, open files); for
// the sake of goroutines themselves, which are cheap, nobody needs one.

import Stage

extension Programs.Pool {
  static var body: Body? { pool }
}

func pool(_ count: Int) throws {
  try run {
    let jobs = Channel<@Sendable (_ handler: Int) -> Void>(capacity: 4)
    let answers = Channel<(job: Int, handler: Int, square: Int)>()

    for handler in 1...3 {
      go {
        for job in jobs {
          job(handler)
        }
      }
    }
    go {
      for i in 1...count {
        jobs.send { handler in
          answers.send((job: i, handler: handler, square: i * i))
        }
      }
      jobs.close()
    }

    var squares = Array(repeating: 0, count: count + 1)
    var served = [0, 0, 0, 0]
    for _ in 1...count {
      let answer = answers.receive()!
      squares[answer.job] = answer.square
      served[answer.handler] += 1
    }
    let first = squares.dropFirst().prefix(12).map(String.init)
    print("squares:", first.joined(separator: " "))
    for handler in 1...3 {
      print("handler \(handler) did \(served[handler]) of \(count) jobs")
    }
  }
}
