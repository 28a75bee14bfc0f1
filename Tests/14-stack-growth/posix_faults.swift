// SPDX-License-Identifier: Apache-2.0
//
// The C library, for what goes wrong: limits, signals of the program's own, peers
// that misbehave, children.

import CLinux
import Glibc
import Synchronization

// Limits.

private func setLimit(_ which: __rlimit_resource, _ n: Int) {
  let which = __rlimit_resource_t(which.rawValue)
  var limit = rlimit()
  getrlimit(which, &limit)
  limit.rlim_cur = min(rlim_t(n), limit.rlim_max)
  setrlimit(which, &limit)
}

/// The address space that the process has is all that it gets.
func freezeAddressSpace() { setLimit(RLIMIT_AS, processStatus("VmSize") << 10) }

/// The threads that the process has are all that it gets. Root is not limited: the
/// process becomes somebody else, for ever.
func freezeThreads() {
  if geteuid() == 0 { _ = setuid(54_321) }
  setLimit(__RLIMIT_NPROC, 1)
}

/// Runs body with every descriptor in use; it is given what makes them free again.
func withoutDescriptors(_ body: (_ free: () -> Void) throws -> Void) rethrows {
  let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
  var before = rlimit()
  getrlimit(resource, &before)
  setLimit(RLIMIT_NOFILE, 512)
  var held: [Int32] = []
  while case let fd = openDevNull(), fd >= 0 { held.append(fd) }
  func free() {
    for fd in held { close(fd) }
    held = []
    setrlimit(resource, &before)
  }
  defer { free() }
  try body(free)
}

// Signals.

typealias Handler =
  @convention(c) (Int32, UnsafeMutablePointer<siginfo_t>?, UnsafeMutableRawPointer?) ->
  Void

/// A handler of the program's own. With the flags that are given, and no others.
func setHandler(
  _ signal: Int32, onStack: Bool = true, restart: Bool = true, _ handler: Handler
) {
  var action = sigaction()
  action.__sigaction_handler.sa_sigaction = handler
  action.sa_flags = SA_SIGINFO | (onStack ? Int32(SA_ONSTACK) : 0)
  if restart { action.sa_flags |= SA_RESTART }
  sigaction(signal, &action, &replaced[Int(signal)])
}

/// What was there before setHandler.
nonisolated(unsafe) private let replaced = {
  let p = UnsafeMutablePointer<sigaction>.allocate(capacity: 65)
  p.initialize(repeating: sigaction(), count: 65)
  return p
}()

/// For a handler set by setHandler: passes the signal on.
func passOn(
  _ signal: Int32, _ info: UnsafeMutablePointer<siginfo_t>?,
  _ context: UnsafeMutableRawPointer?
) {
  replaced[Int(signal)].__sigaction_handler.sa_sigaction?(signal, info, context)
}

func faultAddress(_ info: UnsafeMutablePointer<siginfo_t>?) -> UInt {
  UInt(bitPattern: info!.pointee._sifields._sigfault.si_addr)
}

/// The calling thread takes every signal; so do threads that it makes. A test begins on
/// one of libdispatch's, which block most of them.
func unblockSignals() {
  var none = sigset_t()
  sigemptyset(&none)
  pthread_sigmask(SIG_SETMASK, &none, nil)
}

func ignoreSignal(_ s: Int32) { signal(s, SIG_IGN) }

/// Signals taken so far, by number.
nonisolated(unsafe) let taken = {
  let p = UnsafeMutablePointer<Atomic<Int>>.allocate(capacity: 65)
  for i in 0..<65 { (p + i).initialize(to: Atomic(0)) }
  return p
}()

func takenCount(_ signal: Int32) -> Int {
  taken[Int(signal)].load(ordering: .sequentiallyConsistent)
}

/// For a handler.
func take(_ signal: Int32) {
  taken[Int(signal)].add(1, ordering: .sequentiallyConsistent)
}

