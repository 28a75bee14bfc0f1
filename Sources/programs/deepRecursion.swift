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

extension Programs.DeepRecursion {
  static var body: Body? { deepRecursion }
}

/// `depth` calls; nil: without end.
func deepRecursion(_ depth: Int?) throws {
  guard let depth else {
    try run { overflow() }
    return
  }
  try run {
    let top = memory().resident
    let growth = Channel<Int>(capacity: 1)
    let result = Channel<Int>()
    go {
      result.send(alternate(depth) { growth.send(memory().resident - top) })
    }
    guard result.receive()! == (depth + 1) / 2 else {
      throw Failure(message: "the stack was damaged on the way")
    }
    let bytes = max(0, growth.receive()!)
    print("a goroutine went \(grouped(depth)) calls deep and came back")
    print("its stack grew by \(grouped(bytes / 1024)) KB, \(bytes / depth) bytes a call")
    print("how too deep looks: programs deep-recursion overflow")
  }
}

/// n - (n-1 - (n-2 - ...)), a call for each. Because the subtraction comes after
/// the call, the compiler cannot make a loop of it.
@inline(never)
private func alternate(_ n: Int, atBottom: () -> Void) -> Int {
  if n == 0 {
    atBottom()
    return 0
  }
  return n - alternate(n - 1, atBottom: atBottom)
}

private func overflow() {
  let limit = 1 << 20
  setMaxStack(limit)
  print("setMaxStack(\(grouped(limit))), then a recursion without end:")
  fflush(nil)
  let never = Channel<Int>()
  go {
    never.send(alternate(.max, atBottom: {}))
  }
  _ = never.receive()
}
