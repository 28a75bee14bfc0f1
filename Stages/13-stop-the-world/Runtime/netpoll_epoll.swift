// SPDX-License-Identifier: Apache-2.0
//
// Asking the kernel who is ready.               Go: src/runtime/netpoll_epoll.go
//
// One epoll descriptor for the process. One M at a time waits in it; others only
// look. An eventfd among the descriptors ends the wait, for a timer that became due
// earlier, or for work.

import CLinux
import Synchronization

struct Netpoll: ~Copyable {
  // Fixed once inited is true.

  var epfd: Int32 = -1

  /// Written to by netpollBreak.
  var eventfd: Int32 = -1

  // Atomic.

  let inited = Atomic(false)

  /// eventfd has been written to, and not yet read.
  let wakeSig = Atomic(false)

  /// Goroutines parked on an rg or wg.
  let waiters = Atomic<Int32>(0)

  // Held while the first user sets it up.

  let initLock = Mutex()
}

let netpollstate = Ptr(allocating: Netpoll())

/// netpollGenericInit sets up the poller unless it is.
func netpollGenericInit() {
  if netpollinited() { return }
  let e = netpollinit()
  if e == 0 { return }
  let error = IOError(errno: e, operation: "runtime: cannot open the poller")
  fatal("netpollinit failed", after: error.description)
}

/// netpollinited reports whether there is a poller.
@inline(__always)
func netpollinited() -> Bool {
  // acquire: the descriptors are seen.
  netpollstate[].inited.load(ordering: .acquiring)
}

/// netpollinit opens the poller's own descriptors unless they are; returns an errno.
@inline(never)
func netpollinit() -> Int32 {
  let np = netpollstate
  lock(np[].initLock)
  defer { unlock(np[].initLock) }
  if netpollinited() { return 0 }
  let epfd = epollcreate()
  if epfd < 0 { return -epfd }
  let efd = eventfd_()
  if efd < 0 {
    netclose(epfd)
    return -efd
  }
  let r = epolladdlevel(epfd, efd, 0)
  if r < 0 { throwFatal("netpollinit: epoll_ctl failed") }
  np[].epfd = epfd
  np[].eventfd = efd
  // release: the descriptors are seen.
  np[].inited.store(true, ordering: .releasing)
  return 0
}

/// netpollopen registers fd; returns 0 or a negative errno.
func netpollopen(_ fd: Int32, _ pd: PollDescPtr) -> Int32 {
  let address = UInt64(UInt(bitPattern: pd.raw))
  if address & 15 != 0 || address >> 48 != 0 { throwFatal("netpollopen: address") }
  let tag = UInt64(pd[].fdseq.load(ordering: .relaxed))
  return netpolladd(netpollstate[].epfd, fd, address << 16 | tag)
}

/// netpollBreak ends a blocking netpoll, this one or the next.
func netpollBreak() {
  if !netpollinited() { return }
  // A wake-up that is under way will do. seq-cst: what the poller is to see comes
  // before; it is cleared before the poller looks.
  if !netpollstate[].wakeSig.compareExchange(
    expected: false, desired: true, ordering: .sequentiallyConsistent
  ).exchanged {
    return
  }
  var one: UInt64 = 1
  let n = write_(netpollstate[].eventfd, &one, 8)
  // EAGAIN: the counter is full, so the poller will wake.
  if n != 8, n != -Int64(E_AGAIN) { throwFatal("netpollBreak: write failed") }
}

/// netpoll asks the kernel for events: delay < 0 waits for one, 0 does not wait, > 0
/// waits so many nanoseconds. Returns the goroutines that can go on, and what to add
/// to the waiters once they are runnable. Runs on g0.
func netpoll(_ delay: Int64) -> (list: GList, delta: Int32) {
  var toRun = GList()
  var delta: Int32 = 0
  if !netpollinited() { return (toRun, delta) }
  if tracing { traceevent(.pollBegin, detail: delay == 0 ? 0 : 1) }
  var events = InlineArray<128, epollevent>(repeating: epollevent())
  let count: Int32 = 128
  var span = events.mutableSpan
  span.withUnsafeMutableBufferPointer { events in
    let ev = events.baseAddress.unsafelyUnwrapped
    var n = epollwait(netpollstate[].epfd, ev, count, delay)
    while n < 0 {
      if n != -E_INTR { throwFatal("netpoll: epoll_wait failed") }
      // How long to sleep is to be worked out again.
      if delay > 0 { return }
      n = epollwait(netpollstate[].epfd, ev, count, delay)
    }
    for i in 0..<Int(n) {
      if ev[i].data == 0 {
        if delay != 0 { netpollconsume() }
      } else {
        netpollevent(ev[i], &toRun, &delta)
      }
    }
  }
  if tracing { traceevent(.pollEnd, arg: UInt32(toRun.size)) }
  return (toRun, delta)
}

/// netpollconsume takes up a wake-up of netpollBreak. Only who blocks does: else one
/// that polls in passing would take it away from the sleeper it is for.
private func netpollconsume() {
  var value: UInt64 = 0
  _ = piperead(netpollstate[].eventfd, &value, 8)
  // seq-cst: see netpollBreak.
  netpollstate[].wakeSig.store(false, ordering: .sequentiallyConsistent)
}

/// netpollevent applies one event.
@inline(__always)
private func netpollevent(
  _ ev: epollevent, _ toRun: inout GList, _ delta: inout Int32
) {
  let both = UInt32(EPOLL_HUP) | UInt32(EPOLL_ERR)
  let input = UInt32(EPOLL_IN) | UInt32(EPOLL_RDHUP) | EPOLL_PRI | both
  var mode: Int32 = 0
  if ev.events & input != 0 { mode |= pollRead }
  if ev.events & (UInt32(EPOLL_OUT) | both) != 0 { mode |= pollWrite }
  if mode == 0 { return }
  let pd = PollDescPtr(
    UnsafeMutableRawPointer(bitPattern: UInt(ev.data >> 16) & ~15).unsafelyUnwrapped)
  let tag = UInt32(truncatingIfNeeded: ev.data) & pollFDSeqMask
  // acquire: pairs with pollfree.
  if pd[].fdseq.load(ordering: .acquiring) != tag { return }

  // Before the goroutine can look.
  let ends = ev.events & (input & ~UInt32(EPOLL_IN)) != 0
  if ends { setEventBits(pd, tag) }
  netpollready(&toRun, pd, mode, &delta)
}

/// setEventBits records what an event says beside being ready: that the input may end.
/// Go: setEventErr. There an event of nothing but an error fails reads as "not
/// pollable". A connection that is being reset looks so for a moment, and the next
/// read, of whoever the event made ready, says it better.
@inline(__always)
private func setEventBits(_ pd: PollDescPtr, _ tag: UInt32) {
  var x = pd[].atomicInfo.load(ordering: .relaxed)
  while x >> pollFDSeq & pollFDSeqMask == tag {
    let y = x | pollInputEnds
    if x == y { return }
    // release: it comes before the report in rg.
    let (done, found) = pd[].atomicInfo.compareExchange(
      expected: x, desired: y, ordering: .acquiringAndReleasing)
    if done { return }
    x = found
  }
}
