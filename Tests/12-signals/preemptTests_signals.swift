// SPDX-License-Identifier: Apache-2.0
//
// Preemption by signals.          Go: src/runtime/proc_test.go, testprog/preempt.go

import CLinux
import Synchronization
import Testing

@testable import Stage

// What the loops below store, so that the compiler keeps them.
private let sink = Atomic<Int>(0)

/// No call, no check: only a signal gets this off its thread.
@inline(never)
func frameless(_ stop: Counter) {
  var i = 0
  while stop.value == 0 { i &+= i &* i &+ 12345 }
  sink.store(i, ordering: .relaxed)
}

@inline(never)
func dummy() { _ = sink.load(ordering: .relaxed) }

/// A frame of some size, calling itself a little.
@inline(never)
func frames(_ depth: Int) -> Int {
  var words = InlineArray<64, Int>(repeating: depth)
  words[depth & 63] = 1
  return depth == 0 ? words[0] : words[depth & 63] + frames(depth - 1)
}

/// Many live floating-point and vector values at once, and a result that depends
/// on every bit of each.
@inline(never)
private func vectors(_ n: Int, _ seed: Double) -> UInt64 {
  var a = SIMD8<Double>(repeating: seed)
  var b = SIMD8<Double>(1, 2, 3, 4, 5, 6, 7, 8)
  var c = SIMD8<Float>(repeating: Float(seed))
  var d = SIMD16<UInt32>(repeating: UInt32(seed))
  var x = seed
  var y = seed / 3
  var k: UInt64 = 0x9e37_79b9_7f4a_7c15
  for i in 0..<n {
    a = a * 1.0000001 + b
    b = b * 0.9999999 - a * 1e-9
    c = c * 1.00001 + Float(i & 3)
    d = d &* 1_664_525 &+ 1_013_904_223
    x = (x * 1.000001 + y).squareRoot()
    y = y * 0.999 + x
    k ^= k << 13
    k ^= k >> 7
    k ^= k << 17
  }
  var h = k
  for i in 0..<8 {
    h = h &* 31 &+ a[i].bitPattern
    h = h &* 31 &+ b[i].bitPattern
    h = h &* 31 &+ UInt64(c[i].bitPattern)
  }
  for i in 0..<16 { h = h &* 31 &+ UInt64(d[i]) }
  return h &* 31 &+ x.bitPattern &+ y.bitPattern
}

/// Many live integers, and flags that decide.
@inline(never)
private func integers(_ n: Int, _ seed: Int) -> Int {
  var a = seed
  var b = seed &+ 1
  var c = seed &+ 2
  var d = seed &+ 3
  var e = seed &+ 4
  var f = seed &+ 5
  var g = seed &+ 6
  var h = seed &+ 7
  for i in 0..<n {
    let (s, carry) = a.addingReportingOverflow(b &* 0x1234_5678_9abc)
    a = s
    if carry { b &+= 1 }
    c = c ^ (a >> 3) &+ b
    d = d &* 17 &+ c
    if d < 0 { e &+= 3 } else { e &-= 1 }
    f = (f << 1) ^ e
    g = g &+ f &* i
    h = h ^ g
    b = b &+ h
  }
  return a ^ b ^ c ^ d ^ e ^ f ^ g ^ h
}

/// Asks every goroutine that runs to yield, again and again, while others work.
private func disturb(until finished: Counter, _ n: Int) {
  while finished.value < n {
    let gp = enterRuntime("test")
    for i in 0..<sched[].gomaxprocs.load(ordering: .relaxed) {
      if let pp = allp[][i] { preemptone(pp) }
    }
    exitRuntime(gp)
    gosched()
  }
}

/// The preemptions by signal so far, of all Ps.
func asyncPreemptions() -> UInt64 {
  var n: UInt64 = 0
  for i in 0..<Int32(maxGomaxprocs) {
    guard let pp = allp[][i] else { continue }
    n += pp[].counters.asyncPreemptions.load(ordering: .relaxed)
  }
  return n
}

extension RuntimeTests.PreemptTests {
  // Go: TestPreemption
  @Test(.enabled(if: signalsPreempt))
  func `two that wait for each other without a check take turns on one P`() throws {
    try inRun(procs: 1) { _ in
      let c = Channel<Void>()
      let x = Counter()
      for g in 0..<2 {
        go {
          for _ in 0..<5 {
            while x.value != g { _ = frames(1) }
            x.value = 1 - g
          }
          c.send(())
        }
      }
      _ = c.receive()
      _ = c.receive()
    }
  }

