// SPDX-License-Identifier: Apache-2.0
//
// TCP and pipes, as programs see them, and who may use a descriptor when.
//             Go: src/internal/poll/fd_mutex.go, fd_unix.go, src/net/*.go
//
// Invariants:
//   A descriptor is used only with a reference to it, counted in its FDMutex, and
//   its number is given back to the kernel only when it is closed and the last
//   reference is gone: no operation can hit a stranger that got the same number.
//   Of those who read one is in the system call or parked, of those who write
//   likewise; the others sleep in the FDMutex.
//   A PollDesc belongs to its object until that is released, closed or not, and the
//   object is released by nobody while an operation runs.
//   A descriptor of somebody else's is never registered: waitReadable duplicates
//   it, so each waiter has a PollDesc and a registration of its own.

import CLinux
import Synchronization

/// What the kernel, or a deadline, made of an operation. Deadlines and timeouts:
/// ETIMEDOUT; use after `close`: EBADF; the reader of what is written is gone: EPIPE.
public struct IOError: Error, Equatable, Sendable, CustomStringConvertible {
  public let errno: Int32

  /// What was attempted.
  public let operation: String

  public init(errno: Int32, operation: String) {
    self.errno = errno
    self.operation = operation
  }

  public var description: String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { text in
      let words = text.baseAddress.unsafelyUnwrapped
      neterror(errno, words, text.count)
      return "\(operation): \(String(cString: words))"
    }
  }
}

@inline(never)
private func ioError(_ negative: Int, _ operation: String) -> IOError {
  IOError(errno: Int32(-negative), operation: operation)
}

// MARK: - FDMutex

// The bits of state: it is closed; reading is locked, writing is locked; 20 bits of
// references; 20 of goroutines that wait to read, 20 of such that wait to write.

private let mutexClosed: UInt64 = 1 << 0
private let mutexRLock: UInt64 = 1 << 1
private let mutexWLock: UInt64 = 1 << 2
private let mutexRef: UInt64 = 1 << 3
private let mutexRefMask: UInt64 = (1 << 20 - 1) << 3
private let mutexRWait: UInt64 = 1 << 23
private let mutexRMask: UInt64 = (1 << 20 - 1) << 23
private let mutexWWait: UInt64 = 1 << 43
private let mutexWMask: UInt64 = (1 << 20 - 1) << 43

/// Go: poll.fdMutex. Part of a PollDesc.
struct FDMutex: ~Copyable {
  let state = Atomic<UInt64>(0)

  /// Where those sleep who wait to read, to write, for the end of closing.
  var rsema = Sema()
  var wsema = Sema()
  var csema = Sema()

  init() {}
}

private func rsema(_ pd: PollDescPtr) -> SemaPtr {
  withUnsafeMutablePointer(to: &pd[].fdmu.rsema) { SemaPtr($0) }
}

private func wsema(_ pd: PollDescPtr) -> SemaPtr {
  withUnsafeMutablePointer(to: &pd[].fdmu.wsema) { SemaPtr($0) }
}

private func csema(_ pd: PollDescPtr) -> SemaPtr {
  withUnsafeMutablePointer(to: &pd[].fdmu.csema) { SemaPtr($0) }
}

/// fdreset makes the mutex one that nobody holds or waits for. No goroutine uses it.
func fdreset(_ pd: PollDescPtr, closed: Bool) {
  pd[].fdmu.state.store(closed ? mutexClosed : 0, ordering: .relaxed)
  for s in [rsema(pd), wsema(pd), csema(pd)] {
    s[].count.store(0, ordering: .relaxed)
    s[].nwait.store(0, ordering: .relaxed)
  }
}

func fdmutexclosed(_ pd: PollDescPtr) -> Bool {
  pd[].fdmu.state.load(ordering: .relaxed) & mutexClosed != 0
}

/// fdincref takes a reference; false: it is closed. Go: fdMutex.incref.
private func fdincref(_ pd: PollDescPtr) -> Bool {
  var old = pd[].fdmu.state.load(ordering: .relaxed)
  while old & mutexClosed == 0 {
    let new = old &+ mutexRef
    if new & mutexRefMask == 0 { fdoverflow() }
    // acquire: see fddecref.
    let (done, found) = pd[].fdmu.state.compareExchange(
      expected: old, desired: new, ordering: .acquiring)
    if done { return true }
    old = found
  }
  return false
}

