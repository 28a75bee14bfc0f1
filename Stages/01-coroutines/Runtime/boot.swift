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

  /// The main goroutine has returned, and not by goexit: the run is over.
  var mainreturned = false

  /// Others were left then, and are abandoned.
  var abandoned = false
}

let boot = Ptr(allocating: Boot())

/// Runs a program on the calling thread.
func runprogram(_ program: Program) throws {
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
  setg(g0)
  sched[].errnoAddress = errno_location()
  sched[].accessesAddress = exclusivityhead()
  g0[].sched.fiber = fiberCreate(0, 0)
  traceFromEnvironment()
  if tracing {
    tracerun()
    tracecounters()
  }
  schedinit()
  newproc({ try runmain(program) }, entry: mainstart)
  schedule()
  // Here when the main goroutine has returned, see rundone; or nobody can go on.
  if !boot[].mainreturned { checkdead() }
  if tracing { traceevent(.runEnd) }
  fiberDestroy(g0[].sched.fiber)
  setg(nil)
  if boot[].abandoned { releasefns() }
  boot[].running.store(false, ordering: .releasing)
  if let error = program.error { throw error }
}

/// schedinit prepares the world.
private func schedinit() {
  if !boot[].initialized {
    boot[].initialized = true
    initonce()
  }
  boot[].mainreturned = false
}

/// What is done once in a process.
private func initonce() {
  _ = guard_is_cheap()
}

/// The first frame of the main goroutine.
private let mainstart: GFunc = { raw in
  gorun(GPtr(raw))
  if !boot[].mainreturned { goexit0() }
  rundone()
  fatalError("rundone returned")
}

/// The main goroutine. Go: runtime.main.
private func runmain(_ program: Program) throws {
  do {
    try program.main()
  } catch let error as Goexit {
    throw error
  } catch {
    program.error = error
  }
  boot[].mainreturned = true
}

/// rundone ends a run: the main goroutine's last act. Every other one is abandoned.
private func rundone() {
  let main = getg()
  gdestroy(main)
  boot[].abandoned = gcount() > 0
  if tracing { tracecounters() }
  let epoch = sched[].epoch.load(ordering: .relaxed)
  sched[].epoch.store(epoch &+ 1, ordering: .sequentiallyConsistent)
  sched[].goidgen.store(0, ordering: .relaxed)
  sched[].counters.spawns.store(0, ordering: .relaxed)
  sched[].counters.exits.store(0, ordering: .relaxed)
  sched[].runq.removeAll()
  if boot[].abandoned { forEachG { gp in if gp[].epoch == epoch { abandon(gp) } } }
  swtch(main, g0)
}

/// Takes a goroutine off everything it is on, and makes it dead.
private func abandon(_ gp: GPtr) {
  switch gp[].atomicstatus.load(ordering: .relaxed) {
  case .idle, .dead: return
  case .runnable, .running: break
  }
  gp[].accesses = 0
  gp[].accesses2 = 0
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
