// SPDX-License-Identifier: Apache-2.0
//
// The C library, for tests of signals, of children, and of what a signal may interrupt.

@preconcurrency import Glibc
import Synchronization

/// A function of the C library that holds locks and calls back.
func sortThroughC(_ values: inout [Int32]) {
  qsort(&values, values.count, 4) {
    let (a, b) = ($0!.load(as: Int32.self), $1!.load(as: Int32.self))
    return a < b ? -1 : a > b ? 1 : 0
  }
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

func startShell(_ script: String) -> pid_t { startProgram(["/bin/sh", "-c", script]) }

let sigURG = SIGURG
let sigSEGV = SIGSEGV
let sigALRM = SIGALRM
let sigPROF = SIGPROF
let sigCHLD = SIGCHLD
let sigUSR1 = SIGUSR1

typealias Bsearch =
  @convention(c) (
    UnsafeRawPointer?, UnsafeRawPointer?, Int, Int,
    @convention(c) (UnsafeRawPointer?, UnsafeRawPointer?) -> Int32
  ) -> UnsafeRawPointer?

/// A function of a library that is loaded by this very call, and calls back: bsearch
/// of another copy of the C library.
func bsearchLoadedNow() -> Bsearch {
  typealias Dlmopen =
    @convention(c) (Int, UnsafePointer<CChar>, Int32) -> UnsafeMutableRawPointer?
  let newNamespace = -1
  guard let dlmopen = dlsym(nil, "dlmopen"),
    let library = unsafeBitCast(dlmopen, to: Dlmopen.self)(
      newNamespace, "libc.so.6", RTLD_NOW),
    let symbol = dlsym(library, "bsearch")
  else { fatalError(String(cString: dlerror())) }
  return unsafeBitCast(symbol, to: Bsearch.self)
}