/// fdincrefAndClose closes it to others and takes a reference; false: it was closed.
private func fdincrefAndClose(_ pd: PollDescPtr) -> Bool {
  var old = pd[].fdmu.state.load(ordering: .relaxed)
  while true {
    if old & mutexClosed != 0 { return false }
    let new = (old | mutexClosed) &+ mutexRef & ~(mutexRMask | mutexWMask)
    if new & mutexRefMask == 0 { fdoverflow() }
    // acquire: see fddecref.
    let (done, found) = pd[].fdmu.state.compareExchange(
      expected: old, desired: new, ordering: .acquiring)
    if done { break }
    old = found
  }
  // Those who wait will see that it is closed.
  while old & mutexRMask != 0 {
    old -= mutexRWait
    semrelease(rsema(pd))
  }
  while old & mutexWMask != 0 {
    old -= mutexWWait
    semrelease(wsema(pd))
  }
  return true
}

/// fddecref gives a reference back; the last one of a closed descriptor ends it.
private func fddecref(_ pd: PollDescPtr) {
  // release: what was done with it is done; acquire: by everybody, for the last one.
  let new = pd[].fdmu.state.wrappingSubtract(
    mutexRef, ordering: .acquiringAndReleasing
  ).newValue
  if new & (mutexClosed | mutexRefMask) == mutexClosed { fddestroy(pd) }
}

/// fdrwlock takes a reference and the right to operate in direction mode; false: it
/// is closed. Go: fdMutex.rwlock.
@inline(__always)
private func fdrwlock(_ pd: PollDescPtr, _ mode: Int32) -> Bool {
  let bit = mode == pollRead ? mutexRLock : mutexWLock
  let old = pd[].fdmu.state.load(ordering: .relaxed)
  // acquire: what the last one left is seen.
  if old & (mutexClosed | bit) == 0, old & mutexRefMask != mutexRefMask,
    pd[].fdmu.state.compareExchange(
      expected: old, desired: (old | bit) &+ mutexRef, ordering: .acquiring
    ).exchanged
  {
    return true
  }
  return fdrwlockslow(pd, mode)
}

@inline(never)
private func fdrwlockslow(_ pd: PollDescPtr, _ mode: Int32) -> Bool {
  let reading = mode == pollRead
  let bit = reading ? mutexRLock : mutexWLock
  let wait = reading ? mutexRWait : mutexWWait
  let mask = reading ? mutexRMask : mutexWMask
  var old = pd[].fdmu.state.load(ordering: .relaxed)
  while true {
    if old & mutexClosed != 0 { return false }
    let free = old & bit == 0
    let new = free ? (old | bit) &+ mutexRef : old &+ wait
    if new & (free ? mutexRefMask : mask) == 0 { fdoverflow() }
    // acquire: what the last one left is seen.
    let (done, found) = pd[].fdmu.state.compareExchange(
      expected: old, desired: new, ordering: .acquiring)
    if !done {
      old = found
      continue
    }
    if free { return true }
    // Whoever wakes us has taken us out of the count.
    semacquire1(reading ? rsema(pd) : wsema(pd), lifo: false, .ioWait)
    old = pd[].fdmu.state.load(ordering: .relaxed)
  }
}

/// fdrwunlock undoes fdrwlock, and lets the next one try. Go: fdMutex.rwunlock.
@inline(__always)
private func fdrwunlock(_ pd: PollDescPtr, _ mode: Int32) {
  let reading = mode == pollRead
  let bit = reading ? mutexRLock : mutexWLock
  let wait = reading ? mutexRWait : mutexWWait
  let mask = reading ? mutexRMask : mutexWMask
  var old = pd[].fdmu.state.load(ordering: .relaxed)
  while true {
    if old & bit == 0 || old & mutexRefMask == 0 { throwFatal("inconsistent fdMutex") }
    var new = (old & ~bit) &- mutexRef
    if old & mask != 0 { new &-= wait }
    // release, acquire: as in fddecref, and for the next one.
    let (done, found) = pd[].fdmu.state.compareExchange(
      expected: old, desired: new, ordering: .acquiringAndReleasing)
    if done {
      if old & mask != 0 { semrelease(reading ? rsema(pd) : wsema(pd)) }
      if new & (mutexClosed | mutexRefMask) == mutexClosed { fddestroy(pd) }
      return
    }
    old = found
  }
}

@inline(never)
private func fdoverflow() -> Never {
  gopanic("too many concurrent operations on a single file or socket (max 1048575)")
}

// MARK: - Operations. Those that return an Int return a negative errno on failure.

