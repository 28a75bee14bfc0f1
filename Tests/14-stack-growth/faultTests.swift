// SPDX-License-Identifier: Apache-2.0
//
// What goes wrong: a clear error, nothing lost, nothing hung. Here what the system
// refuses, and time; peers, and signals and children, have files of their own.
//
// A step of the wall clock has no test. Nothing the runtime waits by can see one:
// nanotime is CLOCK_MONOTONIC, which cannot be set; futex(2) and epoll_pwait2(2) are
// given spans, never moments; what timers send is a ContinuousClock.Instant. To step
// CLOCK_REALTIME would change the machine for everybody, and a faked clock_gettime
// would show only that the fake is not called.

import CLinux
import Synchronization
import Testing

@testable import Stage

private let eMFILE: Int32 = 24

/// The errno of the IOError that body throws; 0 where it throws none.
func errnoThrown(_ body: () throws -> Void) -> Int32 {
  do {
    try body()
    return 0
  } catch let error as IOError {
    return error.errno
  } catch {
    return -1
  }
}

/// Goroutines that block until there are not enough threads.
private func blockOnManyThreads(_ n: Int) {
  for _ in 0..<n {
    go { blocking { sleepInKernel(milliseconds: 100_000) } }
    gosched()
  }
  select {}
}

extension RuntimeTests {
  @Suite("faults")
  struct FaultTests {
    // Memory and threads.