  // Go: TestAsyncPreempt, test/fixedbugs/issue10958.go
  @Test(.enabled(if: signalsPreempt), arguments: procsToTry)
  func `loops without a check do not starve others`(procs: Int) throws {
    try inRun(procs: procs) { t in
      let stop = Counter()
      let started = Counter()
      let ended = WaitGroup()
      let before = asyncPreemptions()
      for _ in 0..<procs {
        ended.go {
          started.add()
          while stop.value == 0 {
            dummy()
            dummy()
          }
        }
        ended.go {
          started.add()
          frameless(stop)
        }
        ended.go {
          started.add()
          while stop.value == 0 {}
        }
      }
      started.await(3 * procs)
      for _ in 0..<5 { gosched() }
      stop.value = 1
      ended.wait()
      t.check(asyncPreemptions() > before, "no signal preempted anybody")
    }
  }

  @Test(.enabled(if: signalsPreempt))
  func `a loop without a check gives way to who becomes ready`() throws {
    try inRun(procs: 1) { _ in
      let stop = Counter()
      let started = Counter()
      go {
        started.add()
        while stop.value == 0 {}
      }
      started.await(1)
      sleep(for: .milliseconds(5))
      let c = Channel<Void>()
      afterFunc(.milliseconds(1)) { c.send(()) }
      _ = c.receive()
      stop.value = 1
    }
  }

  @Test(.enabled(if: signalsPreempt))
  func `a loop that is in a library most of the time gives way in the rest`() throws {
    try inRun(procs: 1) { _ in
      let stop = Counter()
      go {
        withUnsafeTemporaryAllocation(byteCount: 32 << 10, alignment: 16) {
          while stop.value == 0 { fillBytes($0) }
        }
      }
      // That it does, not how soon: asked more rarely it would, too, only later.
      for _ in 0..<20 { gosched() }
      stop.value = 1
    }
  }

  @Test(.enabled(if: signalsPreempt), arguments: [1, 2, 4])
  func `vector registers survive preemption`(procs: Int) throws {
    let n = 50_000
    let expected = (0..<8).map { vectors(n, Double($0) + 1.5) }
    try inRun(procs: procs, within: 120) { t in
      let finished = Counter()
      let before = asyncPreemptions()
      for i in 0..<8 {
        go {
          // Until somebody was preempted: else nothing is tested.
          var k = 0
          while k < scaled(2) || asyncPreemptions() == before {
            k += 1
            t.equal(vectors(n, Double(i) + 1.5), expected[i], "vectors \(i)")
          }
          finished.add()
        }
      }
      disturb(until: finished, 8)
    }
  }

  @Test(.enabled(if: signalsPreempt), arguments: [1, 2, 4])
  func `general registers and flags survive preemption`(procs: Int) throws {
    let n = 1_000_000
    let expected = (0..<8).map { integers(n, $0) }
    try inRun(procs: procs, within: 120) { t in
      let finished = Counter()
      for i in 0..<8 {
        go {
          for _ in 0..<scaled(2) {
            t.equal(integers(n, i), expected[i], "integers \(i)")
          }
          finished.add()
        }
      }
      disturb(until: finished, 8)
    }
  }

  // Go: TestGCFairness2
  @Test(.enabled(if: signalsPreempt))
  func `goroutines that allocate all the time all run`() throws {
    try inRun(procs: 1) { _ in
      let counts = (0..<3).map { _ in Counter() }
      let stop = Counter()
      let group = WaitGroup()
      for i in 0..<3 {
        group.go {
          while stop.value == 0 {
            let bytes = [UInt8](repeating: UInt8(i), count: 1024)
            sink.store(Int(bytes[100]), ordering: .relaxed)
            counts[i].add()
          }
        }
      }
      for c in counts { c.await(atLeast: 1) }
      stop.value = 1
      group.wait()
    }
  }

  // The libraries hold locks and thread-locals across calls back into the program.
  @Test(.enabled(if: signalsPreempt), arguments: [1, 4])
  func `preemption leaves the libraries whole`(procs: Int) throws {
    try inRun(procs: procs, within: 120) { t in
      struct Slow: CustomStringConvertible {
        var description: String {
          var x = 0
          for i in 0..<1000 { x &+= i }
          return "slow \(x)"
        }
      }
      let finished = Counter()
      let rounds = scaled(30)
      go {
        for i in 0..<rounds {
          var values = (0..<2000).map {
            Int32(truncatingIfNeeded: ($0 &* 7919 &+ i) % 2003)
          }
          sortThroughC(&values)
          t.equal(values, values.sorted())
        }
        finished.add()
      }
      go {
        for _ in 0..<rounds {
          var text = ""
          for _ in 0..<20 { print(Slow(), to: &text) }
          t.check(text.hasPrefix("slow 499500\nslow"))
        }
        finished.add()
      }
      go {
        for i in 0..<rounds {
          var map: [String: Int] = [:]
          for k in 0..<200 { map["key \(k)"] = k * i }
          t.equal(map["key 77"], 77 * i)
          t.equal(map.values.reduce(0, +), 19900 * i)
        }
        finished.add()
      }
      go {
        for i in 0..<rounds * 10 {
          t.equal(formatThroughC(Double(i) + 0.25), "\(i).250000")
          t.equal("\(Double(i) + 0.5)", "\(i).5")
        }
        finished.add()
      }
      disturb(until: finished, 4)
    }
  }