/// SIGALRM by the clock, or SIGPROF by the time used, every so many microseconds.
func setIntervalTimers(every microseconds: Int) {
  var t = itimerval()
  t.it_interval.tv_usec = microseconds
  t.it_value.tv_usec = microseconds
  setitimer(__itimer_which_t(ITIMER_REAL.rawValue), &t, nil)
  setitimer(__itimer_which_t(ITIMER_PROF.rawValue), &t, nil)
}

/// A page that cannot be touched.
func forbiddenPage() -> UnsafeMutableRawPointer {
  mmap(nil, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
}

func permit(_ page: UnsafeMutableRawPointer) {
  mprotect(page, 4096, PROT_READ | PROT_WRITE)
}

// Peers without the runtime's help.

func openSocket() -> Int32 { socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0) }

/// Connects to a port of this machine; on loopback that is done at once.
func connectSocket(_ fd: Int32, port: Int) -> Bool {
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = in_port_t(port).bigEndian
  address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
  return withUnsafePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      var r: Int32
      repeat { r = connect(fd, $0, 16) } while r != 0 && errno == EINTR
      return r == 0
    }
  }
}

/// A peer: connected to a port of this machine, nonblocking, with small buffers.
func openPeer(port: Int) -> Int32 {
  let fd = openSocket()
  var size: Int32 = 4096
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, 4)
  if !connectSocket(fd, port: port) { fatalError("connect: \(errno)") }
  _ = fcntl(fd, F_SETFL, O_NONBLOCK)
  return fd
}

/// Vanishes: the other end is sent a reset.
func resetPeer(_ fd: Int32) {
  var none = linger(l_onoff: 1, l_linger: 0)
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, 8)
  close(fd)
}

/// Children do not get it.
func keepPrivate(_ fd: Int32) { _ = fcntl(fd, F_SETFD, FD_CLOEXEC) }

/// Ends what the peer sends; it can still receive.
func shutPeer(_ fd: Int32) { shutdown(fd, Int32(SHUT_WR)) }

// Children.

/// Starts a program, with its standard output going to fd unless that is -1.
func startProgram(_ words: [String], output fd: Int32 = -1) -> pid_t {
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  if fd >= 0 { posix_spawn_file_actions_adddup2(&actions, fd, 1) }
  let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
  defer { for a in arguments { free(a) } }
  var pid = pid_t()
  return posix_spawn(&pid, words[0], &actions, nil, arguments, environ) == 0 ? pid : -1
}

func startShell(_ script: String) -> pid_t { startProgram(["/bin/sh", "-c", script]) }

/// Waits for a child; its exit status, or minus the signal that ended it.
func waitForChild(_ pid: pid_t) -> Int32 {
  var status: Int32 = 0
  while waitpid(pid, &status, 0) < 0 {
    if errno != EINTR { return -1000 }
  }
  return status & 0x7f == 0 ? (status >> 8) & 0xff : -(status & 0x7f)
}

/// What a program prints. Blocks.
func outputOf(_ words: String...) -> String {
  var fds: [Int32] = [0, 0]
  // Not seen by other children from the beginning; and then one that blocks.
  _ = netpipe(&fds)
  for fd in fds { _ = fcntl(fd, F_SETFL, 0) }
  let pid = startProgram(words, output: fds[1])
  close(fds[1])
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 4096)
  while true {
    let n = read(fds[0], &buffer, buffer.count)
    if n < 0, errno == EINTR { continue }
    if n <= 0 { break }
    bytes += buffer[..<n]
  }
  close(fds[0])
  _ = waitForChild(pid)
  return String(decoding: bytes, as: UTF8.self)
}

let sigSEGV = SIGSEGV
let sigALRM = SIGALRM
let sigPROF = SIGPROF
let sigCHLD = SIGCHLD
let sigUSR1 = SIGUSR1

/// Reads up to n bytes.
func readFrom(_ fd: Int32, _ n: Int) -> Int {
  withUnsafeTemporaryAllocation(byteCount: n, alignment: 1) {
    read(fd, $0.baseAddress!, n)
  }
}

/// No file may become longer; writes that would make one fail.
func limitFileSize(_ n: Int) {
  signal(SIGXFSZ, SIG_IGN)
  setLimit(RLIMIT_FSIZE, n)
}
