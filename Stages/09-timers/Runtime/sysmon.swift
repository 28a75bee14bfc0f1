// SPDX-License-Identifier: Apache-2.0
//
// The watchman, and what it prints.                      Go: src/runtime/proc.go
//
// sysmon has a thread of its own and no P. It looks every 20 us to 10 ms, the more
// rarely the less there is to do, and sleeps while all Ps are idle.

import CLinux
import Synchronization

/// wakesysmon ends sysmon's deep sleep. sched.lock must be held.
func wakesysmon() {
  if sched[].sysmonwait.load(ordering: .relaxed) {
    sched[].sysmonwait.store(false, ordering: .relaxed)
    notewakeup(sched[].sysmonnote)
  }
}

/// sysmon runs on an M of its own, without a P, and looks after what nobody else does.
let sysmon: @convention(c) () -> Void = {
  lock(sched[].lock)
  sched[].nmsys += 1
  checkdead()
  unlock(sched[].lock)
  var idle = 0
  var delay: Int64 = 0
  var lasttrace: Int64 = 0
  while true {
    if idle == 0 {
      delay = 20_000
    } else if idle > 50 {
      delay *= 2
    }
    if delay > 10_000_000 { delay = 10_000_000 }
    if sysmonnap(delay) { idle = 0 }
    var now = nanotime()
    if debug[].schedtrace <= 0, allIdle() {
      lock(sched[].lock)
      if allIdle() {
        let next = timeSleepUntil()
        var deep: Int64 = 60_000_000_000
        if next != 0 { deep = min(deep, max(0, next - now)) }
        sched[].sysmonwait.store(true, ordering: .relaxed)
        unlock(sched[].lock)
        _ = notetsleep(sched[].sysmonnote, deep)
        lock(sched[].lock)
        sched[].sysmonwait.store(false, ordering: .relaxed)
        noteclear(sched[].sysmonnote)
        idle = 0
        delay = 20_000
      }
      unlock(sched[].lock)
    }
    now = nanotime()
    // A timer is overdue, perhaps since all Ps are in loops: start another M.
    let next = timeSleepUntil()
    if next != 0, next < now, !sched[].ending {
      startm(nil, spinning: false, lockheld: false)
    }
    if retake(now) != 0 { idle = 0 } else { idle += 1 }
    if debug[].schedtrace > 0, (now - lasttrace) / 1_000_000 >= debug[].schedtrace {
      lasttrace = now
      schedtrace(detailed: debug[].scheddetail)
    }
  }
}

/// Sleeps between two rounds; whether it was poked. With all Ps busy it wakes early
/// for a timer, which nobody else may be awake to see.
private func sysmonnap(_ delay: Int64) -> Bool {
  var delay = delay
  if delay > 50_000, sched[].npidle.load(ordering: .relaxed) == 0 {
    let next = timeSleepUntil()
    if next != 0 { delay = max(50_000, min(delay, next - nanotime())) }
  }
  if delay < 100_000 {
    usleep_ns(delay)
    return false
  }
  sched[].sysmonnap.store(1, ordering: .sequentiallyConsistent)
  sleepOn(sched[].sysmonnap, 1, delay)
  return sched[].sysmonnap.exchange(0, ordering: .sequentiallyConsistent) == 0
}

/// pokesysmon ends a nap.
func pokesysmon() {
  if sched[].sysmonnap.exchange(0, ordering: .sequentiallyConsistent) == 1 {
    wakeOn(sched[].sysmonnap)
  }
}

private func allIdle() -> Bool {
  sched[].gcwaiting.load(ordering: .relaxed)
    || sched[].npidle.load(ordering: .relaxed)
      == sched[].gomaxprocs.load(ordering: .relaxed)
}

/// The earliest timer of all Ps, or 0.
private func timeSleepUntil() -> Int64 {
  var next: Int64 = 0
  for i in 0..<sched[].gomaxprocs.load(ordering: .acquiring) {
    guard let pp = allp[][i] else { break }
    let w = timerswakeTime(pp)
    if w != 0, next == 0 || w < next { next = w }
  }
  return next
}

