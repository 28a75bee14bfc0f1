// SPDX-License-Identifier: Apache-2.0
//
// The first N primes: each prime gets a goroutine that lets through only what
// it does not divide, and the numbers run down the chain.
//
// Seed fact: a channel is one of the places where a goroutine yields. N filters
// need N stacks, but no more threads than there are Ps.

import Stage

extension Programs.Sieve {
  static var body: Body? { sieve }
}

func sieve(_ n: Int) throws {
  try run {
    var numbers = Channel<Int>()
    go { [numbers] in generate(numbers) }
    for i in 1...n {
      let prime = numbers.receive()!
      print(prime, terminator: i % 10 == 0 || i == n ? "\n" : " ")
      let rest = Channel<Int>()
      go { [numbers] in filter(numbers, rest, prime) }
      numbers = rest
    }
  }
}

private func generate(_ out: Channel<Int>) {
  var i = 2
  while true {
    out.send(i)
    i += 1
  }
}

private func filter(_ input: Channel<Int>, _ out: Channel<Int>, _ prime: Int) {
  for i in input where i % prime != 0 {
    out.send(i)
  }
}
