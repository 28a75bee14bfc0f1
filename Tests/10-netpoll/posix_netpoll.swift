// SPDX-License-Identifier: Apache-2.0
//
// The C library, for tests of descriptors: peers without the runtime's help, and
// children.

import CLinux
import Glibc

/// A pipe without the runtime's help: (read end, write end), nonblocking.
func makePipe() -> (read: Int32, write: Int32) {
  var fds: [Int32] = [0, 0]
  if pipe(&fds) != 0 { fatalError("pipe: \(errno)") }
  for fd in fds { _ = fcntl(fd, F_SETFL, O_NONBLOCK) }
  return (fds[0], fds[1])
}

func writeByte(_ fd: Int32) -> Int {
  var byte: UInt8 = 1
  return write(fd, &byte, 1)
}

func readByte(_ fd: Int32) -> Int {
  var byte: UInt8 = 0
  return read(fd, &byte, 1)
}

/// Fills a nonblocking pipe; how many bytes went in.
func fill(_ fd: Int32) -> Int {
  var n = 0
  while writeByte(fd) == 1 { n += 1 }
  return n
}

/// Reads n bytes from a pipe that holds them.
func drain(_ fd: Int32, _ n: Int) { for _ in 0..<n { _ = readByte(fd) } }

func closeDescriptor(_ fd: Int32) { close(fd) }

func openDevNull() -> Int32 { open("/dev/null", O_WRONLY) }

/// Descriptors that are open.
func descriptorCount() -> Int {
  guard let dir = opendir("/proc/self/fd") else { return 0 }
  defer { closedir(dir) }
  var n = 0
  while readdir(dir) != nil { n += 1 }
  return n
}

/// Lets the process have as many descriptors as it may; how many.
func raiseDescriptorLimit() -> Int {
  var limit = rlimit()
  getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  limit.rlim_cur = limit.rlim_max
  setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  return Int(limit.rlim_cur)
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

/// The calling thread takes every signal; so do threads that it makes. A test begins on
/// one of libdispatch's, which block most of them.
func unblockSignals() {
  var none = sigset_t()
  sigemptyset(&none)
  pthread_sigmask(SIG_SETMASK, &none, nil)
}

/// From a thread of its own, in a process that nobody else needs: a signal to each thread,
/// n times, a millisecond apart, which ends what system call the thread is in and does
/// nothing else; then a byte to fd.
func interruptEverybody(_ n: Int, thenWrite fd: Int32) {
  var action = sigaction()
  action.__sigaction_handler.sa_handler = { _ in }
  sigaction(SIGUSR1, &action, nil)
  detachForeignThread {
    for _ in 0..<n {
      for id in threadIDs() { _ = tgkill_(Int32(id)!, SIGUSR1) }
      usleep(1000)
    }
    _ = writeByte(fd)
  }
}

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

/// Reads up to n bytes.
func readFrom(_ fd: Int32, _ n: Int) -> Int {
  withUnsafeTemporaryAllocation(byteCount: n, alignment: 1) {
    read(fd, $0.baseAddress!, n)
  }
}
