// SPDX-License-Identifier: Apache-2.0
//
// I/O that parks.          Go: src/runtime/proc_test.go, crash_test.go, src/net/*_test.go

import CLinux
import Synchronization
import Testing

@testable import Stage

private let eAGAIN: Int32 = 11
private let eBADF: Int32 = 9
private let ePERM: Int32 = 1
private let ePIPE: Int32 = 32
private let eCONNREFUSED: Int32 = 111
private let eTIMEDOUT: Int32 = 110

/// The errno of the IOError that body throws; 0 where it throws none.
func failure(_ body: () throws -> Void) -> Int32 {
  do {
    try body()
    return 0
  } catch let error as IOError {
    return error.errno
  } catch {
    return -1
  }
}

/// Reads exactly count bytes.
private func readAll(_ c: TCPConnection, _ count: Int) throws -> [UInt8] {
  var bytes: [UInt8] = []
  while bytes.count < count {
    let some = try c.read(upTo: count - bytes.count)
    if some.isEmpty { break }
    bytes += some
  }
  return bytes
}

private func echo(_ c: TCPConnection) throws {
  defer { c.close() }
  while true {
    let bytes = try c.read(upTo: 4096)
    if bytes.isEmpty { return }
    try c.write(bytes)
  }
}

/// Starts a server that echoes whatever comes.
private func echoServer() throws -> TCPListener {
  let listener = try TCPListener()
  go {
    while let c = try? listener.accept() { go { try? echo(c) } }
  }
  return listener
}

extension RuntimeTests {
  @Suite("TCPListener, TCPConnection, GoPipe, waitReadable, waitWritable")
  struct NetpollTests {
    @Test(arguments: procsToTry)
    func `a server echoes`(procs: Int) throws {
      try inRun(procs: procs) { t in
        let listener = try echoServer()
        let c = try TCPConnection(host: "127.0.0.1", port: listener.port)
        for i in 1...50 {
          let text = String(repeating: "x\(i)", count: i * 10)
          try c.write(text)
          t.equal(try readAll(c, text.utf8.count), Array(text.utf8))
        }
        c.closeWrite()
        t.equal(try c.read(upTo: 10), [], "the end")
        t.equal(try c.read(upTo: 10), [], "the end, again")
        c.close()
        listener.close()
      }
    }

    @Test(arguments: [1, 2, 4])
    func `many connections on few threads`(procs: Int) throws {
      let n = min(1000, (raiseDescriptorLimit() - 100) / 2)
      try inRun(procs: procs) { t in
        let listener = try echoServer()
        let group = WaitGroup()
        let connected = Counter()
        let echoed = Counter()
        for i in 0..<n {
          group.go {
            let c = try TCPConnection(host: "127.0.0.1", port: listener.port)
            defer { c.close() }
            connected.add()
            // All are open at the same time.
            connected.await(atLeast: n)
            for k in 0..<3 {
              let message = "connection \(i) message \(k)"
              try c.write(message)
              t.equal(try readAll(c, message.utf8.count), Array(message.utf8))
            }
            echoed.add()
          }
        }
        group.wait()
        t.equal(echoed.value, n)
        t.check(processStatus("Threads") < 50, "\(processStatus("Threads")) threads")
        listener.close()
      }
    }

    @Test(arguments: procsToTry)
    func `a large write waits for a slow reader, and arrives whole`(procs: Int) throws {
      try inRun(procs: procs) { t in
        let listener = try TCPListener()
        // 8 MB, in which a block that is lost or moved would be seen.
        var sent = (0..<131_056).map { UInt8(truncatingIfNeeded: $0 % 251) }
        for _ in 0..<6 { sent += sent }
        let bytes = sent
        let written = Channel<Void>(capacity: 1)
        go {
          let c = try listener.accept()
          try c.write(bytes)
          c.close()
          written.send(())
        }
        let c = try TCPConnection(host: "127.0.0.1", port: listener.port)
        for _ in 0..<100 { gosched() }
        if case .value = written.tryReceive() { t.check(false, "8 MB without a reader") }
        var received: [UInt8] = []
        while true {
          let bytes = try c.read(upTo: 65536)
          if bytes.isEmpty { break }
          received += bytes
        }
        t.equal(received.count, bytes.count)
        t.check(received == bytes, "not what was written")
        c.close()
        listener.close()
      }
    }

