// SPDX-License-Identifier: Apache-2.0
//
// Several threads, and what they have between them: one queue and its lock, or queues of
// their own; whoever is woken to share the work.

import CLinux
import Glibc
import Stage

extension GlobalQueue {
  static var bodies: [String: Body] {
    [
      "speed-up": { size in try speedUp(pairs: size(10)) },
      "crowd-yield-2": { size in try crowdYields(size(2_000_000)) },
      "crowd-yield-4": { size in try crowdYields(size(2_000_000)) },
      "crowd-pairs-2": { size in try crowdPairs(size(1_000_000)) },
      "crowd-pairs-4": { size in try crowdPairs(size(1_000_000)) },
      "burst": { size in try bursts(size(20)) },
      "wake-up": { size in try wakeUp(size(500_000)).switches },
      "wake-up-time": { size in try wakeUp(size(500_000)).nanoseconds },
    ]
  }
}

/// Steps of work that take about 50 us.
private let fifty = 40_000

/// Two at a time against one at a time, in turns, because the machine changes meanwhile.
private func speedUp(pairs: Int) throws -> Double {
  var one = 0.0
  var two = 0.0
  for _ in 0..<pairs {
    one += try computing(procs: 1)
    two += try computing(procs: 2)
  }
  return one / two
}

private func computing(procs: Int) throws -> Double {
  let elapsed = Slots(1, 0.0)
  try run(procs: procs) {
    let all = WaitGroup()
    all.add(16)
    elapsed[0] = nanoseconds {
      for seed in 1...16 {
        go {
          var x = UInt64(seed)
          for _ in 0..<25 {
            x = work(fifty, x)
            gosched()
          }
          if x == 0 { sink[0] = x }
          all.done()
        }
      }
      all.wait()
    }
  }
  return elapsed[0]
}

private func crowdYields(_ n: Int) throws -> Double {
  try inRun {
    let goroutines = 64
    let each = n / goroutines
    let start = Channel<Void>()
    let all = WaitGroup()
    all.add(goroutines)
    for _ in 0..<goroutines {
      go {
        _ = start.receive()
        for _ in 0..<each { gosched() }
        all.done()
      }
    }
    let elapsed = nanoseconds {
      start.close()
      all.wait()
    }
    return elapsed / Double(each * goroutines)
  }
}

private func crowdPairs(_ n: Int) throws -> Double {
  try inRun {
    let pairs = 32
    let each = n / pairs
    let start = Channel<Void>()
    let all = WaitGroup()
    all.add(pairs)
    for _ in 0..<pairs {
      let there = Channel<Void>()
      let back = Channel<Void>()
      go {
        while there.receive() != nil { back.send(()) }
      }
      go {
        _ = start.receive()
        for _ in 0..<each {
          there.send(())
          _ = back.receive()
        }
        there.close()
        all.done()
      }
    }
    let elapsed = nanoseconds {
      start.close()
      all.wait()
    }
    return elapsed / Double(each * pairs)
  }
}

/// In percent, how much of each burst the thread has run that has run most of it.
private func bursts(_ count: Int) throws -> Double {
  try inRun {
    let goroutines = 200
    let threads = Slots<Int32>(goroutines, 0)
    var most = 0
    for _ in 0..<count {
      let all = WaitGroup()
      all.add(goroutines)
      for i in 0..<goroutines {
        go {
          let x = work(2 * fifty, UInt64(i + 1))
          if x == 0 { sink[0] = x }
          threads[i] = gettid_()
          all.done()
        }
      }
      all.wait()
      var shares: [Int32: Int] = [:]
      for i in 0..<goroutines { shares[threads[i], default: 0] += 1 }
      most += shares.values.max()!
    }
    return 100 * Double(most) / Double(count * goroutines)
  }
}

/// For each of `n` goroutines: how long until it has run and main goes on, and how often a
/// thread gave up its core meanwhile, or had to.
private func wakeUp(_ n: Int) throws -> (nanoseconds: Double, switches: Double) {
  let switches = Slots(1, 0)
  let elapsed = try inRun {
    let done = Channel<Void>()
    let before = usage()
    let elapsed = nanoseconds {
      for _ in 0..<n {
        go { done.send(()) }
        _ = done.receive()
      }
    }
    let after = usage()
    switches[0] = after.ru_nvcsw - before.ru_nvcsw + after.ru_nivcsw - before.ru_nivcsw
    return elapsed
  }
  return (elapsed / Double(n), Double(switches[0]) / Double(n))
}
