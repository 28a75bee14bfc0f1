// SPDX-License-Identifier: Apache-2.0
//
// Exercise 10.04.

import Testing

@testable import Stage

extension RuntimeTests {
  @Suite("serve(atMost:)")
  struct ServeTests {
    @Test(arguments: [1, 2, 4])
    func `at most three are served at a time, and all of them in the end`(procs: Int)
      throws
    {
      try inRun(procs: procs, within: 20) { t in
        let listener = try TCPListener()
        let active = Counter()
        let tooMany = Counter()
        let returned = Counter()
        let gate = Channel<Void>()
        go {
          listener.serve(atMost: 3) { connection in
            if active.add() > 3 { tooMany.add() }
            _ = gate.receive()
            active.add(-1)
            try connection.write("x")
          }
          returned.add()
        }
        let answered = Counter()
        let clients = WaitGroup()
        for _ in 0..<10 {
          clients.go {
            let connection = try TCPConnection(host: "127.0.0.1", port: listener.port)
            t.equal(try connection.read(upTo: 2), [UInt8(ascii: "x")])
            t.equal(try connection.read(upTo: 2), [], "it is closed")
            connection.close()
            answered.add()
          }
        }
        active.await(3)
        for _ in 0..<500 { gosched() }
        t.equal(active.value, 3, "there are three places")
        for _ in 0..<10 { gate.send(()) }
        clients.wait()
        t.equal(answered.value, 10)
        t.equal(tooMany.value, 0)
        t.equal(returned.value, 0, "the listener is open")
        listener.close()
        returned.await(1)
      }
    }

    @Test func `one who fails gives its place back`() throws {
      try inRun(procs: 2, within: 20) { t in
        let listener = try TCPListener()
        let returned = Counter()
        go {
          listener.serve(atMost: 1) { _ in throw TestError() }
          returned.add()
        }
        for _ in 0..<5 {
          let connection = try TCPConnection(host: "127.0.0.1", port: listener.port)
          t.equal(try connection.read(upTo: 1), [], "it is closed")
          connection.close()
        }
        listener.close()
        returned.await(1)
      }
    }
  }
}
