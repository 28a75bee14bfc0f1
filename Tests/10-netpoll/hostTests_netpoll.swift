// SPDX-License-Identifier: Apache-2.0
//
// Foundation and goroutines, by way of the network.
// A line of Notes/host.md each, named by the key that its name begins with.

import Foundation
import Testing

@testable import Stage

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// Answers every request with the path that it asks for.
private func serveHTTP(_ listener: TCPListener) {
  go {
    while let c = try? listener.accept() {
      go {
        var request = ""
        while !request.contains("\r\n\r\n") {
          let bytes = try c.read(upTo: 4096)
          if bytes.isEmpty { break }
          request += String(decoding: bytes, as: UTF8.self)
        }
        let words = request.split(separator: " ")
        let path = words.count > 1 ? String(words[1]) : "?"
        try c.write(
          "HTTP/1.1 200 OK\r\nContent-Length: \(path.utf8.count)\r\n"
            + "Connection: close\r\n\r\n" + path)
        c.close()
      }
    }
  }
}

/// What is found at an address, to a goroutine: its thread waits, its P does not.
private func fetch(_ url: URL, _ session: URLSession) -> String {
  let text = Shared("")
  let done = DispatchSemaphore(value: 0)
  session.dataTask(with: url) { data, _, error in
    text.value = error.map { "\($0)" } ?? String(decoding: data ?? Data(), as: UTF8.self)
    done.signal()
  }.resume()
  blocking { done.wait() }
  return text.value
}

extension RuntimeTests.HostTests {
  @Test func `foundation-urlsession: goroutines ask a server that is goroutines`() async {
    await #expect(processExitsWith: .success) {
      try inRun(procs: 2) { t in
        let session = URLSession(configuration: .ephemeral)
        let listener = try TCPListener()
        serveHTTP(listener)
        let group = WaitGroup()
        for i in 0..<8 {
          group.go {
            let url = URL(string: "http://127.0.0.1:\(listener.port)/\(i)")!
            t.equal(fetch(url, session), "/\(i)")
            t.equal(
              try blocking { try String(contentsOf: url, encoding: .utf8) }, "/\(i)")
          }
        }
        group.wait()
        listener.close()
        session.invalidateAndCancel()
      }
    }
  }
}