/// More is not asked of one system call. Go: maxRW.
private let maxRW = 1 << 30

/// fdread reads what there is, or parks until there is something; 0: the end.
@inline(__always)
private func fdread(
  _ pd: PollDescPtr, _ buffer: UnsafeMutableRawBufferPointer, pipe: Bool
) -> Int {
  if !fdrwlock(pd, pollRead) { return -Int(E_BADF) }
  let r = fdreadlocked(pd, buffer, pipe: pipe)
  fdrwunlock(pd, pollRead)
  return r
}

@inline(__always)
private func fdreadlocked(
  _ pd: PollDescPtr, _ buffer: UnsafeMutableRawBufferPointer, pipe: Bool
) -> Int {
  let want = min(buffer.count, maxRW)
  if want == 0 { return 0 }
  // The system call that would find nothing is saved: half of all reads, where a
  // request is answered and the next one awaited.
  var e =
    pollquiet(pd)
    ? poll_runtime_pollWait(pd, pollRead) : poll_runtime_pollReset(pd, pollRead)
  while e == 0 {
    let r = Int(
      pipe
        ? piperead(pd[].fd, buffer.baseAddress, want)
        : netrecv(pd[].fd, buffer.baseAddress, want))
    if r >= 0 {
      pd[].drained = r > 0 && r < want
      return r
    }
    if r == -Int(E_AGAIN) {
      e = poll_runtime_pollWait(pd, pollRead)
    } else if r != -Int(E_INTR) {
      return r
    }
  }
  return -Int(e)
}

/// fdwrite writes all of buffer, parking whenever there is no room; returns 0.
@inline(__always)
private func fdwrite(
  _ pd: PollDescPtr, _ buffer: UnsafeRawBufferPointer, pipe: Bool
) -> Int {
  if !fdrwlock(pd, pollWrite) { return -Int(E_BADF) }
  let r = fdwritelocked(pd, buffer, pipe: pipe)
  fdrwunlock(pd, pollWrite)
  return r
}

@inline(__always)
private func fdwritelocked(
  _ pd: PollDescPtr, _ buffer: UnsafeRawBufferPointer, pipe: Bool
) -> Int {
  var e = poll_runtime_pollReset(pd, pollWrite)
  if e != 0 || buffer.isEmpty { return -Int(e) }
  let start = buffer.baseAddress.unsafelyUnwrapped
  var done = 0
  while e == 0 {
    let want = min(buffer.count &- done, maxRW)
    let r = Int(
      pipe
        ? pipewrite(pd[].fd, start + done, want) : netsend(pd[].fd, start + done, want))
    if r >= 0 {
      done &+= r
      if done == buffer.count { return 0 }
    } else if r == -Int(E_AGAIN) {
      e = poll_runtime_pollWait(pd, pollWrite)
    } else if r != -Int(E_INTR) {
      return r
    }
  }
  return -Int(e)
}

/// fdaccept returns the next connection of a listener.
private func fdaccept(_ pd: PollDescPtr) -> Int {
  if !fdrwlock(pd, pollRead) { return -Int(E_BADF) }
  defer { fdrwunlock(pd, pollRead) }
  var e = poll_runtime_pollReset(pd, pollRead)
  while e == 0 {
    let r = netaccept(pd[].fd)
    if r >= 0 { return Int(r) }
    switch -r {
    case E_AGAIN: e = poll_runtime_pollWait(pd, pollRead)
    case E_INTR: break
    // Gone before we came to it; the next one may not be.
    case E_CONNABORTED: break
    default: return Int(r)
    }
  }
  return -Int(e)
}

/// fdclose ends all operations and returns when the descriptor is closed.
private func fdclose(_ pd: PollDescPtr) {
  if !fdincrefAndClose(pd) { return }
  // Go: pollDesc.evict.
  poll_runtime_pollUnblock(pd)
  fddecref(pd)
  // Those who were parked are the last to leave: until then a port is in use.
  semacquire(csema(pd))
}

private func fddestroy(_ pd: PollDescPtr) {
  poll_runtime_pollClose(pd)
  semrelease(csema(pd))
}

/// fddispose is for the object that owns pd and goes away. Can be executed on any
/// thread, since a value may be released anywhere.
private func fddispose(_ pd: PollDescPtr) {
  if pd[].fd >= 0 { poll_runtime_pollClose(pd) }
  pollfree(pd)
}

