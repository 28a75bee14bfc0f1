// SPDX-License-Identifier: Apache-2.0
//
// Callbacks: one thread, one loop around epoll, a function for each event.
// No function may wait, so between two calls everything that a handler knows
// lives in an object: here the half of a line that has come.

import CLinux
import Glibc
import Stage

func serveWithCallbacks(_ port: Channel<Int>) throws {
  let listening = try listenSocket()
  port.send(listening.port)
  let thread = startThread {
    Loop(listening.fd).run()
  }
  guard let thread else { throw Failure(message: "no thread to be had") }
  pthread_detach(thread)
}

private final class Loop {
  let epfd = epollcreate()
  let listening: Int32
  var half: [Int32: [UInt8]] = [:]
  var ended = 0

  init(_ listening: Int32) {
    self.listening = listening
    epolladdlevel(epfd, listening, UInt64(listening))
  }

  func run() {
    var event = epollevent()
    while ended < connections {
      if epollwait(epfd, &event, 1, -1) != 1 { continue }
      let fd = Int32(event.data)
      if fd == listening { onConnection() } else { onReadable(fd) }
    }
    close(listening)
    close(epfd)
  }

  func onConnection() {
    let fd = accept(listening, nil, nil)
    half[fd] = []
    epolladdlevel(epfd, fd, UInt64(fd))
  }

  func onReadable(_ fd: Int32) {
    var buffer = [UInt8](repeating: 0, count: 64)
    let n = read(fd, &buffer, buffer.count)
    if n <= 0 {
      onEnd(fd)
      return
    }
    half[fd]!.append(contentsOf: buffer.prefix(n))
    while let end = half[fd]!.firstIndex(of: UInt8(ascii: "\n")) {
      onLine(fd, answer(half[fd]![..<end]))
      half[fd]!.removeFirst(end + 1)
    }
  }

  func onLine(_ fd: Int32, _ reply: [UInt8]) {
    // A reply longer than the socket's buffer would need a state of its own,
    // and a callback for "writable": left out, which is the point.
    _ = write(fd, reply, reply.count)
  }

  func onEnd(_ fd: Int32) {
    half[fd] = nil
    close(fd)
    ended += 1
  }
}