  @Test(.enabled(if: signalsPreempt), arguments: [1, 4])
  func `preemption inside an exclusive access is harmless`(procs: Int) throws {
    try inRun(procs: procs) { t in
      func busy(_ x: inout Int) {
        for i in 0..<20_000 { x &+= i & 1 }
      }
      let finished = Counter()
      for _ in 0..<4 {
        go {
          let object = Shared(0)
          for _ in 0..<scaled(30) { busy(&object.value) }
          t.equal(object.value, scaled(30) * 10_000)
          finished.add()
        }
      }
      disturb(until: finished, 4)
    }
  }

  @Test(.enabled(if: signalsPreempt), arguments: [2, 4])
  func `preemption does not disturb channels, locks and timers`(procs: Int) throws {
    try inRun(procs: procs, within: 120) { t in
      let finished = Counter()
      let mutex = GoMutex()
      let n = Shared(0)
      let c = Channel<Int>(capacity: 3)
      let rounds = scaled(3000)
      for _ in 0..<3 {
        go {
          for i in 0..<rounds {
            mutex.withLock { n.value += 1 }
            c.send(i)
            if i % 500 == 0 { sleep(for: .microseconds(10)) }
          }
          finished.add()
        }
        go {
          for _ in 0..<rounds {
            select { receive(from: c) { _ in } }
            if rounds % 7 == 0 { go {} }
          }
          finished.add()
        }
      }
      disturb(until: finished, 6)
      t.equal(n.value, 3 * rounds)
    }
  }

  // Go: TestVDSO
  @Test(.enabled(if: signalsPreempt))
  func `signals that meet a clock read are harmless`() throws {
    try inRun(procs: 2) { t in
      let finished = Counter()
      for _ in 0..<4 {
        go {
          var last = clockRead()
          for _ in 0..<scaled(100_000) {
            let now = clockRead()
            t.check(now >= last, "time went back")
            last = now
          }
          finished.add()
        }
      }
      disturb(until: finished, 4)
    }
  }

  // Go: TestSignalDuringExec
  @Test(.enabled(if: signalsPreempt))
  func `programs can be started while signals fly`() throws {
    try inRun(procs: 4) { t in
      let finished = Counter()
      for _ in 0..<2 {
        go {
          for _ in 0..<scaled(10) { t.equal(blocking { runTrue() }, 0) }
          finished.add()
        }
      }
      let stop = Counter()
      for _ in 0..<2 { go { while stop.value == 0 {} } }
      disturb(until: finished, 2)
      stop.value = 1
    }
  }

  // Go: TestSignalM
  @Test(.enabled(if: signalsPreempt))
  func `a preemption signal reaches the thread that it is for`() throws {
    try inRun(procs: 2) { t in
      let stop = Counter()
      let there = Counter()
      go {
        lockOSThread()
        let gp = enterRuntime("test")
        there.value = Int(bitPattern: gp[].m!.raw)
        exitRuntime(gp)
        while stop.value == 0 {}
      }
      while there.value == 0 { gosched() }
      let mp = MPtr(UnsafeMutableRawPointer(bitPattern: there.value)!)
      for _ in 0..<20 {
        let gp = enterRuntime("test")
        let before = mp[].preemptGen
        preemptM(mp)
        exitRuntime(gp)
        while mp[].preemptGen == before { gosched() }
      }
      stop.value = 1
    }
  }

  // Go: TestSpuriousWakeupsNeverHangSemasleep
  @Test(.enabled(if: signalsPreempt))
  func `a sleep with a timeout ends although signals keep waking it`() throws {
    try inRun(procs: 2) { t in
      let stop = Counter()
      let gp = enterRuntime("test")
      let tid = gettid_()
      detachForeignThread {
        while stop.value == 0 {
          _ = tgkill_(tid, sigURG)
          sleepInKernel(milliseconds: 1)
        }
        stop.value = 2
      }
      let note = Ptr(allocating: Note())
      let start = nanotime()
      t.check(!notetsleep(note[], 50_000_000), "nobody woke it")
      t.check(nanotime() - start >= 50_000_000, "early")
      exitRuntime(gp)
      stop.value = 1
      stop.await(2)
    }
  }

  @Test(.enabled(if: signalsPreempt))
  func `errno survives preemption`() throws {
    try inRun(procs: 2) { t in
      let finished = Counter()
      for i in 1...4 {
        go {
          errno_location().pointee = Int32(i)
          for _ in 0..<scaled(20) {
            for _ in 0..<20_000 { dummy() }
            t.equal(errno_location().pointee, Int32(i))
          }
          finished.add()
        }
      }
      disturb(until: finished, 4)
    }
  }
}