/// fdown turns a new descriptor into a PollDesc, and closes it if that fails.
private func fdown(_ fd: Int32) -> (pd: PollDescPtr?, error: Int) {
  if fd < 0 { return (nil, Int(fd)) }
  let (pd, e) = poll_runtime_pollOpen(fd)
  if pd == nil { netclose(fd) }
  return (pd, -Int(e))
}

// MARK: - Connecting

/// The most addresses of a name that are tried.
private let maxAddresses = 8

/// resolve fills out with the addresses of host and returns how many.
private func resolve(
  _ host: String,
  _ port: Int,
  listening: Bool,
  _ out: UnsafeMutableBufferPointer<netaddr>,
) -> Int {
  guard let port = UInt16(exactly: port) else { return -Int(E_INVAL) }
  let first = out.baseAddress.unsafelyUnwrapped
  let count = Int32(out.count)
  let kind: Int32 = listening ? 1 : 0
  return host.withCString { name in
    let n = netparse(name, port, kind, first, count)
    if n != 0 { return Int(n) }
    entersyscall()
    let r = netlookup(name, port, kind, first, count)
    exitsyscall()
    return Int(r)
  }
}

/// listenTCP listens at the first address of host that can be listened at.
private func listenTCP(_ host: String, _ port: Int) -> (pd: PollDescPtr?, error: Int) {
  withUnsafeTemporaryAllocation(of: netaddr.self, capacity: maxAddresses) { out in
    let n = resolve(host, port, listening: true, out)
    if n < 0 { return (nil, n) }
    var fd = netlisten(out.baseAddress.unsafelyUnwrapped)
    // No IPv6 here: then every interface means every one of IPv4.
    if n > 1, fd == -E_AFNOSUPPORT || fd == -E_ADDRNOTAVAIL {
      fd = netlisten(out.baseAddress.unsafelyUnwrapped + 1)
    }
    return fdown(fd)
  }
}

/// dialSerial tries the addresses of host in turn, each with its share of the time
/// that is left; fails with the first one's error. timeout in nanoseconds; 0: none.
private func dialSerial(
  _ host: String, _ port: Int, _ timeout: Int64
) -> (pd: PollDescPtr?, error: Int) {
  if timeout < 0 { return (nil, -Int(E_TIMEDOUT)) }
  let deadline = timeout > 0 ? timerwhen(timeout) : 0
  return withUnsafeTemporaryAllocation(of: netaddr.self, capacity: maxAddresses) { out in
    let n = resolve(host, port, listening: false, out)
    if n < 0 { return (nil, n) }
    var error = 0
    for i in 0..<n {
      var share: Int64 = 0
      if deadline != 0 {
        let left = deadline - nanotime()
        if left <= 0 { return (nil, error != 0 ? error : -Int(E_TIMEDOUT)) }
        // Not so little that the address has no chance. Go: partialDeadline.
        share = min(left, max(left / Int64(n - i), 2_000_000_000))
      }
      let (pd, e) = dialTCP(out.baseAddress.unsafelyUnwrapped + i, share)
      if pd != nil { return (pd, 0) }
      if error == 0 { error = e }
    }
    return (nil, error)
  }
}

/// dialTCP connects to one address.
private func dialTCP(
  _ address: UnsafePointer<netaddr>, _ timeout: Int64
) -> (pd: PollDescPtr?, error: Int) {
  // A port of this machine at which nobody listens may be the one that the kernel
  // picks for our end; the two then connect to each other. Go: selfConnect.
  for attempt in 0..<3 {
    var pending: Int32 = 0
    let fd = netdial(address, &pending)
    let (opened, error) = fdown(fd)
    guard let pd = opened else { return (nil, error) }
    var e: Int32 = 0
    if pending != 0 {
      if timeout > 0 { poll_runtime_pollSetDeadline(pd, timeout, pollWrite) }
      repeat {
        e = poll_runtime_pollWait(pd, pollWrite)
        if e == 0 { e = -netdialed(fd) }
      } while e == E_INPROGRESS
      if timeout > 0 { poll_runtime_pollSetDeadline(pd, 0, pollWrite) }
    }
    let selfConnected = e == 0 && netisself(fd) != 0 && attempt < 2
    if e == 0, !selfConnected { return (pd, 0) }
    fddispose(pd)
    if e != 0 { return (nil, -Int(e)) }
  }
  throwFatal("dialTCP: unreachable")
}

// MARK: - TCP

/// Go: net.TCPListener. Several goroutines may accept.
public final class TCPListener: @unchecked Sendable {
  private let pd: PollDescPtr