    @Test func `a signal does not disturb those who wait`() async {
      await #expect(processExitsWith: .exitCode(0)) {
        exitTestDeadline()
        unblockSignals()
        try run(procs: 2) {
          let (r, w) = makePipe()
          // Nobody waits for a time: the poller has no limit.
          interruptEverybody(20, thenWrite: w)
          try waitReadable(r)
          if readByte(r) != 1 { exit_(1) }
          // Somebody does.
          interruptEverybody(20, thenWrite: w)
          let began = nanotime()
          sleep(for: .milliseconds(15))
          if nanotime() - began < 15_000_000 { exit_(1) }
          try waitReadable(r, timeout: .seconds(20))
          if readByte(r) != 1 { exit_(1) }
        }
        exit_(0)
      }
    }

    @Test(arguments: procsToTry)
    func `one goroutine reads while another writes the same connection`(
      procs: Int
    ) throws {
      try inRun(procs: procs) { t in
        let listener = try echoServer()
        let c = try TCPConnection(host: "127.0.0.1", port: listener.port)
        let size = 2 << 20
        let group = WaitGroup()
        group.go {
          let chunk = [UInt8](repeating: 7, count: 10_000)
          var left = size
          while left > 0 {
            let n = min(left, chunk.count)
            try c.write(Array(chunk[..<n]))
            left -= n
          }
          c.closeWrite()
        }
        var n = 0
        while true {
          let bytes = try c.read(upTo: 8192)
          if bytes.isEmpty { break }
          n += bytes.count
        }
        group.wait()
        t.equal(n, size)
        c.close()
        listener.close()
      }
    }

    @Test(arguments: procsToTry)
    func `close wakes who waits, with EBADF, and later use is EBADF`(procs: Int) throws {
      try inRun(procs: procs) { t in
        let listener = try TCPListener()
        let c = try TCPConnection(host: "127.0.0.1", port: listener.port)
        let server = try listener.accept()
        let codes = Channel<Int32>(capacity: 4)
        goUntilParked { codes.send(failure { _ = try c.read(upTo: 1) }) }
        c.close()
        t.equal(codes.receive(), eBADF)
        t.equal(failure { _ = try c.read(upTo: 1) }, eBADF)
        t.equal(failure { try c.write("x") }, eBADF)
        c.close()
        goUntilParked { codes.send(failure { _ = try listener.accept() }) }
        listener.close()
        t.equal(codes.receive(), eBADF)
        t.equal(failure { _ = try listener.accept() }, eBADF)
        listener.close()
        t.equal(try server.read(upTo: 1), [], "the other side is gone")
        server.close()
      }
    }

    @Test func `a parked writer is woken by close`() throws {
      try inRun(procs: 2) { t in
        let listener = try TCPListener()
        let c = try TCPConnection(host: "127.0.0.1", port: listener.port)
        let server = try listener.accept()
        let codes = Channel<Int32>(capacity: 1)
        goUntilParked {
          codes.send(failure { try c.write([UInt8](repeating: 0, count: 64 << 20)) })
        }
        c.close()
        t.equal(codes.receive(), eBADF)
        server.close()
        listener.close()
      }
    }

    @Test(arguments: procsToTry)
    func `a deadline ends a wait, and can be moved and lifted`(procs: Int) throws {
      try inRun(procs: procs) { t in
        let listener = try TCPListener()
        let c = try TCPConnection(host: "127.0.0.1", port: listener.port)
        let server = try listener.accept()
        let start = nanotime()
        c.setDeadline(.milliseconds(20))
        t.equal(failure { _ = try c.read(upTo: 1) }, eTIMEDOUT)
        t.check(nanotime() - start >= 20_000_000, "early")
        t.equal(failure { _ = try c.read(upTo: 1) }, eTIMEDOUT, "it stays over")
        t.equal(
          failure { try c.write([UInt8](repeating: 0, count: 64 << 20)) }, eTIMEDOUT)
        c.setDeadline(nil)
        try server.write("a")
        t.equal(try c.read(upTo: 1), [97])
        c.setDeadline(.seconds(-1))
        t.equal(failure { _ = try c.read(upTo: 1) }, eTIMEDOUT, "in the past")
        c.setDeadline(.seconds(3600))
        // A deadline set while somebody waits counts for that wait.
        let codes = Channel<Int32>(capacity: 1)
        goUntilParked { codes.send(failure { _ = try c.read(upTo: 1) }) }
        c.setDeadline(.milliseconds(1))
        t.equal(codes.receive(), eTIMEDOUT)
        // A deadline that passes while nobody waits, lifted in time, is nothing.
        c.setDeadline(.milliseconds(1))
        sleep(for: .milliseconds(5))
        c.setDeadline(nil)
        try server.write("b")
        t.equal(try c.read(upTo: 1), [98])
        for each in [c, server] { each.close() }
        listener.close()
      }
    }

