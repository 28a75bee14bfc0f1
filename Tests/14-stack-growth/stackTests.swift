// SPDX-License-Identifier: Apache-2.0
//
// Stacks that grow and shrink.                        Go: src/runtime/stack_test.go

import CLinux
import Synchronization
import Testing

@testable import Stage

/// About a kilobyte a call; the sum of 0...depth, if every frame is as it was.
@inline(never)
private func recurse(_ depth: Int) -> Int {
  var frame = InlineArray<128, Int>(repeating: depth)
  if depth == 0 { return 0 }
  frame[depth & 127] = depth
  let below = recurse(depth - 1)
  for i in 0..<128 where frame[i] != depth { return -1_000_000_000 }
  return below + frame[depth & 127]
}

/// About four kilobytes a call.
@inline(never)
private func recurseInPages(_ depth: Int) -> Int {
  var frame = InlineArray<512, Int>(repeating: depth)
  if depth == 0 { return 0 }
  let below = recurseInPages(depth - 1)
  frame[(depth + 1) & 511] &+= below
  return frame[(depth + 1) & 511]
}

private func sum(_ n: Int) -> Int { n * (n + 1) / 2 }

/// One frame of 200 KB, touched at its far end first.
@inline(never)
private func largeFrame(_ n: Int) -> Int {
  withUnsafeTemporaryAllocation(byteCount: 200 << 10, alignment: 16) { buffer in
    buffer.storeBytes(of: n, toByteOffset: 0, as: Int.self)
    for i in stride(from: 0, to: 200 << 10, by: 4096) {
      buffer.storeBytes(of: n + i, toByteOffset: i, as: Int.self)
    }
    return buffer.load(fromByteOffset: 4096 * 3, as: Int.self) - 4096 * 3
  }
}

extension RuntimeTests {
  @Suite("stack growth")
  struct StackTests {
    // Go: TestStackGrowth
    @Test(arguments: [1, 4])
    func `stacks grow in goroutines of every kind`(procs: Int) throws {
      try inRun(procs: procs) { t in
        t.equal(recurse(2000), sum(2000), "main")
        let group = WaitGroup()
        group.go { t.equal(recurse(2000), sum(2000), "plain") }
        group.go {
          lockOSThread()
          t.equal(recurse(2000), sum(2000), "locked")
          unlockOSThread()
        }
        group.add(1)
        afterFunc(.zero) {
          t.equal(recurse(2000), sum(2000), "of a timer")
          group.done()
        }
        group.go { stopTheWorld { t.equal(recurse(2000), sum(2000), "world stopped") } }
        group.go { blocking { t.equal(recurse(2000), sum(2000), "in a system call") } }
        group.wait()
      }
    }

    @Test func `a stack grows to 100 MB`() throws {
      try inRun(procs: 2) { t in
        // ThreadSanitizer keeps track of 65,536 calls.
        t.equal(recurseInPages(25_000), sum(25_000))
        t.equal(recurseInPages(25_000), sum(25_000), "again")
      }
    }

    @Test(arguments: [1, 4])
    func `many stacks grow at once`(procs: Int) throws {
      try inRun(procs: procs) { t in
        let group = WaitGroup()
        for i in 0..<100 {
          group.go {
            for k in 0..<5 {
              let n = 50 + (i * 7 + k * 31) % 500
              t.equal(recurse(n), sum(n))
              gosched()
            }
          }
        }
        group.wait()
      }
    }

    @Test func `large frames do not step over the guard unseen`() throws {
      try inRun(procs: 2) { t in
        let group = WaitGroup()
        for i in 0..<20 { group.go { t.equal(largeFrame(i), i) } }
        group.wait()
      }
    }

