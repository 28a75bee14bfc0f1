// SPDX-License-Identifier: Apache-2.0
//
// The C library, for the tests. In files without a stage: its send, select and accept
// are not the ones that the tests are about.

import Glibc

func duplicate(_ text: String) -> UnsafeMutablePointer<CChar>? { strdup(text) }

func processID() -> Int32 { getpid() }

/// Where a runtime handles SIGQUIT it prints every goroutine and ends with status 2.
func raiseQuit() { kill(getpid(), SIGQUIT) }

func raiseSignal(_ signal: Int32) { kill(getpid(), signal) }

let sigTERM = SIGTERM

func setEnvironment(_ name: String, _ value: String) { setenv(name, value, 1) }

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
  let box = Unmanaged.passRetained(ForeignBody(body))
  pthread_create(
    &thread, nil,
    { raw in
      Unmanaged<ForeignBody>.fromOpaque(raw!).takeRetainedValue().body()
      return nil
    }, box.toOpaque())
  pthread_join(thread, nil)
}

final class ForeignBody: Sendable {
  let body: @Sendable () -> Void
  init(_ body: @escaping @Sendable () -> Void) { self.body = body }
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

func setLimit(_ which: __rlimit_resource, _ n: Int) {
  let which = __rlimit_resource_t(which.rawValue)
  var limit = rlimit()
  getrlimit(which, &limit)
  limit.rlim_cur = min(rlim_t(n), limit.rlim_max)
  setrlimit(which, &limit)
}

/// The address space that the process has is all that it gets.
func freezeAddressSpace() { setLimit(RLIMIT_AS, processStatus("VmSize") << 10) }

/// No file may become longer; writes that would make one fail.
func limitFileSize(_ n: Int) {
  signal(SIGXFSZ, SIG_IGN)
  setLimit(RLIMIT_FSIZE, n)
}
