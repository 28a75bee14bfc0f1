// SPDX-License-Identifier: Apache-2.0
//
// The switcher, through what goroutines can see of it. The switcher by itself is
// tested in C.                                     Go: src/runtime/asm_amd64.s

import CLinux
import Testing

@testable import Stage

/// More values alive across the switch than there are registers to keep them.
@inline(never)
func acrossSwitches(_ n: Int, _ seed: Int, _ switching: () -> Void) -> Int {
  var a = seed
  var b = seed &* 3
  var c = seed &* 5
  var d = seed &* 7
  var e = seed &* 11
  var f = seed &* 13
  var g = seed &* 17
  var h = seed &* 19
  var x = Double(seed)
  var y = Double(seed) / 7
  var v = SIMD4<Float>(repeating: Float(seed))
  for i in 0..<n {
    switching()
    a &+= b ^ i
    b &+= c
    c ^= d &+ i
    d &+= e
    e ^= f
    f &+= g &* 3
    g ^= h
    h &+= a
    x = x * 0.5 + y
    y = y + 0.25
    v = v * 0.5 + SIMD4(1, 2, 3, 4)
  }
  return a ^ b ^ c ^ d ^ e ^ f ^ g ^ h ^ Int(x * 1000) ^ Int(y * 1000)
    ^ Int(v.sum() * 1000)
}

/// Stores aligned vectors in its frame: a stack that is misaligned by eight traps.
@inline(never)
private func alignedFrame(_ x: Float) -> Float {
  var values = InlineArray<8, SIMD4<Float>>(repeating: SIMD4(repeating: x))
  for i in 0..<8 { values[i] *= SIMD4(1, 2, 3, Float(i)) }
  let address = withUnsafePointer(to: &values) { UInt(bitPattern: $0) }
  return address % 16 == 0 ? values[2].sum() : -1
}

extension RuntimeTests {
  @Suite("the switcher")
  struct AsmTests {
    @Test func `what lives in registers lives on after a switch`() throws {
      let n = 500
      let expected = (0..<20).map { acrossSwitches(n, $0) {} }
      try inRun { t in
        let ended = Counter()
        for i in 0..<20 {
          go {
            t.equal(acrossSwitches(n, i) { gosched() }, expected[i])
            ended.add()
          }
        }
        ended.await(20)
      }
    }

    @Test func `a goroutine begins with an aligned stack, and keeps it`() throws {
      try inRun { t in
        let ended = Counter()
        for i in 0..<50 {
          go {
            let x = Float(i)
            let expected = x * (1 + 2 + 3 + 2)
            t.equal(alignedFrame(x), expected, "at the start")
            gosched()
            t.equal(alignedFrame(x), expected, "after a switch")
            t.equal(formatThroughC(Double(i) / 4), formatThroughC(Double(i) / 4))
            t.equal(formatThroughC(1.5), "1.500000")
            ended.add()
          }
        }
        ended.await(50)
      }
    }

    @Test func `a fresh goroutine knows nothing of the one whose stack it got`() throws {
      try inRun(.inTurns) { t in
        for _ in 0..<1000 {
          let ended = Counter()
          go {
            t.equal(errno_location().pointee, 0, "errno of another")
            errno_location().pointee = 42
            ended.add()
          }
          ended.await(1)
        }
      }
    }
  }
}
