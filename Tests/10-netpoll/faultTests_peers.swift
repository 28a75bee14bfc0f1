// SPDX-License-Identifier: Apache-2.0
//
// Peers that go wrong, and descriptors that are closed while they are in use.
//                                                       Go: src/net/*_test.go

import CLinux
import Synchronization
import Testing

@testable import Stage

private let eBADF: Int32 = 9
private let ePIPE: Int32 = 32
private let eCONNRESET: Int32 = 104
private let eCONNREFUSED: Int32 = 111

/// The PollDescs there are, free ones included.
private func pollDescCount() -> Int {
  var n = 0
  let gp = enterRuntime("test")
  lock(pollcache[].lock)
  var pd = pollcache[].all
  while let p = pd {
    n += 1
    pd = p[].alllink
  }
  unlock(pollcache[].lock)
  exitRuntime(gp)
  return n
}

extension RuntimeTests.FaultTests {
  @Test(arguments: [1, 4])
  func `a peer that vanishes ends who reads and who writes`(procs: Int) throws {
    try inRun(procs: procs) { t in
      let listener = try TCPListener()
      let before = descriptorCount()
      for _ in 0..<scaled(50) {
        let peer = openPeer(port: listener.port)
        let c = try listener.accept()
        let codes = Channel<Int32>(capacity: 2)
        goUntilParked { codes.send(errnoThrown { _ = try c.read(upTo: 1) }) }
        goUntilParked {
          codes.send(
            errnoThrown { try c.write([UInt8](repeating: 0, count: 16 << 20)) })
        }
        resetPeer(peer)
        // One of them is told of the reset; after it the connection is merely gone.
        let both = [codes.receive()!, codes.receive()!]
        t.check(both.contains(eCONNRESET), "\(both)")
        t.check(
          both.allSatisfy { [eCONNRESET, ePIPE, 0].contains($0) }, "\(both)")
        t.equal(errnoThrown { try c.write("x") }, ePIPE)
        t.equal(errnoThrown { t.equal(try c.read(upTo: 1), [], "the end") }, 0)
        c.close()
      }
      t.equal(descriptorCount(), before)
      listener.close()
    }
  }

  @Test(arguments: [1, 4])
  func `peers that vanish from the queue of a listener do not stop it`(procs: Int)
    throws
  {
    try inRun(procs: procs) { t in
      let listener = try TCPListener()
      for _ in 0..<scaled(20) {
        for _ in 0..<10 { resetPeer(openPeer(port: listener.port)) }
        let peer = openPeer(port: listener.port)
        t.equal(writeByte(peer), 1)
        var found = false
        while !found {
          let c = try listener.accept()
          do { found = try c.read(upTo: 1) == [1] } catch let error as IOError {
            t.equal(error.errno, eCONNRESET)
          }
          c.close()
        }
        closeDescriptor(peer)
      }
      listener.close()
    }
  }

  @Test(arguments: [1, 4])
  func `a peer that has ended its half still gets all of the other`(procs: Int) throws {
    try inRun(procs: procs) { t in
      let listener = try TCPListener()
      let peer = openPeer(port: listener.port)
      let c = try listener.accept()
      let ended = Counter()
      goUntilParked {
        t.equal(try c.read(upTo: 1), [], "the end")
        ended.add()
      }
      shutPeer(peer)
      ended.await(1)
      let size = 100_000
      go {
        try c.write([UInt8](repeating: 1, count: size))
        c.close()
      }
      var n = 0
      while true {
        try waitReadable(peer)
        let r = readByte(peer)
        if r == 0 { break }
        if r > 0 { n += r }
      }
      t.equal(n, size)
      closeDescriptor(peer)
      listener.close()
    }
  }

