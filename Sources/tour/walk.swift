// SPDX-License-Identifier: Apache-2.0
//
// The regular files under a directory, a batch at a time.
//
// Directories called .git and .build are skipped, symbolic links not followed.
// Only one directory is open at a time; those still to come are kept by name.

import Glibc

struct Walk {
  /// Enough to make handing a batch over cheap beside reading the files.
  static let batch = 64

  private(set) var findings = Findings()
  private var pending: [Path]
  private var current: Path = []
  private var directory: OpaquePointer? = nil

  init(_ root: Path) {
    pending = [root]
  }

  /// The next files; nil when there are no more. May block in the kernel.
  mutating func next() -> [Path]? {
    var files: [Path] = []
    while files.count < Walk.batch, let directory = openDirectory() {
      errno = 0
      if let entry = readdir(directory) {
        visit(entry, &files)
        continue
      }
      if errno != 0 { findings.failures.add(current, errno) }
      closedir(directory)
      self.directory = nil
    }
    return files.isEmpty ? nil : files
  }

  /// The directory that is open, or else the next; nil when there are no more.
  private mutating func openDirectory() -> OpaquePointer? {
    while directory == nil, let path = pending.popLast() {
      current = path
      directory = opendir(path)
      if directory == nil { findings.failures.add(path, errno) }
    }
    return directory
  }

  private mutating func visit(
    _ entry: UnsafeMutablePointer<dirent>,
    _ files: inout [Path]
  ) {
    let offset = MemoryLayout<dirent>.offset(of: \.d_name)!
    let name = (UnsafeRawPointer(entry) + offset).assumingMemoryBound(to: CChar.self)
    if strcmp(name, ".") == 0 || strcmp(name, "..") == 0 { return }
    let path = join(current, name)
    switch kind(of: entry, at: path) {
    case DT_REG:
      files.append(path)
    case DT_DIR:
      if strcmp(name, ".git") != 0 && strcmp(name, ".build") != 0 {
        pending.append(path)
      }
    case DT_LNK:
      findings.links += 1
    case DT_UNKNOWN:
      break
    default:
      findings.others += 1
    }
  }

  /// What the entry is. Some file systems do not say it in the directory.
  private mutating func kind(
    of entry: UnsafeMutablePointer<dirent>,
    at path: Path
  ) -> Int {
    let type = Int(entry.pointee.d_type)
    if type != DT_UNKNOWN { return type }
    var status = stat()
    if lstat(path, &status) != 0 {
      findings.failures.add(path, errno)
      return DT_UNKNOWN
    }
    return Int(status.st_mode & S_IFMT) >> 12
  }
}

private func join(_ directory: Path, _ name: UnsafePointer<CChar>) -> Path {
  let slash = CChar(UInt8(ascii: "/"))
  var path = directory
  path.removeLast()
  if path.last != slash { path.append(slash) }
  path.append(contentsOf: UnsafeBufferPointer(start: name, count: strlen(name) + 1))
  return path
}
