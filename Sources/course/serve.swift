// SPDX-License-Identifier: Apache-2.0
//
// A server for the files of one folder, on this machine alone: what a site is tried with.

import Foundation

#if canImport(Glibc)
  import Glibc
#endif

/// Prints its address and serves until it is ended.
func serve(_ folder: URL) throws -> Report {
  let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_addr.s_addr = inet_addr("127.0.0.1")
  var size = socklen_t(MemoryLayout<sockaddr_in>.size)
  let isBound = withUnsafeMutablePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      bind(listener, $0, size) == 0 && listen(listener, 64) == 0
        && getsockname(listener, $0, &size) == 0
    }
  }
  guard listener >= 0, isBound else {
    throw Failure("there is no port to serve at: \(String(cString: strerror(errno)))")
  }
  // A browser that closes early must not end this.
  signal(SIGPIPE, SIG_IGN)
  FileHandle.standardOutput.write(
    Data("http://127.0.0.1:\(UInt16(bigEndian: address.sin_port))/\n".utf8))
  while true {
    let connection = accept(listener, nil, nil)
    if connection < 0 { continue }
    answer(connection, folder)
    close(connection)
  }
}

private func answer(_ connection: Int32, _ folder: URL) {
  // A browser opens connections that it may never use.
  var patience = timeval(tv_sec: 2, tv_usec: 0)
  setsockopt(
    connection, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
  var buffer = [UInt8](repeating: 0, count: 8192)
  let count = read(connection, &buffer, buffer.count)
  guard count > 0 else { return }
  let request = String(decoding: buffer[..<count], as: UTF8.self)
  let words = request.split(separator: " ", maxSplits: 2)
  var path = words.count > 1 ? String(words[1].prefix { $0 != "?" }) : "/"
  path = path.removingPercentEncoding ?? path
  if path.hasSuffix("/") { path += "index.html" }
  let file = folder.appendingPathComponent(path).standardizedFileURL
  let isInside = file.path.hasPrefix(folder.standardizedFileURL.path + "/")
  if isInside, words.first == "GET", let data = try? Data(contentsOf: file) {
    send(connection, "200 OK", kind(of: path), data)
  } else {
    send(connection, "404 Not Found", "text/plain", Data("not here\n".utf8))
  }
}

private func send(_ connection: Int32, _ status: String, _ kind: String, _ body: Data) {
  let head =
    "HTTP/1.1 \(status)\r\nContent-Type: \(kind)\r\nContent-Length: \(body.count)\r\n"
    + "Connection: close\r\n\r\n"
  let bytes = Array(head.utf8) + body
  var sent = 0
  while sent < bytes.count {
    let count = bytes[sent...].withUnsafeBytes {
      write(connection, $0.baseAddress, $0.count)
    }
    if count <= 0 { return }
    sent += count
  }
}

private func kind(of path: String) -> String {
  switch path.split(separator: ".").last ?? "" {
  case "html": "text/html; charset=utf-8"
  case "css": "text/css; charset=utf-8"
  case "js": "text/javascript; charset=utf-8"
  case "svg": "image/svg+xml"
  case "png": "image/png"
  default: "text/plain; charset=utf-8"
  }
}
