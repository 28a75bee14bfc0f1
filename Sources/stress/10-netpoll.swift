// SPDX-License-Identifier: Apache-2.0
//
// Connections and pipes.

import Stage

extension Parts {
  static func serve() throws -> Server? {
    let listener = try TCPListener()
    go {
      while let connection = try? listener.accept() {
        go {
          defer { connection.close() }
          while let bytes = try? connection.read(upTo: 1000), !bytes.isEmpty {
            if (try? connection.write(bytes)) == nil { break }
          }
        }
      }
    }
    return Server(port: listener.port, stop: { listener.close() })
  }

  static let netpoll = Part(
    operations: [
      Operation("connection") { w, r in
        if r.below(4) != 0 { return }
        let c = try TCPConnection(host: "127.0.0.1", port: w.port)
        defer { c.close() }
        c.setDeadline(.seconds(30))
        let size = 1 + r.below(5000)
        try c.write([UInt8](repeating: 7, count: size))
        var n = 0
        while n < size { n += try c.read(upTo: 10_000).count }
      },
      Operation("connection that is cut off") { w, r in
        if r.below(4) != 0 { return }
        let c = try TCPConnection(host: "127.0.0.1", port: w.port)
        let reader = WaitGroup()
        reader.go { while let bytes = try? c.read(upTo: 10), !bytes.isEmpty {} }
        if r.below(2) == 0 { c.setDeadline(r.microseconds(below: 50)) }
        if r.below(2) == 0 { gosched() }
        c.close()
        reader.wait()
      },
      Operation("pipe") { _, r in
        let pipe = try GoPipe()
        let size = 1 + r.below(100_000)
        let writer = WaitGroup()
        writer.go {
          try? pipe.write([UInt8](repeating: 1, count: size))
          pipe.closeWrite()
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(
          byteCount: 65536, alignment: 1)
        defer { buffer.deallocate() }
        var n = 0
        var got = 1
        while got > 0 {
          got = try pipe.read(into: buffer)
          n += got
        }
        writer.wait()
        pipe.closeRead()
        if n != size { failed("\(n) of \(size) bytes came through a pipe") }
      },
    ],
    leftovers: [
      { w in _ = try TCPConnection(host: "127.0.0.1", port: w.port).read(upTo: 1) }
    ]
  )
}
