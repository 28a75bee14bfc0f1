// SPDX-License-Identifier: Apache-2.0
//
// TCP and pipes, as programs see them.                  Go: src/net/*.go
//
// An IOError says ETIMEDOUT where a deadline passed, EBADF after `close`, EPIPE where
// the reader of what is written is gone.
//
// Invariants:
//   A PollDesc belongs to its object until that is released, closed or not, and the
//   object is released by nobody while an operation runs.
//   A descriptor of somebody else's is never registered: waitReadable duplicates
//   it, so each waiter has a PollDesc and a registration of its own.

import CLinux
import Synchronization

@inline(never)
private func ioError(_ negative: Int, _ operation: String) -> IOError {
  IOError(errno: Int32(-negative), operation: operation)
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
  return e
}
