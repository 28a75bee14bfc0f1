// SPDX-License-Identifier: Apache-2.0
//
// Descriptors that the system refuses, and those that children must not see.

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

/// What a child was given. Not by way of a shell, which unblocks all signals.
private func inheritance() -> String {
  outputOf("/bin/grep", "-E", "SigBlk|SigIgn", "/proc/self/status")
    + outputOf("/bin/ls", "/proc/self/fd")
}

extension RuntimeTests.FaultTests {
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

  @Test func `a child inherits no signal mask, no ignored signal and no descriptor`()
    async
  {
    await #expect(processExitsWith: .success) {
      unblockSignals()
      let before = inheritance()
      try inRun(procs: 4) { t in
        t.check(before.contains("SigBlk"), before)
        let listener = try TCPListener()
        var open: [TCPConnection] = []
        for _ in 0..<10 {
          open.append(try TCPConnection(host: "127.0.0.1", port: listener.port))
          open.append(try listener.accept())
        }
        let pipes = try (0..<10).map { _ in try GoPipe() }
        let (r, w) = makePipe()
        keepPrivate(r)
        keepPrivate(w)
        goUntilParked { try waitReadable(r) }
        // On whatever thread: fresh ones, those of locked goroutines, the first.
        let group = WaitGroup()
        for i in 0..<24 {
          group.go {
            if i % 3 == 0 { lockOSThread() }
            let seen =
              i % 2 == 0 ? inheritance() : blocking { inheritance() }
            t.equal(seen, before)
          }
        }
        group.wait()
        _ = writeByte(w)
        while numGoroutine() > 1 { gosched() }
        for c in open { c.close() }
        for pipe in pipes {
          pipe.closeRead()
          pipe.closeWrite()
        }
        listener.close()
        closeDescriptor(r)
        closeDescriptor(w)
      }
    }
  }
}
