// SPDX-License-Identifier: Apache-2.0
//
// A recursion as deep as you like: the stack starts small and grows as it is
// used. With `overflow`, a recursion without end, and how it ends.
//
// Seed fact: goroutine stacks start small, grow when needed, and are bounded by
// setMaxStack. The overflow is a fatal error that names the goroutine and the
// limit, with exit status 2; it is not a damaged heap.

import Glibc
import Stage

func deepRecursion(_ arguments: [String]) throws {
  if arguments == ["overflow"] {
    try run { overflow() }
    return
  }
  let depth = try number(arguments, "DEPTH", default: 1_000_000, in: 1...10_000_000)
  try run {
    let before = memory().resident
    let answer = Channel<Int>()
    go {
      answer.send(descend(depth))
    }
    let reached = answer.receive()!
    let grown = max(0, memory().resident - before) / 1024
    print("a goroutine went \(grouped(reached)) calls deep; memory grew by \(grouped(grown)) KB")
    print("how too deep looks: programs deep-recursion overflow")
  }
}

/// Calls itself n times. The work after the call keeps the compiler from making
/// a loop of it.
@inline(never)
private func descend(_ n: Int) -> Int {
  if n == 0 { return 0 }
  let reached = descend(n - 1)
  return opaque(reached) + 1
}

@inline(never)
@_optimize(none)
private func opaque(_ value: Int) -> Int { value }

private func overflow() {
  let limit = 1 << 20
  setMaxStack(limit)
  print("setMaxStack(\(grouped(limit))), then a recursion without end:")
  fflush(nil)
  let never = Channel<Int>()
  go {
    never.send(descend(.max))
  }
  _ = never.receive()
}
