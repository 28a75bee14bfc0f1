// SPDX-License-Identifier: Apache-2.0
//
// What LeakSanitizer finds after 100,000 goroutines that used everything.

import CLinux
import Testing

@testable import Stage

/// What goes through everything that a goroutine can wait for.
private func useEverything(_ live: Counter, goroutines: Int) throws {
  let batch = 1_000
  let listener = try TCPListener()
  for _ in 0..<goroutines / batch {
    let group = WaitGroup()
    let mutex = GoMutex()
    let shared = Shared<[Int: Tracked]>([:])
    let buffered = Channel<Tracked>(capacity: 8)
    let unbuffered = Channel<Tracked>()
    let done = Channel<Void>()
    for i in 0..<batch / 4 {
      group.go { buffered.send(Tracked(live, i)) }
      group.go {
        guard let object = buffered.receive() else { return }
        if i % 3 == 0 { unbuffered.send(object) }
        mutex.lock()
        shared.value[i] = object
        mutex.unlock()
      }
      group.go {
        let late = after(.microseconds(50 + i))
        select {
          receive(from: unbuffered) { _ in }
          receive(from: late) { _ in }
          receive(from: done) { _ in }
        }
      }
      group.go {
        switch i % 6 {
        case 0: sleep(for: .microseconds(i))
        case 1: blocking { _ = Tracked(live) }
        case 2: try goexit()
        case 3: GoTimer(.seconds(3600)).stop()
        case 4:
          let object = Tracked(live)
          afterFunc(.seconds(3600)) { _ = object.id }.stop()
        default: lockOSThread()
        }
      }
    }
    let drained = WaitGroup()
    drained.go { while unbuffered.receive() != nil {} }
    group.go {
      let connection = try TCPConnection(host: "127.0.0.1", port: listener.port)
      connection.setDeadline(.seconds(30))
      try connection.write("?")
      _ = try connection.read(upTo: 1)
      connection.close()
    }
    let connection = try listener.accept()
    try connection.write(connection.read(upTo: 1))
    connection.close()
    group.wait()
    unbuffered.close()
    done.close()
    drained.wait()
  }
  listener.close()
}

extension RuntimeTests.LeakTests {
  @Test(arguments: [1, 4])
  func `100,000 goroutines that use everything lose no memory`(procs: Int) async {
    let result = await #expect(
      processExitsWith: .exitCode(0), observing: [\.standardErrorContent]
    ) { [procs] in
      exitTestDeadline(120)
      let live = Counter()
      try run(procs: procs) { try useEverything(live, goroutines: 100_000) }
      if live.value != 0 { exit_(1) }
      reportLostMemory()
    }
    let text = stderrText(result)
    #expect(!text.contains("LeakSanitizer"), "\(text)")
  }
}
