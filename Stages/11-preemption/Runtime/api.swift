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
/// while another thread is in it, it ends the process with exit status 2. It returns
/// only once no goroutine runs: one that cannot be made to yield holds it up.
///
/// - Parameter procs: how many goroutines may run at a time, 1...1024 (clamped); wins
///   over GOMAXPROCS in the environment, and that over the default.
public func run(
  procs: Int? = nil,
  _ main: sending @escaping () throws -> Void
) throws {
  try runprogram(Program(main: main), procs: procs)
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
  mcall(gosched_m)
  exitRuntime(gp)
}

/// A safe point for loops that call nothing of the runtime: yields if the scheduler
/// asked for it, else costs a load.
public func checkpoint() {
  let gp = enterRuntime("checkpoint")
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

/// Go: runtime.GOMAXPROCS(0). How many goroutines may run at a time.
public func gomaxprocs() -> Int {
  let gp = enterRuntime("gomaxprocs")
  let n = Int(sched[].gomaxprocs.load(ordering: .relaxed))
  exitRuntime(gp)
  return n
}

/// Go: runtime.LockOSThread. Ties the calling goroutine to its thread until as many
/// unlockOSThread calls. A goroutine that ends locked ends the thread.
///
/// errno is kept per goroutine in any case; the floating-point rounding mode belongs
/// to the thread: lock to change it.
public func lockOSThread() {
  let gp = enterRuntime("lockOSThread")
  lockthread()
  exitRuntime(gp)
}

/// Go: runtime.UnlockOSThread. One call too many does nothing.
public func unlockOSThread() {
  let gp = enterRuntime("unlockOSThread")
  unlockthread()
  exitRuntime(gp)
}

/// Runs `body`, which may block in the kernel, without keeping others from running:
/// they run in its place. Go does this for every system call. Inside `body`, `blocking` does
/// nothing more, and every other function of this library ends the process.
@discardableResult
public func blocking<R>(_ body: () throws -> R) rethrows -> R { try lend(body) }

/// `blocking` for a body of which no value is wanted: `go { blocking { usleep(10) } }`.
public func blocking(_ body: () throws -> Void) rethrows { try lend(body) }

@inline(__always)
private func lend<R>(_ body: () throws -> R) rethrows -> R {
  if let gp = getgOrNil(), gp[].inRuntime >= inBlocking { return try body() }
  let gp = enterRuntime("blocking")
  entersyscall()
  gp[].inRuntime += inBlocking
  defer {
    gp[].inRuntime -= inBlocking
    exitsyscall()
    exitRuntime(gp)
  }
  return try body()
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
  /// Threads that exist, the runtime's own included.
  public let threads: Int
  public let goroutinesCreated: UInt64

  /// Times a goroutine began to run, or went on.
  public let switches: UInt64

  /// Times a P took from another's queue, and goroutines it took.
  public let steals: UInt64
  public let stolen: UInt64

  /// Times others were let run in the place of one that blocked.
  public let handoffs: UInt64

  /// Goroutines made to yield.
  public let preemptions: UInt64
}

/// Reads the scheduler's counters. Not a snapshot: the counting goes on meanwhile.
public func schedulerCounters() -> SchedulerCounters {
  let gp = enterRuntime("schedulerCounters")
  var c = InlineArray<6, UInt64>(repeating: 0)
  for i in 0..<Int32(maxGomaxprocs) {
    guard let pp = allp[][i] else { break }
    c[0] += pp[].counters.spawns.load(ordering: .relaxed)
    c[1] += pp[].counters.switches.load(ordering: .relaxed)
    c[2] += pp[].counters.steals.load(ordering: .relaxed)
    c[3] += pp[].counters.stolen.load(ordering: .relaxed)
    c[4] += pp[].counters.handoffs.load(ordering: .relaxed)
    c[5] += pp[].counters.preemptions.load(ordering: .relaxed)
  }
  lock(sched[].lock)
  let threads = Int(mcount())
  unlock(sched[].lock)
  exitRuntime(gp)
  return SchedulerCounters(
    threads: threads,
    goroutinesCreated: c[0],
    switches: c[1],
    steals: c[2],
    stolen: c[3],
    handoffs: c[4],
    preemptions: c[5]
  )
}