    @Test(.enabled(if: !sanitized, "shadow memory counts, too"))
    func `no address space for a stack is a fatal error that says so`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        try run(procs: 1) {
          freezeAddressSpace()
          for _ in 0..<100_000 { go { select {} } }
        }
      }
      let text = stderrText(result)
      #expect(text.hasPrefix("fatal error: out of memory (goroutine stack)\n"), "\(text)")
    }

    @Test(.enabled(if: !sanitized, "shadow memory counts, too"))
    func `no memory for a thread is a fatal error that says so`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        try run(procs: 2) {
          freezeAddressSpace()
          blockOnManyThreads(60)
        }
      }
      let text = stderrText(result)
      #expect(text.hasPrefix("runtime: failed to create new OS thread (have "), "\(text)")
      #expect(text.contains("\nfatal error: newosproc\n"), "\(text)")
    }

    // Go: TestThreadExhaustion's neighbour, newosproc with EAGAIN.
    @Test func `no permission for a thread is a fatal error that says so`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        try run(procs: 2) {
          freezeThreads()
          blockOnManyThreads(60)
        }
      }
      let text = stderrText(result)
      #expect(text.hasPrefix("runtime: failed to create new OS thread (have "), "\(text)")
      #expect(
        text.contains(
          "already; errno=11)\nruntime: may need to increase max user processes "
            + "(ulimit -u)\nfatal error: newosproc\n"), "\(text)")
    }

    @Test func `blocking calls without end meet the limit of threads`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        try run(procs: 2) {
          sched[].maxmcount = 12
          blockOnManyThreads(60)
        }
      }
      #expect(
        stderrText(result).hasPrefix(
          "runtime: program exceeds 12-thread limit\nfatal error: thread exhaustion\n"))
    }

    // Descriptors.

    @Test
    func `without descriptors I/O fails with EMFILE, and goes on when there are some`()
      throws
    {
      try inRun(procs: 2) { t in
        let listener = try TCPListener()
        let port = listener.port
        let (r, w) = makePipe()
        let peer = openSocket()
        let before = descriptorCount()
        withoutDescriptors { free in
          t.check(connectSocket(peer, port: port), "the kernel needs no descriptor")
          for _ in 0..<100 {
            let failed = [
              errnoThrown { _ = try listener.accept() },
              errnoThrown { _ = try TCPConnection(host: "127.0.0.1", port: port) },
              errnoThrown { _ = try TCPListener() },
              errnoThrown { _ = try GoPipe() },
              errnoThrown { try waitReadable(r) },
            ]
            t.equal(failed, [eMFILE, eMFILE, eMFILE, eMFILE, eMFILE])
          }
          do {
            _ = try GoPipe()
          } catch {
            t.equal("\(error)", "pipe: Too many open files")
          }
          free()
        }
        t.equal(descriptorCount(), before)
        // Who had connected meanwhile is not forgotten.
        let server = try listener.accept()
        t.equal(writeByte(peer), 1)
        t.equal(try server.read(upTo: 2), [1])
        server.close()
        closeDescriptor(peer)
        let c = try TCPConnection(host: "127.0.0.1", port: port)
        try listener.accept().close()
        t.equal(try c.read(upTo: 1), [])
        c.close()
        let pipe = try GoPipe()
        try pipe.write([1])
        pipe.closeWrite()
        pipe.closeRead()
        listener.close()
        closeDescriptor(r)
        closeDescriptor(w)
      }
    }

    @Test func `without descriptors accept sleeps until somebody connects`() throws {
      try inRun(procs: 2) { t in
        let listener = try TCPListener()
        let peer = openSocket()
        let failed = Counter()
        let accepted = Channel<TCPConnection>(capacity: 1)
        withoutDescriptors { free in
          goUntilParked {
            while true {
              do {
                accepted.send(try listener.accept())
                return
              } catch {
                t.equal((error as? IOError)?.errno, eMFILE)
                failed.add()
                sleep(for: .milliseconds(1))
              }
            }
          }
          for _ in 0..<100 { gosched() }
          t.equal(failed.value, 0, "nobody has connected")
          t.check(connectSocket(peer, port: listener.port))
          failed.await(atLeast: 3)
          free()
        }
        let server = accepted.receive()!
        t.equal(writeByte(peer), 1)
        t.equal(try server.read(upTo: 2), [1])
        server.close()
        listener.close()
        closeDescriptor(peer)
      }
    }

    @Test func `a first sleep without descriptors is a fatal error that says so`() async {
      let result = await #expect(
        processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        try run(procs: 1) {
          withoutDescriptors { _ in sleep(for: .milliseconds(1)) }
        }
      }
      let text = stderrText(result)
      #expect(
        text.hasPrefix("runtime: cannot open the poller: Too many open files\n"),
        "\(text)")
      #expect(text.contains("fatal error: netpollinit failed\n"), "\(text)")
    }

    // Time.

    @Test func `the runtime's time is the clock that cannot be set`() {
      for _ in 0..<1000 {
        let before = clockRead()
        let now = nanotime()
        #expect(before <= now && now <= clockRead())
      }
    }

    // afterFunc's counterpart of TestStopResult and TestResetResult.
    @Test(arguments: [1, 2, 4])
    func `thousands of timers stopped and reset while they fire lose no call`(
      procs: Int
    ) throws {
      try inRun(procs: procs) { t in
        let n = scaled(3000)
        let calls = Counter()
        let due = Counter()
        let group = WaitGroup()
        let workers = 6
        for k in 0..<workers {
          group.go {
            // All of them are due at about the time at which they are touched.
            let timers = (0..<n / workers).map { i in
              afterFunc(.microseconds(i % 100)) { calls.add() }
            }
            due.add(timers.count)
            for (i, timer) in timers.enumerated() {
              switch (i + k) % 3 {
              case 0:
                if timer.stop() { due.add(-1) }
              case 1:
                if !timer.reset(.microseconds(i % 50)) { due.add() }
              default:
                if !timer.reset(.seconds(3600)) { due.add() }
                if timer.stop() { due.add(-1) }
              }
              if i % 64 == 0 { gosched() }
            }
          }
        }
        group.wait()
        while calls.value != due.value || numGoroutine() > 1 {
          t.check(calls.value <= due.value, "\(calls.value) calls, \(due.value) due")
          if calls.value > due.value { break }
          sleep(for: .microseconds(50))
        }
        sleep(for: .milliseconds(2))
        t.equal(calls.value, due.value)
      }
    }
  }
}
