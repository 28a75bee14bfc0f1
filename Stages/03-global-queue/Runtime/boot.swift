// SPDX-License-Identifier: Apache-2.0
//
// The life of a run.              Go: src/runtime/proc.go (schedinit, main), asm rt0
//
// run makes the main goroutine and enters the scheduler; when the main goroutine
// returns, what is left is abandoned, and a switch leads back to run's own frame.

import CLinux
import Synchronization

/// What run was asked to do, and how it ended.
final class Program: @unchecked Sendable {
  let main: () throws -> Void

  // Written by the main goroutine, read by run's caller after it.

  var error: (any Error)? = nil

  init(main: @escaping () throws -> Void) {
    self.main = main
  }
}

/// Held while some thread is in run; and what is done once.
struct Boot: ~Copyable {
  let running = Atomic(false)

  // Owned by whoever holds running.

  var initialized = false

  var maxprocs: Int32 = 1

  /// The main goroutine has returned, and not by goexit: the run is over.
  var mainreturned = false

  /// Others were left then, and are abandoned.
  var abandoned = false
}

let boot = Ptr(allocating: Boot())

/// Runs a program on the calling thread.
func runprogram(_ program: Program, procs: Int?) throws {
  if getgOrNil() != nil {
    fatal("run called inside a goroutine; it is already running")
  }
  guard
    boot[].running.compareExchange(
      expected: false, desired: true, ordering: .acquiring
    ).exchanged
  else {
    fatal("run called while another thread is in run")
  }
  // The calling thread becomes m0, and its stack that of g0.
  let mp = m0
  setg(mp[].g0)
  minit(mp)
  mp[].g0[].sched.fiber = fiberCreate(0, 0)
  traceFromEnvironment()
  // The caller's accesses in progress are none of the goroutines'.
  let accesses = mp[].accessesAddress?.pointee ?? 0
  mp[].accessesAddress?.pointee = 0
  if tracing {
    tracerun()
    tracecounters()
  }
  schedinit(procs)
  newproc({ try runmain(program) }, entry: mainstart)
  asmrt0(mp[].rt0g, mp[].g0, mstart0)
  // Here when the main goroutine has returned: see rundone.
  setg(mp[].g0)
  mp[].accessesAddress?.pointee = accesses
  if tracing { traceevent(.runEnd) }
  fiberDestroy(mp[].g0[].sched.fiber)
  unminit(mp)
  setg(nil)
  if boot[].abandoned { releasefns() }
  boot[].running.store(false, ordering: .releasing)
  if let error = program.error { throw error }
}

private let mstart0: GFunc = { _ in schedule() }

/// schedinit prepares the world, stopped since the process began or since the last
/// run ended, and starts it.
private func schedinit(_ procs: Int?) {
  lock(sched[].lock)
  let first = !boot[].initialized
  if first {
    boot[].initialized = true
    initonce()
    sched[].mnext += 1
  }
  let asked = procs.map { Int32(clamping: max(1, min($0, maxGomaxprocs))) }
  sched[].ending = false
  boot[].mainreturned = false
  sched[].gomaxprocs.store(asked ?? boot[].maxprocs, ordering: .relaxed)
  // m0's.
  sched[].mcpu.store(1, ordering: .relaxed)
  if first { debuginit() }
  sched[].gcwaiting.store(false, ordering: .sequentiallyConsistent)
  sched[].mainStarted.store(false, ordering: .relaxed)
  unlock(sched[].lock)
}

/// What is done once in a process.
private func initonce() {
  if membarrier_init() != 0 {
    fatal("membarrier(2) does not work here; Linux 4.14 or later is needed")
  }
  let g0 = m0[].g0
  if UnsafeMutableRawPointer(addressOf(&g0[].sudog)) != g0.raw + sudogOffset {
    throwFatal("schedinit: sudogOffset is wrong")
  }
  _ = guard_is_cheap()
  boot[].maxprocs = gomaxprocsFromEnvironment() ?? 1
}

/// The first frame of the main goroutine.
private let mainstart: GFunc = { raw in
  gorun(GPtr(raw))
  if !boot[].mainreturned { mcall(goexit0) }
  // Somebody is printing how the program ends: let it.
  if sched[].panicking.load(ordering: .relaxed) != 0 { gopark(nil, nil, .panicWait) }
  stopTheWorldG()
  mcall(rundone)
  fatalError("rundone returned")
}

