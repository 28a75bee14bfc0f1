// SPDX-License-Identifier: Apache-2.0
//
// A tree of goroutines: each has up to ten children, the N leaves send their
// numbers up, and the root prints the sum.
//
// Seed fact: a goroutine is cheap enough for a single addition. Dead Gs are
// kept and used again; an idle P steals half of what another has to do.

import Stage

extension Programs.Skynet {
  static var body: Body? { skynet }
}

func skynet(_ n: Int) throws {
  try run {
    let up = Channel<Int>()
    var sum = 0
    let time = seconds {
      go { branch(0..<n, up) }
      sum = up.receive()!
    }
    guard sum == n * (n - 1) / 2 else {
      throw Failure(message: "the sum of 0..<\(n) is not \(sum)")
    }
    print("the sum of 0..<\(grouped(n)) is \(grouped(sum)), in \(pleasant(time))")
  }
}

private func branch(_ numbers: Range<Int>, _ up: Channel<Int>) {
  if numbers.count == 1 {
    up.send(numbers.lowerBound)
    return
  }
  let sums = Channel<Int>()
  let share = (numbers.count + 9) / 10
  var children = 0
  for start in stride(from: numbers.lowerBound, to: numbers.upperBound, by: share) {
    let part = start..<min(start + share, numbers.upperBound)
    go { branch(part, sums) }
    children += 1
  }
  var sum = 0
  for _ in 0..<children {
    sum += sums.receive()!
  }
  up.send(sum)
}
