// SPDX-License-Identifier: Apache-2.0
//
// Programs that are run, watched, and ended if they hang.

import Foundation
import Synchronization

/// How a program ended, and what it printed on both of its outputs.
struct Ended {
  /// Its exit status; 128 and the signal's number if one ended it.
  var status: Int32 = 0
  var signal: Int32?

  /// It was ended because it printed nothing for so many seconds, or never came to an end.
  var silent: Int?
  var output = ""
  var seconds = 0.0

  /// The longest time in which it printed nothing.
  var longestSilence = 0.0
}

/// The process group that is to end with this program; zero: none.
private let running = Atomic<Int32>(0)

/// Runs a program in a process group of its own. It may be silent for so many seconds, and
/// take so many in all. `line` is given each line as it is printed.
func execute(
  _ arguments: [String],
  in folder: URL,
  environment: [String: String] = [:],
  silence: Double,
  limit: Double,
  line: (String) -> Void = { _ in }
) throws -> Ended {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = arguments
  process.currentDirectoryURL = folder
  // What make tells the makes below it is not for the makes that are run here.
  var inherited = ProcessInfo.processInfo.environment
  for key in ["MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "STAGE"] {
    inherited[key] = nil
  }
  // What is printed here is read, not looked at.
  inherited["NO_COLOR"] = "1"
  process.environment = inherited.merging(environment) { $1 }
  process.standardInput = FileHandle.nullDevice
  let pipe = Pipe()
  process.standardOutput = pipe
  process.standardError = pipe
  do {
    try process.run()
  } catch {
    throw Failure("\(arguments[0]) cannot be run (\(error)): make doctor says more")
  }
  let pid = process.processIdentifier
  let group = getpgid(pid) == pid ? -pid : pid
  endWithMe(group)
  defer { endWithMe(0) }

  let clock = ContinuousClock()
  let began = clock.now
  var ended = Ended()
  var bytes: [UInt8] = []
  var lineStart = 0
  var heard = began
  var asked: ContinuousClock.Instant?
  func seconds(since instant: ContinuousClock.Instant) -> Double {
    (clock.now - instant) / .seconds(1)
  }
  let descriptor = pipe.fileHandleForReading.fileDescriptor
  var buffer = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    let ready = poll(&poller, 1, 100)
    ended.longestSilence = max(ended.longestSilence, seconds(since: heard))
    if ready > 0 {
      let count = read(descriptor, &buffer, buffer.count)
      if count <= 0 { break }
      // More than anybody reads is not kept.
      if bytes.count < 16 << 20 { bytes += buffer[..<count] }
      heard = clock.now
      while let end = bytes[lineStart...].firstIndex(of: newline) {
        line(plain(String(decoding: bytes[lineStart..<end], as: UTF8.self)))
        lineStart = end + 1
      }
    } else if !process.isRunning {
      // Something that it left behind still has the pipe.
      break
    }
    if let instant = asked {
      // A runtime that hears SIGQUIT prints its goroutines.
      if seconds(since: instant) > 2 { kill(group, SIGKILL) }
    } else if seconds(since: heard) > silence || seconds(since: began) > limit {
      ended.silent = Int(min(seconds(since: heard), seconds(since: began)).rounded())
      kill(group, SIGQUIT)
      asked = clock.now
    }
  }
  process.waitUntilExit()
  kill(group, SIGKILL)
  ended.seconds = seconds(since: began)
  ended.output = plain(String(decoding: bytes, as: UTF8.self))
  ended.status = process.terminationStatus
  if process.terminationReason == .uncaughtSignal {
    ended.signal = process.terminationStatus
    ended.status += 128
  }
  return ended
}

/// A text without what colours it on a terminal.
func plain(_ text: String) -> String {
  text.contains("\u{1b}")
    ? text.replacingOccurrences(
      of: "\u{1b}\\[[0-9;]*[A-Za-z]", with: "", options: .regularExpression) : text
}

/// What is interrupted takes what it runs along.
private func endWithMe(_ group: Int32) {
  running.store(group, ordering: .sequentiallyConsistent)
  guard group != 0 else { return }
  for number in [SIGINT, SIGTERM, SIGHUP] {
    signal(number) { number in
      let group = running.load(ordering: .sequentiallyConsistent)
      if group != 0 { kill(group, SIGKILL) }
      _exit(128 + number)
    }
  }
}

/// One line on a terminal that is written over, to show that something goes on.
struct Ticker {
  static let isTerminal = isatty(STDOUT_FILENO) == 1

  /// Colours are for terminals, and for who wants them there.
  static let isColored =
    isTerminal && ProcessInfo.processInfo.environment["NO_COLOR"] == nil
    && ProcessInfo.processInfo.environment["TERM"] != "dumb"

  static func show(_ text: String) {
    guard isTerminal else { return }
    tell("\r\u{1b}[K\(text.prefix(78))", terminator: "")
  }

  static func clear() {
    if isTerminal { tell("\r\u{1b}[K", terminator: "") }
  }
}

/// Prints at once.
func tell(_ text: String, terminator: String = "\n") {
  print(text, terminator: terminator)
  fflush(nil)
}