  /// The port it listens at.
  public let port: Int

  /// Go: net.Listen. `host`: a number, a name, or empty for every interface. `port`
  /// 0: one that is free.
  public init(host: String = "127.0.0.1", port: Int = 0) throws {
    let gp = enterRuntime("TCPListener")
    let (opened, error) = listenTCP(host, port)
    exitRuntime(gp)
    guard let opened else { throw ioError(error, "listen") }
    pd = opened
    self.port = Int(netport(opened[].fd))
    opened[].owned = true
  }

  deinit { fddispose(pd) }

  /// Go: Listener.Accept. The next connection; it sends without delay.
  public func accept() throws -> TCPConnection {
    let gp = enterRuntime("TCPListener.accept")
    var (opened, error) = (nil as PollDescPtr?, fdaccept(pd))
    if error >= 0 { (opened, error) = fdown(Int32(error)) }
    exitRuntime(gp)
    withExtendedLifetime(self) {}
    guard let opened else { throw ioError(error, "accept") }
    return TCPConnection(opened)
  }

  /// Go: Listener.Close. Wakes those who accept, with EBADF; when it returns the port
  /// is free. Again: nothing.
  public func close() {
    let gp = enterRuntime("TCPListener.close")
    fdclose(pd)
    exitRuntime(gp)
    withExtendedLifetime(self) {}
  }
}

/// Go: net.TCPConn. Any goroutine may use it; each read and each write is a whole.
public final class TCPConnection: @unchecked Sendable {
  private let pd: PollDescPtr

  init(_ opened: PollDescPtr) {
    pd = opened
    opened[].owned = true
  }

  /// Go: net.DialTimeout. Looking up a name does not count towards the timeout's end,
  /// but uses it up.
  public init(host: String, port: Int, timeout: Duration? = nil) throws {
    let gp = enterRuntime("TCPConnection")
    let (opened, error) = dialSerial(host, port, deadlineDelay(timeout))
    exitRuntime(gp)
    guard let opened else { throw ioError(error, "connect") }
    pd = opened
    opened[].owned = true
  }

  deinit { fddispose(pd) }

  /// Go: Conn.Read. Parks until there is something, returns how much; 0: the end.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let gp = enterRuntime("TCPConnection.read")
    let n = fdread(pd, buffer, pipe: false)
    exitRuntime(gp)
    withExtendedLifetime(self) {}
    if n < 0 { throw ioError(n, "read") }
    return n
  }

  /// At most `count` bytes; none: the end.
  public func read(upTo count: Int) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: min(count, maxRW)) { buffer, n in
      n = try read(into: UnsafeMutableRawBufferPointer(buffer))
    }
  }

  /// Go: Conn.Write. Writes all of them, and parks while there is no room.
  public func write(_ bytes: UnsafeRawBufferPointer) throws {
    let gp = enterRuntime("TCPConnection.write")
    let r = fdwrite(pd, bytes, pipe: false)
    exitRuntime(gp)
    withExtendedLifetime(self) {}
    if r < 0 { throw ioError(r, "write") }
  }

  public func write(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { try write($0) }
  }

  public func write(_ text: String) throws {
    var text = text
    try text.withUTF8 { try write(UnsafeRawBufferPointer($0)) }
  }

  /// Go: Conn.SetDeadline. From then on, `duration` from this call, reads and writes
  /// fail with ETIMEDOUT, those in progress too. Nil: never.
  public func setDeadline(_ duration: Duration?) {
    let gp = enterRuntime("TCPConnection.setDeadline")
    poll_runtime_pollSetDeadline(pd, deadlineDelay(duration), pollRead | pollWrite)
    exitRuntime(gp)
    withExtendedLifetime(self) {}
  }

  /// Go: TCPConn.CloseWrite. The other end reads the end; reading goes on.
  public func closeWrite() {
    let gp = enterRuntime("TCPConnection.closeWrite")
    if fdincref(pd) {
      _ = netshutdown(pd[].fd)
      fddecref(pd)
    }
    exitRuntime(gp)
    withExtendedLifetime(self) {}
  }

  /// Go: Conn.Close. Wakes who reads or writes, with EBADF. Again: nothing.
  public func close() {
    let gp = enterRuntime("TCPConnection.close")
    fdclose(pd)
    exitRuntime(gp)
    withExtendedLifetime(self) {}
  }
}

/// deadlineDelay is a timeout in poll_runtime_pollSetDeadline's terms.
private func deadlineDelay(_ timeout: Duration?) -> Int64 {
  guard let timeout else { return 0 }
  let ns = timeout.inNanoseconds
  return ns <= 0 ? -1 : ns
}

