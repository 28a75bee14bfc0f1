// SPDX-License-Identifier: Apache-2.0
//
// Traces of goroutines that sleep and use the network.

import Testing
import TraceFile

@testable import Stage

/// Goroutines that sleep, are in system calls and use the network.
private func sleepsAndTalks(_ t: Report) throws {
  let group = WaitGroup()
  let c = Channel<Int>(capacity: 2)
  let done = Channel<Void>()
  let mutex = GoMutex()
  for i in 0..<64 {
    group.go { for k in 0..<5 { c.send(k) } }
    group.go { for _ in 0..<5 { _ = c.receive() } }
    group.go {
      switch i % 6 {
      case 0: sleep(for: .microseconds(i))
      case 1: blocking { sleepInKernel(milliseconds: 1) }
      case 2: try goexit()
      case 3:
        lockOSThread()
        gosched()
      case 4:
        let late = after(.microseconds(i))
        select {
          receive(from: late) { _ in }
          receive(from: done) { _ in }
        }
      default:
        mutex.lock()
        gosched()
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
  group.wait()
  done.close()
  goUntilParked { _ = Channel<Int>().receive() }
}

extension RuntimeTests.TraceTests {
  @Test(arguments: procsToTry)
  func `is consistent while goroutines sleep and use the network`(procs: Int) throws {
    let file = try traced(Way(procs: procs)) { t in try sleepsAndTalks(t) }
    let checked = check(file, bound: 1_000_000_000)
    #expect(checked.problems.isEmpty, "\(checked.problems.first!)")
    for kind in [
      Kind.goStart, .goYield, .goPark, .goReady, .goExit, .syscallEnter, .procStatus,
      .handoff, .mStart, .mExit, .mPark, .mWake, .mNotify, .timers,
      .pollBegin, .pollEnd,
    ] {
      #expect(checked.counts[kind, default: 0] > 0, "\(kind)")
    }
  }

  // The checker.

  @Test func `nobody counts timers`() throws {
    var file = try traced(Way(procs: 2)) { t in try sleepsAndTalks(t) }
    file.events.remove(at: file.events.firstIndex { $0.kind == .timers }!)
    let problems = check(file, bound: 1_000_000_000).problems
    #expect(problems.isEmpty, "\(problems.first!)")
  }
}
