// SPDX-License-Identifier: Apache-2.0
//
// Pipes.

import Controlled
import Stage

extension Scenarios {
  static let netpoll = [
    Scenario(
      "pipes",
      from: "10",
      law: "who waits to read is woken by who writes, whoever polls",
      procs: 2
    ) {
      let group = WaitGroup()
      let sum = Cell(0)
      for k in 1...2 {
        let pipe = try GoPipe()
        group.go {
          let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 8, alignment: 1)
          defer { buffer.deallocate() }
          while let n = try? pipe.read(into: buffer), n > 0 {
            for byte in buffer[..<n] { sum.value += Int(byte) }
          }
          pipe.closeRead()
        }
        group.go {
          for i in 1...3 {
            try? pipe.write([UInt8(10 * k + i)])
            if i == k { gosched() }
          }
          pipe.closeWrite()
        }
      }
      group.wait()
      expect(sum.value == 102, "the sum is \(sum.value)")
    }
  ]
}
