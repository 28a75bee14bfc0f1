// SPDX-License-Identifier: Apache-2.0
//
// What trace does with its arguments.

import Arguments
import Foundation
import TraceFile

/// Does what is asked for and returns the exit status.
public func command(_ arguments: [String]) -> Int32 {
  do {
    let options = try parse(arguments)
    if let folder = options.tour {
      try writeTour(folder)
      return 0
    }
    let consistent = try !options.check || reportCheck(options.file)
    if options.text || options.picture { try draw(options) }
    return consistent ? 0 : 1
  } catch CommandLineError.help {
    print(help)
    return 0
  } catch CommandLineError.wrong(let message) {
    complain(
      "trace: \(message)\nusage: trace FILE [-o PAGE.html]; trace --help says more")
    return 2
  } catch let error as TraceError {
    complain("trace: \(error)")
  } catch let error as Failure {
    complain("trace: \(error.message)")
  } catch {
    complain("trace: \(error)")
  }
  return 1
}

func draw(_ options: Options) throws {
  var traces: [Named] = []
  for (i, path) in ([options.file] + (options.compare.map { [$0] } ?? [])).enumerated() {
    let name = i < options.names.count ? options.names[i] : shortName(path)
    traces.append(Named(name: name, line: Timeline(try TraceFile(path: path))))
  }
  let first = traces[0]
  let window = Window(options, first.line)
  if let path = options.page {
    try write(path) { try writeHTML(traces, options, to: $0) }
  }
  if let path = options.json {
    try write(path) { try writeChrome(first, window, to: $0) }
  }
  if let path = options.svg {
    try write(path) { try $0.write(svg(first, window)) }
  }
  if options.counts { print(counts(first.line)) }
  if options.text {
    let terminal = isatty(STDOUT_FILENO) == 1
    let style = TextStyle(
      width: options.width ?? (terminal ? terminalWidth() : 100),
      color: options.color || terminal,
      rows: options.rows
    )
    try textLines(first, window, style) { print($0) }
  }
}

private func write(_ path: String, _ body: (Output) throws -> Void) throws {
  let output = try Output(path: path)
  try body(output)
  try output.close()
}

/// A file's name without folders and ending.
private func shortName(_ path: String) -> String {
  let url = URL(fileURLWithPath: path)
  return url.pathExtension == "trace"
    ? url.deletingPathExtension().lastPathComponent : url.lastPathComponent
}

func complain(_ message: String) {
  FileHandle.standardError.write(Data((message + "\n").utf8))
}

private func terminalWidth() -> Int {
  var size = winsize()
  let known = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col >= 40
  return known ? Int(size.ws_col) : 80
}