/// The main goroutine. Go: runtime.main.
private func runmain(_ program: Program) throws {
  let gp = enterRuntime("run")
  sched[].mainStarted.store(true, ordering: .relaxed)
  exitRuntime(gp)
  do {
    try program.main()
  } catch let error as Goexit {
    throw error
  } catch {
    program.error = error
  }
  boot[].mainreturned = true
}

/// rundone ends a run: on g0 of the M that ran the main goroutine, with the world
/// stopped. Every other goroutine is abandoned.
private let rundone: GFunc = { raw in
  let main = GPtr(raw)
  let mp = getg()[].m.unsafelyUnwrapped
  mp[].locks -= 1
  boot[].abandoned = gcount() > 1
  if tracing { tracecounters() }
  lock(sched[].lock)
  sched[].ending = true
  let epoch = sched[].epoch.load(ordering: .relaxed)
  sched[].epoch.store(epoch &+ 1, ordering: .sequentiallyConsistent)
  sched[].goidgen.store(0, ordering: .relaxed)
  sched[].counters.spawns.store(0, ordering: .relaxed)
  sched[].counters.exits.store(0, ordering: .relaxed)
  sched[].runq.removeAll()
  sched[].runqsize.store(0, ordering: .relaxed)
  unlock(sched[].lock)
  // The main goroutine's M goes first: it has no goroutine any more.
  main[].waitreason = .zero
  casgstatus(main, .running, .waiting)
  main[].waiting = nil
  dropg(mp)
  if boot[].abandoned {
    forEachG { gp in if gp[].epoch == epoch { abandon(gp) } }
  } else {
    abandon(main)
  }
  sched[].mcpu.store(0, ordering: .relaxed)
  if mp == m0 { rundone2(mp) }
  lock(sched[].lock)
  m0[].rundone = true
  let asleep = takem0()
  unlock(sched[].lock)
  if asleep { notewakeup(m0[].park) }
  lock(sched[].lock)
  stopm(mp)
  schedule()
}

/// Takes a goroutine off everything it is on, and makes it dead.
private func abandon(_ gp: GPtr) {
  switch gp[].atomicstatus.load(ordering: .relaxed) {
  case .idle, .dead: return
  case .runnable, .running, .waiting: break
  }
  var sg = gp[].waiting
  while let s = sg {
    sg = s[].waitlink
    if s[].waitq != nil { waitqRemove(s) }
  }
  gp[].waiting = nil
  gp[].accesses = 0
  gp[].accesses2 = 0
  gp[].param = nil
  gp[].selectDone.store(0, ordering: .relaxed)
  gp[].schedlink = nil
  gp[].atomicstatus.store(.dead, ordering: .releasing)
  gfputglobal(gp)
}

/// What abandoned goroutines were to run and never began is released, where user
/// code may run.
private func releasefns() {
  forEachG { gp in
    if gp[].atomicstatus.load(ordering: .relaxed) == .dead { gp[].startfn = nil }
  }
}

/// Goroutines there are. Go: gcount.
func gcount() -> Int {
  let spawns = sched[].counters.spawns.load(ordering: .relaxed)
  return Int(Int64(bitPattern: spawns &- sched[].counters.exits.load(ordering: .relaxed)))
}

// The environment.

/// Reports a value that is not understood; it is then ignored.
func badenv(
  _ name: StaticString, _ value: UnsafePointer<CChar>, _ why: StaticString
) {
  var line = Line()
  line.put("runtime: ")
  line.put(name)
  line.put("=")
  line.put(cString: value)
  line.put(" ignored: ")
  line.put(why)
  line.end(.standardError)
}

/// GOTRACE=file: a trace of all runs, from the first on.
private func traceFromEnvironment() {
  if boot[].initialized || tracing { return }
  guard let path = getenv_("GOTRACE"), path.pointee != 0 else { return }
  let r = tracestart(path)
  if r == 0 { return }
  badenv("GOTRACE", path, r == -E_NOSPC ? "no space for the file" : "cannot be created")
}
