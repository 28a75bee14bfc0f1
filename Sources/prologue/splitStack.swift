// SPDX-License-Identifier: Apache-2.0
//
// What is compiled with the attribute "split-stack": a function that has a frame then
// begins with a comparison of the stack pointer with the guard. These know nothing of
// goroutines.

/// A loop that calls a function in each round.
@inline(never)
public func calls(_ rounds: Int) -> Int {
  var n = 1
  var i = 0
  while i < rounds {
    n = step(n, i)
    i &+= 1
  }
  return n
}

/// Needs a frame, to keep `i` while `mix` runs.
@inline(never)
func step(_ n: Int, _ i: Int) -> Int {
  mix(n) &+ i
}

/// Needs none, and gets no check.
@inline(never)
func mix(_ n: Int) -> Int {
  (n &* 6_364_136_223_846_793_005) ^ (n &>> 17)
}

/// A loop without calls: a leaf, without a frame.
@inline(never)
public func leaf(_ rounds: Int) -> Int {
  var n = 1
  var i = 0
  while i < rounds {
    n = (n &* 6_364_136_223_846_793_005) ^ (n &>> 17)
    i &+= 1
  }
  return n
}
