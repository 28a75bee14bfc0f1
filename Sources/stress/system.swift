// SPDX-License-Identifier: Apache-2.0
//
// What is asked of the system directly. In a file of its own, as names of the C library
// (select, send, sleep) are those of the runtime, too.

import Glibc

/// Sleeps in the kernel.
func pause(_ microseconds: Int) { usleep(UInt32(microseconds)) }

func seconds() -> Double {
  var t = timespec()
  clock_gettime(CLOCK_MONOTONIC, &t)
  return Double(t.tv_sec) + Double(t.tv_nsec) / 1e9
}

func anySeed() -> UInt64 { UInt64(seconds() * 1e6) % 1_000_000_007 }

func leave(_ status: Int32) -> Never { exit(status) }

func complain(_ message: String) { tell("stress: \(message)\n") }

/// Writes to standard error.
func tell(_ text: String) {
  var text = text
  text.withUTF8 { _ = write(2, $0.baseAddress, $0.count) }
}

/// A mistake was found.
func failed(_ message: String) -> Never {
  complain(message)
  exit(1)
}

/// Asks the runtime for every goroutine, which ends the process.
func quitWithDump() { kill(getpid(), SIGQUIT) }

var onTerminal: Bool { isatty(2) != 0 }

/// Runs body on a thread of its own.
func startThread(_ body: @escaping @Sendable () -> Void) -> pthread_t {
  final class Box {
    let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
  var thread = pthread_t()
  let box = Unmanaged.passRetained(Box(body))
  let r = pthread_create(
    &thread, nil,
    { raw in
      Unmanaged<Box>.fromOpaque(raw!).takeRetainedValue().body()
      return nil
    }, box.toOpaque())
  if r != 0 { failed("cannot start a thread: \(String(cString: strerror(r)))") }
  return thread
}

func join(_ thread: pthread_t) { pthread_join(thread, nil) }

func progress(_ text: String) {
  if onTerminal { tell("\r\u{1b}[K\(text)") }
}

func memory() -> String {
  guard let file = fopen("/proc/self/status", "r") else { return "" }
  defer { fclose(file) }
  var found: [String] = []
  var line = [CChar](repeating: 0, count: 256)
  while fgets(&line, 256, file) != nil {
    let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
    if text.hasPrefix("VmRSS") || text.hasPrefix("Threads") {
      found.append(text.split { " \t\n".contains($0) }.joined(separator: " "))
    }
  }
  return found.joined(separator: ", ")
}

/// Keeps processors busy for random moments, so that threads stop where they mostly
/// do not. Never ends.
func disturb(_ seed: UInt64) {
  _ = startThread {
    var r = Random(seed)
    while true {
      let until = seconds() + Double(r.below(3000)) / 1e6
      while seconds() < until {}
      usleep(UInt32(r.below(5000)))
    }
  }
}
