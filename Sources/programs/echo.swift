// SPDX-License-Identifier: Apache-2.0
//
// TCP echo: a server with a goroutine per connection, and its clients, in one process.
// echoServer.swift and echoClient.swift have each alone.
//
// Seed fact: a goroutine that waits for the network is parked, and its thread
// does something else. The code says read, then write, and yet a thousand
// connections need no more threads than there are Ps.

import Glibc
import Stage

extension Programs.Echo {
  static var body: Body? { echo }
}

/// Sends back what comes in, until the other side has no more.
private func serve(_ connection: TCPConnection) {
  defer { connection.close() }
  while let bytes = try? connection.read(upTo: 4096), !bytes.isEmpty {
    do {
      try connection.write(bytes)
    } catch {
      return
    }
  }
}

/// A goroutine for each connection, until the listener is closed.
func acceptLoop(_ listener: TCPListener) {
  while true {
    do {
      let connection = try listener.accept()
      go { serve(connection) }
    } catch let error as IOError where error.errno == EBADF {
      return
    } catch {
      // Too many open files, mostly: some will be closed.
      sleep(for: .milliseconds(5))
    }
  }
}

func echo(_ clients: Int) throws {
  raiseFileLimit()
  try run {
    let listener = try TCPListener()
    go { acceptLoop(listener) }
    let port = listener.port
    let correct = Channel<Bool>()
    var good = 0
    let time = seconds {
      for i in 0..<clients {
        go {
          let request = "client \(i) was here"
          correct.send((try? ask(request, port: port)) == request)
        }
      }
      for _ in 0..<clients where correct.receive()! {
        good += 1
      }
    }
    listener.close()
    print("\(grouped(good)) of \(grouped(clients)) echoes came back in \(pleasant(time))")
    if good < clients { throw Failure(message: "some failed; see `ulimit -n`?") }
  }
}

private func ask(_ request: String, port: Int) throws -> String {
  let connection = try TCPConnection(host: "127.0.0.1", port: port)
  defer { connection.close() }
  try connection.write(request)
  connection.closeWrite()
  var answer: [UInt8] = []
  while true {
    let bytes = try connection.read(upTo: 4096)
    if bytes.isEmpty { return String(decoding: answer, as: UTF8.self) }
    answer += bytes
  }
}

/// Every connection within this process takes two files.
private func raiseFileLimit() {
  var limit = rlimit()
  let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
  getrlimit(files, &limit)
  limit.rlim_cur = limit.rlim_max
  setrlimit(files, &limit)
}
