// SPDX-License-Identifier: Apache-2.0
//
// The client of `echo` alone. What it reads and writes on its own side are files, for
// which no goroutine can wait without a thread.

import Glibc
import Stage

extension Programs.EchoClient {
  static var body: Body? { { try echoClient($0.host, $0.port) } }
}

func echoClient(_ host: String, _ port: Int) throws {
  try run {
    let connection = try TCPConnection(host: host, port: port)
    go {
      // A server that no longer listens is noticed by the reader below.
      try? copyInput(to: connection)
      connection.closeWrite()
    }
    while true {
      let bytes = try connection.read(upTo: 4096)
      if bytes.isEmpty { return }
      try output(bytes)
    }
  }
}

/// Reading standard input blocks a thread, writing to the connection only parks
/// a goroutine.
private func copyInput(to connection: TCPConnection) throws {
  var buffer = [UInt8](repeating: 0, count: 4096)
  while true {
    let n = blocking { read(0, &buffer, buffer.count) }
    if n <= 0 { return }
    try connection.write(Array(buffer.prefix(n)))
  }
}

/// Writes bytes as they are on standard output.
private func output(_ bytes: [UInt8]) throws {
  var rest = bytes[...]
  while !rest.isEmpty {
    // errno belongs to the call: read before anything else can run.
    let n = blocking {
      let n = rest.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
      return n < 0 ? -Int(errno) : n
    }
    if n >= 0 {
      rest = rest.dropFirst(n)
    } else if n != -Int(EINTR) {
      throw Failure(message: "cannot write: \(String(cString: strerror(Int32(-n))))")
    }
  }
}
