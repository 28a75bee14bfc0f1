// SPDX-License-Identifier: Apache-2.0
//
// The gate: a thousand connections, nothing to read from any of them. On stage 09 each
// goroutine that waits for one keeps a thread (gateTests_before.swift); here it parks.

import Testing

@testable import Stage

import func Glibc.socketpair
import var Glibc.AF_UNIX
import struct Glibc.__socket_type
import var Glibc.SOCK_STREAM

/// A connection: both ends, which block.
func connectionForGate() -> (here: Int32, there: Int32) {
  var fds: [Int32] = [-1, -1]
  let result = socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &fds)
  precondition(result == 0, "socketpair failed; see `ulimit -n`")
  return (fds[0], fds[1])
}

let connectionsInGate = 1000

extension RuntimeTests {
  @Suite("gate: a thousand connections")
  struct GateTests {
    @Test func `here a thousand connections are waited for by few threads`() async {
      await #expect(processExitsWith: .exitCode(0)) {
        exitTestDeadline()
        _ = raiseDescriptorLimit()
        try inRun(procs: 1) { t in
          let connections = (0..<connectionsInGate).map { _ in connectionForGate() }
          let waiting = Counter()
          let group = WaitGroup()
          for c in connections {
            group.go {
              waiting.add()
              try waitReadable(c.here)
              t.equal(readByte(c.here), 1)
              _ = writeByte(c.here)
            }
          }
          waiting.await(connectionsInGate)
          for c in connections { _ = writeByte(c.there) }
          group.wait()
          for c in connections { t.equal(readByte(c.there), 1) }
          let threads = schedulerCounters().threads
          t.check(threads <= 4, "\(threads) threads")
        }
      }
    }
  }
}
