// SPDX-License-Identifier: Apache-2.0
//
// The C library, for the tests. In a file of its own: its send, select and accept
// are not the ones that the tests are about.

import Glibc
import Synchronization

func duplicate(_ text: String) -> UnsafeMutablePointer<CChar>? { strdup(text) }

func processID() -> Int32 { getpid() }

/// Go programs print every goroutine and end with status 2 when they get SIGQUIT.
func raiseQuit() { kill(getpid(), SIGQUIT) }

func raiseSignal(_ signal: Int32) { kill(getpid(), signal) }

let sigTERM = SIGTERM
let sigURG = SIGURG

func setEnvironment(_ name: String, _ value: String) { setenv(name, value, 1) }

func unsetEnvironment(_ name: String) { unsetenv(name) }

/// The whole of a small file, such as those in /proc.
func contents(of path: String) -> String {
  let fd = open(path, O_RDONLY)
  if fd < 0 { return "" }
  defer { close(fd) }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 16384)
  while true {
    let n = read(fd, &buffer, buffer.count)
    if n <= 0 { break }
    bytes += buffer[..<n]
  }
  return String(decoding: bytes, as: UTF8.self)
}

/// The threads of this process. Go: the entries of /proc/self/task.
func threadExists(_ tid: Int32) -> Bool { access("/proc/self/task/\(tid)", F_OK) == 0 }

/// Sleeps in the kernel: a system call that takes a while.
func sleepInKernel(milliseconds: Int) { usleep(UInt32(milliseconds * 1000)) }

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

func writeTo(_ fd: Int32, _ n: Int) -> Int {
  withUnsafeTemporaryAllocation(byteCount: n, alignment: 1) {
    write(fd, $0.baseAddress!, n)
  }
}

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

/// A function of the C library that holds locks and calls back.
func sortThroughC(_ values: inout [Int32]) {
  qsort(&values, values.count, 4) {
    let (a, b) = ($0!.load(as: Int32.self), $1!.load(as: Int32.self))
    return a < b ? -1 : a > b ? 1 : 0
  }
}

/// Uses the vector registers and wants an aligned stack.
func formatThroughC(_ x: Double) -> String {
  var buffer = [CChar](repeating: 0, count: 64)
  withVaList([x]) { _ = vsnprintf(&buffer, 64, "%.6f", $0) }
  return String(
    decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// Runs body on a thread that the runtime does not know, and waits for it.
func onForeignThread(_ body: @escaping @Sendable () -> Void) {
  var thread = pthread_t()
  let box = Unmanaged.passRetained(Body(body))
  pthread_create(
    &thread, nil,
    { raw in
      Unmanaged<Body>.fromOpaque(raw!).takeRetainedValue().body()
      return nil
    }, box.toOpaque())
  pthread_join(thread, nil)
}

/// Runs body on a thread that the runtime does not know.
func detachForeignThread(_ body: @escaping @Sendable () -> Void) {
  var thread = pthread_t()
  let box = Unmanaged.passRetained(Body(body))
  pthread_create(
    &thread, nil,
    { raw in
      Unmanaged<Body>.fromOpaque(raw!).takeRetainedValue().body()
      return nil
    }, box.toOpaque())
  pthread_detach(thread)
}

private final class Body: Sendable {
  let body: @Sendable () -> Void
  init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

/// Memory that the system could give, in kilobytes.
func memoryAvailable() -> Int {
  for line in contents(of: "/proc/meminfo").split(separator: "\n")
  where line.hasPrefix("MemAvailable:") {
    return line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
  }
  return 0
}

/// Names the calling thread; a thread inherits the name of the one that made it.
func nameThread(_ name: String) {
  let fd = open("/proc/thread-self/comm", O_WRONLY)
  _ = name.utf8.withContiguousStorageIfAvailable { write(fd, $0.baseAddress, $0.count) }
  close(fd)
}

/// The name of the calling thread.
func threadName() -> String {
  String(contents(of: "/proc/thread-self/comm").prefix { $0 != "\n" })
}

/// The names of all threads.
func threadNames() -> [String] {
  guard let dir = opendir("/proc/self/task") else { return [] }
  defer { closedir(dir) }
  var names: [String] = []
  while let entry = readdir(dir) {
    let tid = withUnsafeBytes(of: entry.pointee.d_name) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    if tid.first == "." { continue }
    let name = contents(of: "/proc/self/task/\(tid)/comm")
    names.append(String(name.prefix { $0 != "\n" }))
  }
  return names
}

/// Changes the rounding of the calling thread: upwards, or to nearest.
func roundUpwards(_ on: Bool) { fesetround(on ? FE_UPWARD : FE_TONEAREST) }

func roundsUpwards() -> Bool { fegetround() == FE_UPWARD }

/// The default action for a signal in this process.
func handlerIsDefault(_ signal: Int32) -> Bool {
  var action = sigaction()
  sigaction(signal, nil, &action)
  return action.__sigaction_handler.sa_handler == nil
}

/// Work that is done in the C library.
func fillBytes(_ buffer: UnsafeMutableRawBufferPointer) {
  memset(buffer.baseAddress!, 1, buffer.count)
}

/// Has a fault end the process, with status 0 if the handler is called with the mask
/// that it asks for, which blocks nothing, and else 1.
func endAtFault() {
  var action = sigaction()
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER
  action.__sigaction_handler.sa_sigaction = { _, _, _ in
    var mask = sigset_t()
    pthread_sigmask(SIG_BLOCK, nil, &mask)
    _exit(sigismember(&mask, SIGSEGV) | sigismember(&mask, SIGURG))
  }
  sigaction(SIGSEGV, &action, nil)
}

/// Starts a program that does nothing, waits for it, and gives its exit status.
func runTrue() -> Int32 {
  var pid = pid_t()
  let path = access("/usr/bin/true", X_OK) == 0 ? "/usr/bin/true" : "/bin/true"
  var arguments: [UnsafeMutablePointer<CChar>?] = [strdup(path), nil]
  defer { free(arguments[0]) }
  if posix_spawn(&pid, path, nil, nil, &arguments, environ) != 0 { return -1 }
  var status: Int32 = 0
  while waitpid(pid, &status, 0) < 0 {
    if errno != EINTR { return -2 }
  }
  return status
}

/// The time, by a clock that the kernel serves in user space.
func clockRead() -> Int64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

/// LeakSanitizer's functions, where they are part of the program.
struct LeakSanitizer: Sendable {
  let addRoot: @convention(c) (UnsafeMutableRawPointer, Int) -> Void

  /// Not 0: memory is lost.
  let search: @convention(c) () -> Int32

  init?() {
    func function<T>(_ name: String, as type: T.Type) -> T? {
      dlsym(nil, name).map { unsafeBitCast($0, to: type) }
    }
    typealias OfRegion = @convention(c) (UnsafeMutableRawPointer, Int) -> Void
    guard
      let addRoot = function("__lsan_register_root_region", as: OfRegion.self),
      let search = function(
        "__lsan_do_recoverable_leak_check", as: (@convention(c) () -> Int32).self)
    else { return nil }
    self.addRoot = addRoot
    self.search = search
  }
}

let leakSanitizer = LeakSanitizer()