/// retake takes Ps from system calls; returns how many.
private func retake(_ now: Int64) -> Int {
  var n = 0
  for i in 0..<sched[].gomaxprocs.load(ordering: .acquiring) {
    guard let pp = allp[][i] else { break }
    let s = pp[].status.load(ordering: .acquiring)
    if s == .syscall {
      let t = pp[].syscalltick.load(ordering: .relaxed)
      if pp[].sysmontick.syscalltick != t {
        pp[].sysmontick.syscalltick = t
        pp[].sysmontick.syscallwhen = now
        continue
      }
      // Nobody needs it, and it is not long: leave it, so that the call stays cheap.
      if runqempty(pp),
        sched[].nmspinning.load(ordering: .relaxed)
          + sched[].npidle.load(ordering: .relaxed) > 0,
        pp[].sysmontick.syscallwhen + 10_000_000 > now
      {
        continue
      }
      // Pretend that an M more runs, lest the one that gets the P and goes idle at
      // once find a deadlock.
      incidlelocked(-1)
      if pp[].status.compareExchange(
        expected: .syscall, desired: .idle, ordering: .acquiringAndReleasing
      ).exchanged {
        n += 1
        if tracing { traceevent(.retake, arg: UInt32(pp[].id)) }
        pp[].syscalltick.store(
          pp[].syscalltick.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
        handoffp(pp)
      }
      incidlelocked(1)
    }
  }
  return n
}

// GODEBUG=schedtrace.

/// schedtrace prints the scheduler's state in Go's format.
func schedtrace(detailed: Bool) {
  let now = nanotime()
  lock(sched[].lock)
  var line = Line()
  line.put("SCHED ")
  line.put((now - starttime()) / 1_000_000)
  line.put("ms: gomaxprocs=")
  let procs = sched[].gomaxprocs.load(ordering: .relaxed)
  line.put(Int64(procs))
  line.put(" idleprocs=")
  line.put(Int64(sched[].npidle.load(ordering: .relaxed)))
  line.put(" threads=")
  line.put(Int64(mcount()))
  line.put(" spinningthreads=")
  line.put(Int64(sched[].nmspinning.load(ordering: .relaxed)))
  line.put(" needspinning=")
  line.put(Int64(sched[].needspinning.load(ordering: .relaxed)))
  line.put(" idlethreads=")
  line.put(Int64(sched[].nmidle))
  line.put(" runqueue=")
  line.put(Int64(sched[].runq.size))
  if detailed {
    line.put(" gcwaiting=")
    line.put(sched[].gcwaiting.load(ordering: .relaxed) ? "true" : "false")
    line.put(" nmidlelocked=")
    line.put(Int64(sched[].nmidlelocked))
    line.put(" stopwait=")
    line.put(Int64(sched[].stopwait))
    line.put(" sysmonwait=")
    line.put(sched[].sysmonwait.load(ordering: .relaxed) ? "true" : "false")
    line.end(.standardError)
  }
  for i in 0..<procs {
    guard let pp = allp[][i] else { continue }
    let h = pp[].runqhead.load(ordering: .acquiring)
    let t = pp[].runqtail.load(ordering: .acquiring)
    if detailed {
      schedtracep(pp, Int64(t &- h), &line)
    } else {
      line.put(i == 0 ? " [" : " ")
      line.put(Int64(t &- h))
      if i == procs - 1 { line.put("]") }
    }
  }
  if detailed {
    schedtracemg(&line)
  } else {
    line.put(" schedticks=[")
    for i in 0..<procs {
      guard let pp = allp[][i] else { continue }
      if i > 0 { line.put(" ") }
      line.put(UInt64(pp[].schedtick.load(ordering: .relaxed)))
    }
    line.put("]")
    line.end(.standardError)
  }
  unlock(sched[].lock)
}

private func schedtracep(_ pp: PPtr, _ queued: Int64, _ line: inout Line) {
  line.put("  P")
  line.put(Int64(pp[].id))
  line.put(": status=")
  line.put(Int64(pp[].status.load(ordering: .relaxed).rawValue))
  line.put(" schedtick=")
  line.put(UInt64(pp[].schedtick.load(ordering: .relaxed)))
  line.put(" syscalltick=")
  line.put(UInt64(pp[].syscalltick.load(ordering: .relaxed)))
  line.put(" m=")
  if let mp = pp[].m.load(ordering: .relaxed) {
    line.put(mp[].id)
  } else {
    line.put("nil")
  }
  line.put(" runqsize=")
  line.put(queued)
  line.put(" gfreecnt=")
  line.put(Int64(racyload(addressOf(&pp[].gFree.size))))
  line.put(" timerslen=")
  line.put(Int64(pp[].timers.len.load(ordering: .relaxed)))
  line.end(.standardError)
}

private func schedtracemg(_ line: inout Line) {
  var mp = allm[].head.load(ordering: .acquiring)
  while let m = mp {
    mp = m[].alllink
    if m[].procid.load(ordering: .relaxed) == 0 { continue }
    line.put("  M")
    line.put(m[].id)
    line.put(": p=")
    if let p = racyload(addressOf(&m[].p)) {
      line.put(Int64(p[].id))
    } else {
      line.put("nil")
    }
    line.put(" curg=")
    if let g = m[].curg.load(ordering: .relaxed) {
      line.put(racyload(addressOf(&g[].goid)))
    } else {
      line.put("nil")
    }
    line.put(" locks=")
    line.put(Int64(racyload(addressOf(&m[].locks))))
    line.put(" dying=0 spinning=")
    line.put(racyload(addressOf(&m[].spinning)) ? "true" : "false")
    line.put(" blocked=")
    line.put(
      racyload(addressOf(&m[].p)) == nil && m[].curg.load(ordering: .relaxed) == nil
        ? "true" : "false")
    line.put(" lockedg=")
    if let g = racyload(addressOf(&m[].lockedg)) {
      line.put(racyload(addressOf(&g[].goid)))
    } else {
      line.put("nil")
    }
    line.end(.standardError)
  }
  // Copied: a closure may not capture an inout noncopyable line.
  forEachG { gp in
    let status = gp[].atomicstatus.load(ordering: .relaxed)
    if status == .dead { return }
    var line = Line()
    line.put("  G")
    line.put(racyload(addressOf(&gp[].goid)))
    line.put(": status=")
    line.put(Int64(status.rawValue))
    line.put("(")
    if status == .waiting { line.put(racyload(addressOf(&gp[].waitreason)).text) }
    line.put(") m=")
    if let m = racyload(addressOf(&gp[].m)) { line.put(m[].id) } else { line.put("nil") }
    line.put(" lockedm=")
    if let m = racyload(addressOf(&gp[].lockedm)) {
      line.put(m[].id)
    } else {
      line.put("nil")
    }
    line.end(.standardError)
  }
}