    // Go: TestStackMem
    @Test func `stack memory is used again`() throws {
      try inRun(procs: 2) { t in
        func batch() {
          for _ in 0..<16 {
            let group = WaitGroup()
            for _ in 0..<32 { group.go { _ = recurse(250) } }
            group.wait()
          }
        }
        batch()
        let before = processStatus("VmRSS")
        for _ in 0..<4 { batch() }
        let grown = processStatus("VmRSS") - before
        t.check(grown < 32 << 10 + freedButKept, "\(grown) KB more")
      }
    }

    // Go: TestShrinkStackDuringBlockedSend, TestNoShrinkStackWhileParking
    @Test(arguments: [1, 4])
    func `channels work while stacks grow and shrink`(procs: Int) throws {
      try inRun(procs: procs) { t in
        let c = Channel<Int>()
        let done = Channel<Void>()
        go {
          for i in 0..<50 {
            c.send(i)
            _ = recurse(200)
          }
          done.send(())
        }
        for i in 0..<50 {
          t.equal(c.receive(), i)
          stopTheWorld {}
        }
        _ = done.receive()
      }
    }

    // Go: TestStackCache
    @Test func `stacks of many sizes come and go`() throws {
      try inRun(procs: 4) { t in
        for _ in 0..<5 {
          let group = WaitGroup()
          for i in 0..<200 {
            group.go {
              let n = 1 << (i % 9)
              t.equal(recurse(n), sum(n))
            }
          }
          group.wait()
        }
      }
    }

    @Test func `pointers into a stack stay good while others grow theirs`() throws {
      try inRun(procs: 2) { t in
        let group = WaitGroup()
        for i in 0..<20 {
          group.go {
            var value = i
            withUnsafeMutablePointer(to: &value) { p in
              let c = Channel<Int>()
              go { c.send(recurse(300)) }
              p.pointee += c.receive()!
            }
            t.equal(value, i + sum(300))
          }
        }
        group.wait()
      }
    }

    @Test func `setMaxStack gives the old limit`() throws {
      try inRun(procs: 1) { t in
        let old = setMaxStack(64 << 20)
        t.check(old >= 1 << 20, "\(old)")
        t.equal(recurse(30_000), sum(30_000), "within the new limit")
        t.equal(setMaxStack(old), 64 << 20)
      }
    }

    @Test func `recursion many times over in one goroutine`() throws {
      try inRun(procs: 1) { t in
        for i in 0..<200 { t.equal(recurse(i * 10), sum(i * 10)) }
      }
    }

    @Test func `a goroutine parks deep in its stack and goes on`() throws {
      try inRun(procs: 2) { t in
        let c = Channel<Int>()
        @Sendable func descend(_ n: Int) -> Int {
          var frame = InlineArray<64, Int>(repeating: n)
          if n == 0 { return c.receive()! }
          let below = descend(n - 1)
          frame[n & 63] &+= 0
          return frame[(n + 1) & 63] == n ? below + 1 : -1_000_000
        }
        let results = Channel<Int>()
        for _ in 0..<20 { goUntilParked { results.send(descend(1000)) } }
        for _ in 0..<20 {
          stopTheWorld {}
          c.send(5)
          t.equal(results.receive(), 1005)
        }
      }
    }

    @Test
    func `of a stack that GODEBUG makes large from the start, nothing is asked for`()
      async
    {
      await #expect(processExitsWith: .success) {
        setEnvironment("GODEBUG", "stackmin=1000000")
        try inRun(procs: 2) { t in
          let group = WaitGroup()
          group.go { t.equal(recurse(500), sum(500)) }
          group.wait()
          t.equal(schedulerCounters().stackGrowths, 0)
          group.go { t.equal(recurse(5000), sum(5000)) }
          group.wait()
          t.check(schedulerCounters().stackGrowths > 0)
          // Windows of every class, the smallest have less than was asked for.
          let end = Channel<Int>()
          for _ in 0..<9000 {
            group.go {
              _ = end.receive()
              t.equal(recurse(20), sum(20))
            }
          }
          end.close()
          group.wait()
        }
      }
    }
  }
}
