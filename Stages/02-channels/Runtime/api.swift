// SPDX-License-Identifier: Apache-2.0
//
// Programs and goroutines, in ordinary Swift.
//
// Where it does not say otherwise, a function is called on a goroutine; on any other
// thread it ends the process: "fatal error: <name> called on a thread that runs no
// goroutine", exit status 2.

/// Boots the runtime on the calling thread, runs `main` as the main goroutine, and
/// returns when it returns.
///
/// Other goroutines are abandoned, as in Go: they never run again, their stacks are
/// reused, and what their frames hold leaks. An error that `main` throws is rethrown;
/// `goexit` in `main` ends the main goroutine while the others go on.
///
/// May be called again after it returned, from any thread. Inside a goroutine, or
/// while another thread is in it, it ends the process with exit status 2.
public func run(
  _ main: sending @escaping () throws -> Void
) throws {
  try runprogram(Program(main: main))
}

/// Go: `go f()`. Starts a goroutine. What the closure captures is handed over to it.
///
/// An error that leaves `body` is a panic: `panic: <error>`, the goroutine's trace, exit
/// status 2.
public func go(_ body: sending @escaping () throws -> Void) {
  let gp = enterRuntime("go")
  newproc(body)
  exitRuntime(gp)
}

/// Go: runtime.Gosched. Lets other goroutines run; the calling one goes to the tail of
/// the global queue.
public func gosched() {
  let gp = enterRuntime("gosched")
  goyield()
  exitRuntime(gp)
}

/// Go: runtime.Goexit. Ends the calling goroutine by a thrown error, so that every
/// `defer` on the way runs. A bare `catch` or `try?` can swallow it; one that must not:
///
///     do { try step() } catch let error where !isGoexit(error) { ... }
///
/// In the main goroutine the others go on; when none is left, `fatal error: no
/// goroutines (main called runtime.Goexit) - deadlock!`, exit status 2.
public func goexit() throws -> Never {
  throw Goexit()
}

/// Whether `error` is goexit on its way. May be asked anywhere.
public func isGoexit(_ error: any Error) -> Bool { error is Goexit }

/// Go: runtime.NumGoroutine. Goroutines that exist, the runtime's own aside.
public func numGoroutine() -> Int {
  let gp = enterRuntime("numGoroutine")
  let n = gcount()
  exitRuntime(gp)
  return n
}

/// The number in `goroutine 7 [running]:`. The main goroutine is 1; numbers are not used
/// twice in a run.
public func goroutineID() -> Int {
  let gp = enterRuntime("goroutineID")
  let id = Int(gp[].goid)
  exitRuntime(gp)
  return id
}

/// What the scheduler has done since the process began, but for goroutinesCreated,
/// which begins again with each run.
public struct SchedulerCounters: Sendable {
  public let goroutinesCreated: UInt64

  /// Times a goroutine began to run, or went on.
  public let switches: UInt64
}

/// Reads the scheduler's counters. Not a snapshot: the counting goes on meanwhile.
public func schedulerCounters() -> SchedulerCounters {
  let gp = enterRuntime("schedulerCounters")
  exitRuntime(gp)
  return SchedulerCounters(
    goroutinesCreated: sched[].counters.spawns.load(ordering: .relaxed),
    switches: sched[].counters.switches.load(ordering: .relaxed)
  )
}
