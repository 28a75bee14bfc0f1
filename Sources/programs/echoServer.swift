// SPDX-License-Identifier: Apache-2.0
//
// The server of `echo` alone.

import Stage

extension Programs.EchoServer {
  static var body: Body? { echoServer }
}

func echoServer(_ port: Int) throws {
  try run {
    let listener = try TCPListener(port: port)
    complain("echo-server: listening on 127.0.0.1 port \(listener.port)")
    acceptLoop(listener)
  }
}