    @Test func `nobody listens: ECONNREFUSED`() throws {
      try inRun(procs: 2) { t in
        let listener = try TCPListener()
        let port = listener.port
        listener.close()
        t.equal(
          failure { _ = try TCPConnection(host: "127.0.0.1", port: port) }, eCONNREFUSED)
      }
    }

    @Test func `writing to who has gone is EPIPE, and no signal ends the process`() throws
    {
      try inRun(procs: 2) { t in
        let listener = try TCPListener()
        let c = try TCPConnection(host: "127.0.0.1", port: listener.port)
        try listener.accept().close()
        var code: Int32 = 0
        while code == 0 { code = failure { try c.write("x") } }
        t.check(code == ePIPE || code == 104, "errno \(code)")
        t.equal(failure { for _ in 0..<10 { try c.write("x") } }, ePIPE)
        c.close()
        listener.close()
      }
    }

    @Test(arguments: procsToTry)
    func `a pipe carries bytes in order, and ends`(procs: Int) throws {
      try inRun(procs: procs) { t in
        let pipe = try GoPipe()
        let size = 1 << 20
        go {
          try pipe.write((0..<size).map { UInt8(truncatingIfNeeded: $0 % 251) })
          pipe.closeWrite()
        }
        var n = 0
        var wrong = 0
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 7777, alignment: 1)
        defer { buffer.deallocate() }
        while true {
          let got = try pipe.read(into: buffer)
          if got == 0 { break }
          for i in 0..<got {
            if buffer[i] != UInt8(truncatingIfNeeded: n % 251) { wrong += 1 }
            n += 1
          }
        }
        t.equal(n, size)
        t.equal(wrong, 0)
        pipe.closeRead()
      }
    }

    @Test(arguments: procsToTry)
    func `waitReadable and waitWritable wait for a descriptor of the program's own`(
      procs: Int
    ) throws {
      try inRun(procs: procs) { t in
        let (r, w) = makePipe()
        defer {
          closeDescriptor(r)
          closeDescriptor(w)
        }
        try waitWritable(w)
        for _ in 0..<20 {
          let woken = Counter()
          goUntilParked {
            try waitReadable(r)
            t.equal(readByte(r), 1)
            woken.add()
          }
          t.equal(woken.value, 0)
          t.equal(writeByte(w), 1)
          woken.await(1)
        }
        t.equal(failure { try waitReadable(r, timeout: .milliseconds(5)) }, eTIMEDOUT)
        let held = fill(w)
        t.equal(failure { try waitWritable(w, timeout: .milliseconds(5)) }, eTIMEDOUT)
        try waitReadable(r, timeout: .seconds(50))
        goUntilParked {
          try waitWritable(w)
          t.equal(writeByte(w), 1)
        }
        drain(r, held - 1)
        for _ in 0..<2 {
          try waitReadable(r)
          t.equal(readByte(r), 1)
        }
      }
    }

    @Test func `descriptors that cannot be polled are refused`() throws {
      try inRun(procs: 1) { t in
        let null = openDevNull()
        // /dev/null can always be written; epoll refuses it with EPERM.
        let code = failure { try waitWritable(null) }
        t.check(code == 0 || code == ePERM, "errno \(code)")
        closeDescriptor(null)
        t.equal(failure { try waitReadable(999_999) }, eBADF)
        t.equal(failure { try waitReadable(-1) }, eBADF)
      }
    }

    @Test func `a descriptor's number may be used again at once`() throws {
      try inRun(procs: 2) { t in
        // What waits for the new one must not be woken by, or miss, what
        // belonged to the old one.
        for i in 0..<200 {
          let (r, w) = makePipe()
          if i % 2 == 0 {
            _ = writeByte(w)
            try waitReadable(r)
            t.equal(readByte(r), 1)
          } else {
            let got = Counter()
            goUntilParked {
              try waitReadable(r)
              t.equal(readByte(r), 1)
              got.add()
            }
            _ = writeByte(w)
            got.await(1)
          }
          closeDescriptor(r)
          closeDescriptor(w)
        }
      }
    }

    @Test func `connections leave no descriptor behind`() throws {
      try inRun(procs: 2) { t in
        let listener = try TCPListener()
        func once() throws {
          let c = try TCPConnection(host: "127.0.0.1", port: listener.port)
          let server = try listener.accept()
          try c.write("x")
          _ = try server.read(upTo: 1)
          c.close()
          server.close()
        }
        try once()
        let before = descriptorCount()
        for _ in 0..<200 { try once() }
        t.check(descriptorCount() <= before + 2, "\(descriptorCount()) against \(before)")
        listener.close()
      }
    }

    // Go: TestNetpollBreak
    @Test(arguments: procsToTry)
    func `work wakes a thread that waits in the poller`(procs: Int) throws {
      try inRun(procs: procs) { t in
        let (r, w) = makePipe()
        goUntilParked { try waitReadable(r) }
        let group = WaitGroup()
        for _ in 0..<50 {
          // Between these every P is idle, and a thread waits for the pipe.
          sleep(for: .milliseconds(1))
          for _ in 0..<procs { group.go { gosched() } }
          group.wait()
        }
        _ = writeByte(w)
        while numGoroutine() > 1 { gosched() }
        closeDescriptor(r)
        closeDescriptor(w)
      }
    }

    // Go: TestNetpollDeadlock
    @Test(arguments: procsToTry)
    func `all goroutines may wait for the network`(procs: Int) throws {
      try inRun(procs: procs) { t in
        let (r, w) = makePipe()
        detachForeignThread {
          sleepInKernel(milliseconds: 30)
          _ = writeByte(w)
        }
        try waitReadable(r)
        t.equal(readByte(r), 1)
        closeDescriptor(r)
        closeDescriptor(w)
      }
    }

    // Go: TestNetpollWaiters
    @Test func `the count of waiters returns to zero`() throws {
      try inRun(procs: 2) { t in
        let listener = try echoServer()
        let group = WaitGroup()
        for _ in 0..<20 {
          group.go {
            let c = try TCPConnection(host: "127.0.0.1", port: listener.port)
            for _ in 0..<20 {
              try c.write("x")
              _ = try c.read(upTo: 1)
            }
            c.setDeadline(.milliseconds(1))
            _ = try? c.read(upTo: 1)
            c.close()
          }
        }
        group.wait()
        listener.close()
        while numGoroutine() > 1 { gosched() }
        while netpollAnyWaiters() { gosched() }
      }
    }

    @Test func `the network is looked at although goroutines keep every P busy`() throws {
      try inRun(procs: 1) { _ in
        let stop = Counter()
        let (r, w) = makePipe()
        for _ in 0..<2 { go { while stop.value == 0 { gosched() } } }
        goUntilParked {
          try waitReadable(r)
          stop.value = 1
        }
        _ = writeByte(w)
        while stop.value == 0 { gosched() }
        closeDescriptor(r)
        closeDescriptor(w)
      }
    }

    @Test func `timers fire while threads wait for the network, and the other way round`()
      throws
    {
      try inRun(procs: 2) { t in
        let (r, w) = makePipe()
        goUntilParked { try? waitReadable(r) }
        for _ in 0..<20 { sleep(for: .milliseconds(1)) }
        let late = GoTimer(.seconds(3000))
        goUntilParked { _ = late.channel.receive() }
        let got = Counter()
        let (r2, w2) = makePipe()
        goUntilParked {
          try waitReadable(r2)
          got.add()
        }
        _ = writeByte(w2)
        got.await(1)
        t.check(late.stop())
        for fd in [r, w, r2, w2] { closeDescriptor(fd) }
      }
    }

    @Test func `who waits for the network when a run ends is forgotten`() throws {
      let (r, w) = makePipe()
      let woken = Counter()
      for _ in 0..<5 {
        try inRun(procs: 2) { _ in
          let listener = try TCPListener()
          goUntilParked { _ = try listener.accept() }
          goUntilParked {
            try waitReadable(r)
            woken.add()
          }
        }
      }
      _ = writeByte(w)
      try inRun(procs: 2) { t in
        try waitReadable(r)
        t.equal(readByte(r), 1)
        goUntilParked {
          try waitReadable(r)
          woken.add(100)
        }
        _ = writeByte(w)
        woken.await(100)
      }
      #expect(woken.value == 100)
      closeDescriptor(r)
      closeDescriptor(w)
    }

    @Test func `connect gives up at its timeout`() throws {
      try inRun(procs: 2) { t in
        // A listener that accepts nothing, its queue full: no answer to a SYN.
        let listener = try TCPListener()
        var connections: [TCPConnection] = []
        var code: Int32 = 0
        while code == 0, connections.count < 8192 {
          code = failure {
            connections.append(
              try TCPConnection(
                host: "127.0.0.1", port: listener.port, timeout: .milliseconds(50)))
          }
        }
        t.equal(code, eTIMEDOUT)
        for c in connections { c.close() }
        listener.close()
      }
    }
  }
}
