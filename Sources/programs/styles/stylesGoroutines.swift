// SPDX-License-Identifier: Apache-2.0
//
// Goroutines: the same shape as with threads, line by line. Where a thread would
// stop in the kernel a goroutine is parked, and its thread runs another: under
// the surface it is the loop around epoll.

import Stage

func serveWithGoroutines(_ port: Channel<Int>) throws {
  let listener = try TCPListener()
  port.send(listener.port)
  go {
    for _ in 0..<connections {
      let connection = try listener.accept()
      go { try handle(connection) }
    }
    listener.close()
  }
}

private func handle(_ connection: TCPConnection) throws {
  defer { connection.close() }
  var line: [UInt8] = []
  while true {
    // The goroutine stands still here until something comes.
    let bytes = try connection.read(upTo: 64)
    if bytes.isEmpty { return }
    for byte in bytes {
      if byte != UInt8(ascii: "\n") {
        line.append(byte)
        continue
      }
      try connection.write(answer(line))
      line = []
    }
  }
}
