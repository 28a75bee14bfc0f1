// SPDX-License-Identifier: Apache-2.0
//
// What git knows of a folder.

import Arguments
import Foundation

struct Git {
  let root: URL

  struct Result {
    let status: Int32
    let output: Data
    let complaint: String
  }

  func run(_ arguments: [String]) throws -> Result {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["git"] + arguments
    process.currentDirectoryURL = root
    // Within a hook of git these name another repository, or another state of this one.
    process.environment = ProcessInfo.processInfo.environment.filter {
      !["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"].contains($0.key)
    }
    process.standardInput = FileHandle.nullDevice
    let (output, complaint) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = complaint
    do {
      try process.run()
    } catch {
      throw Failure("git cannot be run (\(error)): make doctor says what is missing")
    }
    // What git complains of is less than a pipe holds.
    let data = output.fileHandleForReading.readDataToEndOfFile()
    let text = complaint.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Result(
      status: process.terminationStatus,
      output: data,
      complaint: String(decoding: text, as: UTF8.self)
        .trimmingCharacters(in: .whitespacesAndNewlines)
    )
  }

  /// Files that are tracked or could be, and exist; links among them.
  func files(under folders: [String]) throws -> [String] {
    let result = try run(
      ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"] + folders)
    guard result.status == 0 else {
      throw Failure("git cannot list the files here: \(result.complaint)")
    }
    let paths = result.output.split(separator: 0).map {
      String(decoding: $0, as: UTF8.self)
    }
    return Set(paths).sorted().filter { exists($0) }
  }

  /// Whether something has this name, if only a link to nothing.
  private func exists(_ path: String) -> Bool {
    let file = root.appendingPathComponent(path).path
    return (try? FileManager.default.attributesOfItem(atPath: file)) != nil
  }

  /// A file as a commit has it; nil if it has none of this name.
  func file(_ path: String, at commit: String) throws -> Data? {
    let known = try run(["rev-parse", "--verify", "--quiet", commit + "^{commit}"])
    guard known.status == 0 else {
      throw Failure("there is no commit \(printable(commit)) here")
    }
    let result = try run(["cat-file", "blob", "\(commit):./\(path)"])
    return result.status == 0 ? result.output : nil
  }
}
