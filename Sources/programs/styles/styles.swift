// SPDX-License-Identifier: Apache-2.0
//
// One server in three styles. A request is a line with numbers, the answer a
// line with their sum. What to do is the same in all three (`answer`); where the
// program keeps its place between two pieces of a request is not:
//
//   blocking threads    on the stack of a thread       stylesThreads.swift
//   callbacks (epoll)   in an object, by hand          stylesCallbacks.swift
//   goroutines          on the stack of a goroutine    stylesGoroutines.swift
//
// Seed fact: goroutines read as the first and scale as the second.

import Stage

extension Programs.Styles {
  static var body: Body? { { _ in try styles() } }
}

/// How many connections a server serves before it ends.
let connections = 4

func styles() throws {
  try run {
    try show("blocking threads", serveWithThreads)
    try show("callbacks", serveWithCallbacks)
    try show("goroutines", serveWithGoroutines)
  }
}

/// The request handler itself: "2 3 4" becomes "9".
func answer(_ line: some Sequence<UInt8>) -> [UInt8] {
  let words = String(decoding: Array(line), as: UTF8.self).split(separator: " ")
  let numbers = words.compactMap { Int($0) }
  guard numbers.count == words.count else { return Array("not numbers\n".utf8) }
  return Array("\(numbers.reduce(0, &+))\n".utf8)
}

/// Starts a server, which says on the channel which port it listens on, sends
/// it some requests, and prints what came back.
private func show(_ name: String, _ serve: (_ port: Channel<Int>) throws -> Void) throws {
  let port = Channel<Int>(capacity: 1)
  try serve(port)
  let number = port.receive()!
  let answers = Channel<(client: Int, text: String)>()
  for client in 1...connections {
    go {
      // A request in two pieces, as the network likes to deliver it.
      let connection = try TCPConnection(host: "127.0.0.1", port: number)
      defer { connection.close() }
      try connection.write("\(client) \(client)")
      sleep(for: .milliseconds(5))
      try connection.write("0 \(client)00\n")
      let reply = try connection.read(upTo: 64)
      answers.send((client, String(decoding: reply.dropLast(), as: UTF8.self)))
    }
  }
  var texts = Array(repeating: "", count: connections)
  for _ in 1...connections {
    let (client, text) = answers.receive()!
    texts[client - 1] = text
  }
  print(left(name, 18) + texts.joined(separator: "  "))
}