// MARK: - Pipes

/// Go: os.Pipe. Both ends of a pipe of the kernel's.
public final class GoPipe: @unchecked Sendable {
  private let reader: PollDescPtr
  private let writer: PollDescPtr

  public init() throws {
    let gp = enterRuntime("GoPipe")
    let (r, w, error) = openPipe()
    exitRuntime(gp)
    guard let r, let w else { throw ioError(error, "pipe") }
    reader = r
    writer = w
    r[].owned = true
    w[].owned = true
  }

  deinit {
    fddispose(reader)
    fddispose(writer)
  }

  /// Parks until there is something, returns how much; 0: the end.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let gp = enterRuntime("GoPipe.read")
    let n = fdread(reader, buffer, pipe: true)
    exitRuntime(gp)
    withExtendedLifetime(self) {}
    if n < 0 { throw ioError(n, "read") }
    return n
  }

  /// Writes all of them, and parks while there is no room.
  public func write(_ bytes: UnsafeRawBufferPointer) throws {
    let gp = enterRuntime("GoPipe.write")
    let r = fdwrite(writer, bytes, pipe: true)
    exitRuntime(gp)
    withExtendedLifetime(self) {}
    if r < 0 { throw ioError(r, "write") }
  }

  public func write(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { try write($0) }
  }

  /// Wakes who reads, with EBADF; who writes gets EPIPE. Again: nothing.
  public func closeRead() {
    let gp = enterRuntime("GoPipe.closeRead")
    fdclose(reader)
    exitRuntime(gp)
    withExtendedLifetime(self) {}
  }

  /// Wakes who writes, with EBADF; who reads gets what is left, then the end. Again:
  /// nothing.
  public func closeWrite() {
    let gp = enterRuntime("GoPipe.closeWrite")
    fdclose(writer)
    exitRuntime(gp)
    withExtendedLifetime(self) {}
  }
}

private func openPipe() -> (PollDescPtr?, PollDescPtr?, error: Int) {
  withUnsafeTemporaryAllocation(of: Int32.self, capacity: 2) { fds in
    let r = netpipe(fds.baseAddress.unsafelyUnwrapped)
    if r < 0 { return (nil, nil, Int(r)) }
    let (reader, e1) = fdown(fds[0])
    guard let reader else {
      netclose(fds[1])
      return (nil, nil, e1)
    }
    let (writer, e2) = fdown(fds[1])
    if writer == nil { fddispose(reader) }
    return (reader, writer, e2)
  }
}

// MARK: - Any descriptor

/// Parks until `fd` can be read from without blocking, at its end and after an error
/// too. Any descriptor that can be polled; a regular file always can be read.
public func waitReadable(_ fd: Int32, timeout: Duration? = nil) throws {
  let gp = enterRuntime("waitReadable")
  let e = waitfd(fd, pollRead, deadlineDelay(timeout))
  exitRuntime(gp)
  if e != 0 { throw IOError(errno: e, operation: "waitReadable") }
}

/// Parks until `fd` can be written to without blocking, or after an error.
public func waitWritable(_ fd: Int32, timeout: Duration? = nil) throws {
  let gp = enterRuntime("waitWritable")
  let e = waitfd(fd, pollWrite, deadlineDelay(timeout))
  exitRuntime(gp)
  if e != 0 { throw IOError(errno: e, operation: "waitWritable") }
}

/// waitfd waits for a descriptor of somebody else's; returns an errno.
private func waitfd(_ fd: Int32, _ mode: Int32, _ timeout: Int64) -> Int32 {
  let ready = netready(fd, mode == pollWrite ? 1 : 0)
  if ready != 0 { return ready < 0 ? -ready : 0 }
  if timeout < 0 { return E_TIMEDOUT }
  let copy = netdup(fd)
  if copy < 0 { return -copy }
  let (opened, error) = poll_runtime_pollOpen(copy)
  guard let pd = opened else {
    netclose(copy)
    // epoll does not take it: then it never blocks.
    return error == E_PERM ? 0 : error
  }
  if timeout > 0 { poll_runtime_pollSetDeadline(pd, timeout, mode) }
  let e = poll_runtime_pollWait(pd, mode)
  if timeout > 0 { poll_runtime_pollSetDeadline(pd, 0, mode) }
  fddispose(pd)
  return e == E_PERM ? 0 : e
}