  @Test(arguments: [1, 4])
  func `a slow peer slows down nobody but who writes to it`(procs: Int) throws {
    try inRun(procs: procs) { t in
      let listener = try TCPListener()
      let peer = openPeer(port: listener.port)
      let c = try listener.accept()
      let size = 4 << 20
      let written = Counter()
      goUntilParked {
        try c.write([UInt8](repeating: 1, count: size))
        written.add()
        c.closeWrite()
      }
      // The peer reads nothing; the others do not notice.
      let fast = try TCPConnection(host: "127.0.0.1", port: listener.port)
      let server = try listener.accept()
      for _ in 0..<200 {
        try fast.write("x")
        t.equal(try server.read(upTo: 2).count, 1)
        sleep(for: .microseconds(10))
      }
      t.equal(written.value, 0)
      var n = 0
      var read = 1
      while true {
        try waitReadable(peer)
        let r = readFrom(peer, read)
        if r == 0 { break }
        if r > 0 { n += r }
        // A trickle at first.
        if n > 100 { read = 65536 }
      }
      t.equal(n, size)
      t.equal(written.value, 1)
      for each in [c, fast, server] { each.close() }
      closeDescriptor(peer)
      listener.close()
    }
  }

  // Descriptors closed, refused, reused.

  @Test(arguments: [1, 2, 4])
  func `a connection may be closed among its readers and writers`(procs: Int) throws {
    try inRun(procs: procs) { t in
      let listener = try TCPListener()
      let before = descriptorCount()
      let users = 6
      // A stranger, who may be given the number of what is closed.
      let stop = Counter()
      let stranger = WaitGroup()
      stranger.go {
        while stop.value == 0 {
          let pipe = try GoPipe()
          for _ in 0..<3 {
            try pipe.write([1])
            gosched()
          }
          pipe.closeWrite()
          pipe.closeRead()
        }
      }
      for round in 0..<scaled(100) {
        let id = UInt8(truncatingIfNeeded: round)
        let c = try TCPConnection(host: "127.0.0.1", port: listener.port)
        let server = try listener.accept()
        let group = WaitGroup()
        let started = Counter()
        func use(_ body: sending @escaping () throws -> Void) {
          group.go {
            started.add()
            var code: Int32 = 0
            while code == 0 {
              code = errnoThrown(body)
              gosched()
            }
            t.check([eBADF, ePIPE, eCONNRESET].contains(code), "errno \(code)")
          }
        }
        for end in [c, server] {
          for _ in 0..<users / 2 {
            use {
              let bytes = try end.read(upTo: 500)
              // What is read is this connection's, whoever had the number before.
              t.check(bytes.allSatisfy { $0 == id }, "\(bytes) in round \(id)")
              if bytes.isEmpty { throw IOError(errno: eBADF, operation: "the end") }
            }
            use { try end.write([UInt8](repeating: id, count: 500)) }
          }
        }
        started.await(2 * users)
        if round % 2 == 0 { sleep(for: .microseconds(round * 7 % 300)) }
        go { c.close() }
        go { server.close() }
        c.close()
        server.close()
        group.wait()
      }
      stop.value = 1
      stranger.wait()
      while numGoroutine() > 1 { gosched() }
      t.equal(descriptorCount(), before)
      listener.close()
    }
  }

  @Test func `connections that are refused leave nothing behind`() throws {
    try inRun(procs: 2) { t in
      let listener = try TCPListener()
      let port = listener.port
      listener.close()
      let refused = Counter()
      func dial(_ n: Int) {
        let group = WaitGroup()
        for _ in 0..<4 {
          group.go {
            for _ in 0..<n {
              let code = errnoThrown {
                _ = try TCPConnection(host: "127.0.0.1", port: port)
              }
              t.equal(code, eCONNREFUSED)
              refused.add()
            }
          }
        }
        group.wait()
      }
      dial(250)
      let descriptors = descriptorCount()
      let descs = pollDescCount()
      let memory = processStatus("VmRSS")
      dial(scaled(1250))
      t.equal(refused.value, 1000 + 4 * scaled(1250))
      t.equal(descriptorCount(), descriptors)
      // As many at a time as there are goroutines that dial.
      t.check(pollDescCount() <= descs + 4, "\(pollDescCount()) against \(descs)")
      let more = processStatus("VmRSS") - memory
      t.check(more < 4096 + freedButKept, "\(more) KB more")
    }
  }
}
