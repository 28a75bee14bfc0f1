// SPDX-License-Identifier: Apache-2.0
//
// A loop that calls nothing. It is compiled twice: as it is (Plain), and with safe points
// that the compiler puts in (Covered).

@inline(never)
public func loop(_ rounds: Int) -> Int {
  var n = 1
  var i = 0
  while i < rounds {
    n = (n &* 6_364_136_223_846_793_005) ^ (n &>> 17)
    i &+= 1
  }
  return n
}
