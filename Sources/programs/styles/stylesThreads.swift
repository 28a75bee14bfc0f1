// SPDX-License-Identifier: Apache-2.0
//
// Blocking threads: a thread for each connection, which the kernel stops in
// read(2) and continues. Easy to read; the costs are what `programs threads`
// measures.

import Glibc
import Stage

func serveWithThreads(_ port: Channel<Int>) throws {
  let listening = try listenSocket()
  port.send(listening.port)
  let acceptor = startThread {
    for _ in 0..<connections {
      let fd = accept(listening.fd, nil, nil)
      guard let handler = startThread({ handle(fd) }) else {
        close(fd)
        continue
      }
      pthread_detach(handler)
    }
    close(listening.fd)
  }
  guard let acceptor else { throw Failure(message: "no thread to be had") }
  pthread_detach(acceptor)
}

private func handle(_ fd: Int32) {
  defer { close(fd) }
  var line: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 64)
  while true {
    // The thread stands still here until something comes.
    let n = read(fd, &buffer, buffer.count)
    if n <= 0 { return }
    for byte in buffer.prefix(n) {
      if byte != UInt8(ascii: "\n") {
        line.append(byte)
        continue
      }
      let reply = answer(line)
      _ = write(fd, reply, reply.count)
      line = []
    }
  }
}

/// A socket of the kernel's that listens on a free port of 127.0.0.1.
func listenSocket() throws -> (fd: Int32, port: Int) {
  let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_addr.s_addr = inet_addr("127.0.0.1")
  var size = socklen_t(MemoryLayout<sockaddr_in>.size)
  let status = withUnsafeMutablePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      bind(fd, $0, size) | listen(fd, 16) | getsockname(fd, $0, &size)
    }
  }
  guard fd >= 0, status == 0 else {
    throw Failure(message: "cannot listen: \(String(cString: strerror(errno)))")
  }
  return (fd, Int(UInt16(bigEndian: address.sin_port)))
}
