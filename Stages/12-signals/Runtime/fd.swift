// SPDX-License-Identifier: Apache-2.0
//
// Descriptors: who may use one when, and what is done with it.
//                       Go: src/internal/poll/fd_mutex.go, fd_unix.go, src/net
//
// Invariants:
//   A descriptor is used only with a reference to it, counted in its FDMutex, and
//   its number is given back to the kernel only when it is closed and the last
//   reference is gone: no operation can hit a stranger that got the same number.
//   Of those who read one is in the system call or parked, of those who write
//   likewise; the others sleep in the FDMutex.

import CLinux
import Synchronization

// The bits of state: it is closed; reading is locked, writing is locked; 20 bits of
// references; 20 of goroutines that wait to read, 20 of such that wait to write.

let mutexClosed: UInt64 = 1 << 0
let mutexRLock: UInt64 = 1 << 1
let mutexWLock: UInt64 = 1 << 2
let mutexRef: UInt64 = 1 << 3
let mutexRefMask: UInt64 = (1 << 20 - 1) << 3
let mutexRWait: UInt64 = 1 << 23
let mutexRMask: UInt64 = (1 << 20 - 1) << 23
let mutexWWait: UInt64 = 1 << 43
let mutexWMask: UInt64 = (1 << 20 - 1) << 43

/// Go: poll.fdMutex. Part of a PollDesc.
struct FDMutex: ~Copyable {
  let state = Atomic<UInt64>(0)

  /// Where those sleep who wait to read, to write, for the end of closing.
  var rsema = Sema()
  var wsema = Sema()
  var csema = Sema()

  init() {}
}

func rsema(_ pd: PollDescPtr) -> SemaPtr {
  withUnsafeMutablePointer(to: &pd[].fdmu.rsema) { SemaPtr($0) }
}

func wsema(_ pd: PollDescPtr) -> SemaPtr {
  withUnsafeMutablePointer(to: &pd[].fdmu.wsema) { SemaPtr($0) }
}

func csema(_ pd: PollDescPtr) -> SemaPtr {
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
func fdincref(_ pd: PollDescPtr) -> Bool {
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
func fdincrefAndClose(_ pd: PollDescPtr) -> Bool {
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
func fddecref(_ pd: PollDescPtr) {
  // release: what was done with it is done; acquire: by everybody, for the last one.
  let new = pd[].fdmu.state.wrappingSubtract(
    mutexRef, ordering: .acquiringAndReleasing
  ).newValue
  if new & (mutexClosed | mutexRefMask) == mutexClosed { fddestroy(pd) }
}

/// fdrwlock takes a reference and the right to operate in direction mode; false: it
/// is closed. Go: fdMutex.rwlock.
@inline(__always)
func fdrwlock(_ pd: PollDescPtr, _ mode: Int32) -> Bool {
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
func fdrwlockslow(_ pd: PollDescPtr, _ mode: Int32) -> Bool {
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
func fdrwunlock(_ pd: PollDescPtr, _ mode: Int32) {
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
func fdoverflow() -> Never {
  gopanic("too many concurrent operations on a single file or socket (max 1048575)")
}

// Operations. Those that return an Int return a negative errno on failure.

/// More is not asked of one system call. Go: maxRW.
let maxRW = 1 << 30

/// fdread reads what there is, or parks until there is something; 0: the end.
@inline(__always)
func fdread(
  _ pd: PollDescPtr, _ buffer: UnsafeMutableRawBufferPointer, pipe: Bool
) -> Int {
  if !fdrwlock(pd, pollRead) { return -Int(E_BADF) }
  let r = fdreadlocked(pd, buffer, pipe: pipe)
  fdrwunlock(pd, pollRead)
  return r
}

@inline(__always)
func fdreadlocked(
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
func fdwrite(
  _ pd: PollDescPtr, _ buffer: UnsafeRawBufferPointer, pipe: Bool
) -> Int {
  if !fdrwlock(pd, pollWrite) { return -Int(E_BADF) }
  let r = fdwritelocked(pd, buffer, pipe: pipe)
  fdrwunlock(pd, pollWrite)
  return r
}

@inline(__always)
func fdwritelocked(
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
func fdaccept(_ pd: PollDescPtr) -> Int {
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
    // Said by the kernel before it looks whether anybody is there. If nobody is it is no
    // news, and who accepts in a loop would hear it all the time.
    case E_MFILE, E_NFILE:
      if netready(pd[].fd, 0) != 0 { return Int(r) }
      e = poll_runtime_pollWait(pd, pollRead)
    default: return Int(r)
    }
  }
  return -Int(e)
}

/// fdclose ends all operations and returns when the descriptor is closed.
func fdclose(_ pd: PollDescPtr) {
  if !fdincrefAndClose(pd) { return }
  // Go: pollDesc.evict.
  poll_runtime_pollUnblock(pd)
  fddecref(pd)
  // Those who were parked are the last to leave: until then a port is in use.
  semacquire(csema(pd))
}

func fddestroy(_ pd: PollDescPtr) {
  poll_runtime_pollClose(pd)
  semrelease(csema(pd))
}

/// fddispose is for the object that owns pd and goes away. Can be executed on any
/// thread, since a value may be released anywhere.
func fddispose(_ pd: PollDescPtr) {
  if pd[].fd >= 0 { poll_runtime_pollClose(pd) }
  pollfree(pd)
}

/// fdown turns a new descriptor into a PollDesc, and closes it if that fails.
func fdown(_ fd: Int32) -> (pd: PollDescPtr?, error: Int) {
  if fd < 0 { return (nil, Int(fd)) }
  let (pd, e) = poll_runtime_pollOpen(fd)
  if pd == nil { netclose(fd) }
  return (pd, -Int(e))
}

// MARK: - Connecting

/// The most addresses of a name that are tried.
let maxAddresses = 8

/// resolve fills out with the addresses of host and returns how many.
func resolve(
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
func listenTCP(_ host: String, _ port: Int) -> (pd: PollDescPtr?, error: Int) {
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
func dialSerial(
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
func dialTCP(
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
