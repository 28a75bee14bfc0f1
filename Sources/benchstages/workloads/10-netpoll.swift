// SPDX-License-Identifier: Apache-2.0
//
// A server and its clients in one process.

import Stage

extension Netpoll {
  static var bodies: [String: Body] {
    ["echo-100": { size in try echo(connections: 100, each: size(300)) }]
  }
}

/// Every client waits for its echo before it sends again.
private func echo(connections: Int, each: Int) throws -> Double {
  try inRun {
    let listener = try TCPListener()
    go {
      while let connection = try? listener.accept() {
        go { serve(connection) }
      }
    }
    let clients = try (0..<connections).map { _ in
      try TCPConnection(host: "127.0.0.1", port: listener.port)
    }
    let wrong = Counter()
    let all = WaitGroup()
    all.add(connections)
    let elapsed = nanoseconds {
      for client in clients {
        go {
          if !ask(client, each) { wrong.add() }
          client.close()
          all.done()
        }
      }
      all.wait()
    }
    if wrong.value != 0 { throw Failure(message: "\(wrong.value) clients got no echo") }
    return elapsed / Double(connections * each)
  }
}

private let messageSize = 64

private func serve(_ connection: TCPConnection) {
  let buffer = UnsafeMutableRawBufferPointer.allocate(
    byteCount: messageSize, alignment: 8)
  defer {
    buffer.deallocate()
    connection.close()
  }
  while fill(buffer, from: connection) {
    guard (try? connection.write(UnsafeRawBufferPointer(buffer))) != nil else { return }
  }
}

private func ask(_ connection: TCPConnection, _ times: Int) -> Bool {
  let buffer = UnsafeMutableRawBufferPointer.allocate(
    byteCount: messageSize, alignment: 8)
  defer { buffer.deallocate() }
  for i in 0..<times {
    buffer.initializeMemory(as: UInt8.self, repeating: UInt8(truncatingIfNeeded: i))
    guard (try? connection.write(UnsafeRawBufferPointer(buffer))) != nil else {
      return false
    }
    guard fill(buffer, from: connection) else { return false }
    guard buffer.allSatisfy({ $0 == UInt8(truncatingIfNeeded: i) }) else { return false }
  }
  return true
}

/// False at the end of the stream, and where reading fails.
private func fill(
  _ buffer: UnsafeMutableRawBufferPointer,
  from connection: TCPConnection
) -> Bool {
  var got = 0
  while got < buffer.count {
    let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[got...])
    guard let n = try? connection.read(into: rest), n > 0 else { return false }
    got += n
  }
  return true
}
