// SPDX-License-Identifier: Apache-2.0
//
// Deadlines of reads and writes.                      Go: src/runtime/netpoll.go
//
// A timer per direction, or one for both, which marks the direction as expired and
// wakes who waits there. A deadline that is changed changes its sequence number, so
// that a timer that fires late does nothing.

import Synchronization

/// poll_runtime_pollSetDeadline sets the deadline of the directions in mode to d
/// nanoseconds from here; 0: none, negative: passed.
func poll_runtime_pollSetDeadline(_ pd: PollDescPtr, _ d: Int64, _ mode: Int32) {
  lock(pd[].lock)
  if pd[].closing {
    unlock(pd[].lock)
    return
  }
  let rd0 = pd[].rd
  let wd0 = pd[].wd
  let combo0 = rd0 > 0 && rd0 == wd0
  let when = d > 0 ? timerwhen(d) : d
  if mode & pollRead != 0 { pd[].rd = when }
  if mode & pollWrite != 0 { pd[].wd = when }
  publishInfo(pd)

  let combo = pd[].rd > 0 && pd[].rd == pd[].wd
  if !pd[].rrun || pd[].rd != rd0 || combo != combo0 {
    // Whatever is firing must not.
    pd[].rseq &+= 1
    if pd[].rd > 0 {
      let f: TimerFunc = combo ? netpollDeadline : netpollReadDeadline
      pd[].rt = pollstartTimer(pd[].rt, pd[].rd, f, pd, pd[].rseq)
      pd[].rrun = true
    } else if pd[].rrun {
      _ = timerstop(pd[].rt.unsafelyUnwrapped)
      pd[].rrun = false
    }
  }
  if !pd[].wrun || pd[].wd != wd0 || combo != combo0 {
    pd[].wseq &+= 1
    if pd[].wd > 0 && !combo {
      pd[].wt = pollstartTimer(pd[].wt, pd[].wd, netpollWriteDeadline, pd, pd[].wseq)
      pd[].wrun = true
    } else if pd[].wrun {
      _ = timerstop(pd[].wt.unsafelyUnwrapped)
      pd[].wrun = false
    }
  }

  // A deadline in the past ends what waits.
  netpollunblock(
    pd, (pd[].rd < 0 ? pollRead : 0) | (pd[].wd < 0 ? pollWrite : 0), unlocking: true)
}

private func pollstartTimer(
  _ timer: TimerPtr?, _ when: Int64, _ f: TimerFunc, _ pd: PollDescPtr, _ seq: UInt
) -> TimerPtr {
  let t = timer ?? TimerPtr(allocating: Timer(kind: .deadline, f: f, arg: pd.raw))
  _ = timermodify(t, when, 0, f, pd.raw, seq)
  return t
}

/// polldropDeadlines ends both deadlines and stops their timers. pd.lock must be held.
func polldropDeadlines(_ pd: PollDescPtr) {
  pd[].rd = 0
  pd[].wd = 0
  pd[].rseq &+= 1
  pd[].wseq &+= 1
  if pd[].rrun { _ = timerstop(pd[].rt.unsafelyUnwrapped) }
  if pd[].wrun { _ = timerstop(pd[].wt.unsafelyUnwrapped) }
  pd[].rrun = false
  pd[].wrun = false
}

/// netpolldeadlineimpl ends the waits of the directions in mode, whose deadline, if
/// seq is still the current one, has passed.
private func netpolldeadlineimpl(
  _ arg: UnsafeMutableRawPointer?, _ seq: UInt, _ mode: Int32
) {
  let pd = PollDescPtr(arg.unsafelyUnwrapped)
  lock(pd[].lock)
  if seq != (mode & pollRead != 0 ? pd[].rseq : pd[].wseq) {
    unlock(pd[].lock)
    return
  }
  if mode & pollRead != 0 {
    if pd[].rd <= 0 || !pd[].rrun { throwFatal("inconsistent read deadline") }
    pd[].rd = -1
  }
  if mode & pollWrite != 0 {
    if pd[].wd <= 0 || !pd[].wrun && mode & pollRead == 0 {
      throwFatal("inconsistent write deadline")
    }
    pd[].wd = -1
  }
  publishInfo(pd)
  netpollunblock(pd, mode, unlocking: true)
}

private func netpollDeadline(
  _ arg: UnsafeMutableRawPointer?, _ seq: UInt, _ delay: Int64
) {
  netpolldeadlineimpl(arg, seq, pollRead | pollWrite)
}

private func netpollReadDeadline(
  _ arg: UnsafeMutableRawPointer?, _ seq: UInt, _ delay: Int64
) {
  netpolldeadlineimpl(arg, seq, pollRead)
}

private func netpollWriteDeadline(
  _ arg: UnsafeMutableRawPointer?, _ seq: UInt, _ delay: Int64
) {
  netpolldeadlineimpl(arg, seq, pollWrite)
}
