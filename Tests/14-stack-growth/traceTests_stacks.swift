// SPDX-License-Identifier: Apache-2.0
//
// Traces of runs in which everything happens.

import Testing
import TraceFile

@testable import Stage

/// Goroutines that do everything that leaves an event.
private func everything(_ t: Report) throws {
  let group = WaitGroup()
  let c = Channel<Int>(capacity: 2)
  let done = Channel<Void>()
  let mutex = GoMutex()
  for i in 0..<64 {
    group.go { for k in 0..<5 { c.send(k) } }
    group.go { for _ in 0..<5 { _ = c.receive() } }
    group.go {
      switch i % 8 {
      case 0: sleep(for: .microseconds(i))
      case 1: blocking { sleepInKernel(milliseconds: 1) }
      case 2: try goexit()
      case 3: _ = gomaxprocs(1 + i % 5)
      case 4: _ = stopTheWorld { stackDump().count }
      case 5:
        lockOSThread()
        gosched()
      case 6:
        let late = after(.microseconds(i))
        select {
          receive(from: late) { _ in }
          receive(from: done) { _ in }
        }
      default:
        mutex.lock()
        for _ in 0..<20_000 { checkUnlessSignals() }
        mutex.unlock()
      }
    }
  }
  let listener = try TCPListener()
  group.go {
    let connection = try TCPConnection(host: "127.0.0.1", port: listener.port)
    try connection.write("?")
    connection.close()
  }
  t.equal(try listener.accept().read(upTo: 1), [63])
  let deep = Channel<Int>()
  @Sendable func recurse(_ n: Int) -> Int {
    var frame = InlineArray<64, Int>(repeating: n)
    if n == 0 { return 0 }
    frame[n & 63] = 1
    return recurse(n - 1) + frame[n & 63]
  }
  go { deep.send(recurse(1000)) }
  t.equal(deep.receive(), 1000)
  group.wait()
  done.close()
  goUntilParked { _ = Channel<Int>().receive() }
}

extension RuntimeTests.TraceTests {
  @Test(arguments: procsToTry)
  func `is consistent whatever goroutines do`(procs: Int) throws {
    let file = try traced(Way(procs: procs)) { t in try everything(t) }
    let checked = check(file, bound: 1_000_000_000)
    #expect(checked.problems.isEmpty, "\(checked.problems.first!)")
    #expect(checked.runs == 1)
    // Three for each, the client, the deep one, and the one that is left.
    #expect(checked.counts[.goCreate, default: 0] >= 1 + 64 * 3 + 3)
    #expect(checked.left.map(\.reason) == ["chan receive"])
    for kind in [
      Kind.goStart, .goYield, .goPark, .goReady, .goExit, .syscallEnter, .procStatus,
      .handoff, .mStart, .mExit, .mPark, .mWake, .mNotify, .spinBegin, .spinEnd,
      .stwBegin, .stwStopped, .stwEnd, .timers, .pollBegin, .pollEnd, .stackGrow,
    ] {
      #expect(checked.counts[kind, default: 0] > 0, "\(kind)")
    }
  }
}
