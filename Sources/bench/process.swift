// SPDX-License-Identifier: Apache-2.0
//
// Running another program with a time limit, and watching the machine
// meanwhile. The runtime is not used here: `bench compare` is an ordinary
// process that only waits.

@preconcurrency import Glibc

struct Ended {
  /// The exit status; 128 + the signal's number after a signal.
  var status: Int
  var timedOut = false
  var output = ""
  var errors = ""
  var wallMs = 0.0
  /// User and system time of the process.
  var cpuMs = 0.0
}

/// Starts `path`, collects what it writes, and ends it after `limit` seconds:
/// first with SIGQUIT, for the stacks it may print, then with SIGKILL.
func execute(_ path: String, _ arguments: [String], limit: Int) -> Ended {
  var out: [Int32] = [-1, -1]
  var err: [Int32] = [-1, -1]
  guard pipe(&out) == 0, pipe(&err) == 0 else {
    fail("compare: no pipes: errno \(errno)")
  }
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  posix_spawn_file_actions_adddup2(&actions, out[1], 1)
  posix_spawn_file_actions_adddup2(&actions, err[1], 2)
  for fd in out + err { posix_spawn_file_actions_addclose(&actions, fd) }
  var argv: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
  argv.append(nil)
  let start = now()
  var pid: pid_t = 0
  let failed = posix_spawn(&pid, path, &actions, nil, argv, environ)
  posix_spawn_file_actions_destroy(&actions)
  for p in argv { free(p) }
  close(out[1])
  close(err[1])
  defer {
    close(out[0])
    close(err[0])
  }
  if failed != 0 {
    return Ended(status: 127, errors: String(cString: strerror(failed)))
  }
  var ended = Ended(status: 0)
  var texts: [[UInt8]] = [[], []]
  var open = [pollfd(fd: out[0], events: Int16(POLLIN), revents: 0)]
  open.append(pollfd(fd: err[0], events: Int16(POLLIN), revents: 0))
  var deadline = start + limit * 1_000_000_000
  var raw: Int32 = 0
  var usage = rusage()
  while true {
    if now() >= deadline {
      kill(pid, ended.timedOut ? SIGKILL : SIGQUIT)
      ended.timedOut = true
      deadline = now() + 2_000_000_000
    }
    // Both ends closed: it has ended, or is about to.
    if open.allSatisfy({ $0.fd < 0 }) {
      if wait4(pid, &raw, Int32(WNOHANG), &usage) == pid { break }
      usleep(500)
      continue
    }
    poll(&open, nfds_t(open.count), 100)
    for i in 0..<open.count where open[i].fd >= 0 && open[i].revents != 0 {
      if !drain(open[i].fd, into: &texts[i]) { open[i].fd = -1 }
    }
  }
  ended.wallMs = milliseconds(now() - start)
  ended.cpuMs = milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime)
  ended.output = String(decoding: texts[0], as: UTF8.self)
  ended.errors = String(decoding: texts[1], as: UTF8.self)
  let signal = Int(raw & 0x7f)
  ended.status = signal == 0 ? Int(raw >> 8) & 0xff : 128 + signal
  return ended
}

/// One read; false at the end.
func drain(_ fd: Int32, into text: inout [UInt8]) -> Bool {
  var chunk = [UInt8](repeating: 0, count: 16384)
  let n = read(fd, &chunk, chunk.count)
  if n < 0 { return errno == EINTR || errno == EAGAIN }
  text.append(contentsOf: chunk.prefix(n))
  return n > 0
}

/// Ticks of 10 ms of the whole machine, from /proc/stat.
struct MachineTime {
  var busyMs = 0.0
  var stealMs = 0.0

  static func read() -> MachineTime {
    let line = contents(of: "/proc/stat").prefix { $0 != "\n" }
    // user nice system idle iowait irq softirq steal
    let t = line.split(separator: " ").dropFirst().compactMap { Double($0) }
    guard t.count >= 8 else { return MachineTime() }
    let busy = t[0] + t[1] + t[2] + t[5] + t[6]
    return MachineTime(busyMs: busy * 10, stealMs: t[7] * 10)
  }
}

/// What this program is called, for starting it again.
func ownPath() -> String {
  var bytes = [UInt8](repeating: 0, count: 4096)
  let n = bytes.withUnsafeMutableBytes {
    let path = $0.baseAddress!.assumingMemoryBound(to: CChar.self)
    return readlink("/proc/self/exe", path, $0.count)
  }
  if n <= 0 { return CommandLine.arguments[0] }
  return String(decoding: bytes.prefix(n), as: UTF8.self)
}

/// Processor, number of CPUs, kernel and load, in one line.
func machineLine() -> String {
  var name = utsname()
  uname(&name)
  let release = withUnsafeBytes(of: name.release) {
    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
  }
  let model = contents(of: "/proc/cpuinfo").split(separator: "\n")
    .first { $0.hasPrefix("model name") }?.split(separator: ":").last
  let load = contents(of: "/proc/loadavg").split(separator: " ").prefix(3)
  let cpus = sysconf(Int32(_SC_NPROCESSORS_ONLN))
  return "\(cpus) CPUs,\(model ?? " unknown processor"), Linux \(release), load "
    + load.joined(separator: " ")
}
