// SPDX-License-Identifier: Apache-2.0
//
// Proves what a trace can prove of the run that it was made of:
//   a goroutine is in one place: each change of its state is one that its last state
//   allows, and is made by the M that runs it;
//   an M runs one goroutine, and holds a P for it; a P is held by one M;
//   work is conserved: while a goroutine is runnable and a P idle, somebody is about to
//   bring them together, or has been for no longer than a bound;
//   the events are as many as the runtime counted.
// A goroutine that waits when its run ends is no mistake of the runtime, and is listed.
//
// A stage without Ps, or without Ms, makes no events of them, and is not held to what
// is said of them.

/// What check found.
public struct Checked: Sendable {
  public struct Problem: Sendable {
    public let time: Int64
    public let offset: Int
    public let message: String
  }

  /// A goroutine that was not readied any more.
  public struct Left: Sendable {
    public let run: Int
    public let g: UInt32
    public let since: Int64
    public let reason: String
  }

  public var problems: [Problem] = []
  public var left: [Left] = []
  public var runs = 0

  /// Goroutines made, switches made, and so on, by the names of kinds.
  public var counts: [Kind: Int] = [:]
}

/// What a mistake leads to is not told once more for each event after it.
private let maxProblems = 100

/// Checks file. bound: nanoseconds for which a runnable goroutine and an idle P may be
/// there without anybody about to see it: a thread that the system stopped at the wrong
/// place takes time.
public func check(_ file: TraceFile, bound: Int64 = 100_000_000) -> Checked {
  var checker = Checker(file, bound)
  for event in file.events {
    checker.step(event)
    if checker.checked.problems.count >= maxProblems { break }
  }
  return checker.checked
}

private enum GState: Equatable {
  case runnable
  case running(Int32)
  case waiting(since: Int64, reason: UInt8)
  case syscall(Int32)
}

private struct PState {
  var status = ProcStatus.dead
  var m: Int32? = nil
}

private struct MState {
  var g: UInt32? = nil
  var p: UInt32? = nil
  var spinning = false

  /// Sleeps until it is notified, or waits for the network.
  var parked = false
  var polling = false

  /// Notified, and not awake yet.
  var notified = false

  /// Has had a P since it woke: in the scheduler it looks for work, with a P or, for
  /// the last time, without.
  var looks = false

  /// Whether it is about to see what is runnable.
  var isAbout: Bool {
    notified || spinning || (looks && g == nil && !parked && !polling)
  }
}

/// Events of a run that the runtime counts, too: in the order of counters.
private struct Tally {
  var counts = [UInt64](repeating: 0, count: counters.count)

  mutating func add(_ event: Event) {
    switch event.kind {
    // The runtime's own is not counted.
    case .goCreate: counts[0] += event.g == runtimeG ? 0 : 1
    case .goExit: counts[1] += 1
    case .goStart: counts[2] += 1
    case .steal:
      counts[3] += 1
      counts[4] += UInt64(event.detail)
    case .handoff: counts[5] += 1
    case .preemptHit:
      counts[6] += 1
      counts[7] += event.detail == 1 ? 1 : 0
    default: break
    }
  }
}

private struct Checker {
  let file: TraceFile
  let bound: Int64
  var checked = Checked()

  private var gs: [UInt32: GState] = [:]
  private var ms: [Int32: MState] = [:]
  private var ps: [UInt32: PState] = [:]
  private var inRun = false

  // How many there are.

  private var runnable = 0
  private var idlePs = 0
  private var aboutMs = 0

  /// Since when work waits and nobody is about to see it.
  private var idleSince: Int64? = nil
  private var lastTime: Int64 = 0

  // Of this run.

  private var tally = Tally()

  /// What the runtime had counted when the run began, by detail.
  private var counted: [UInt8: UInt64] = [:]

  init(_ file: TraceFile, _ bound: Int64) {
    self.file = file
    self.bound = bound
    if file.dropped > 0 {
      problem(
        nil,
        "\(file.dropped) events were dropped, since the file was full; what is "
          + "there cannot be checked")
    }
  }

  private mutating func problem(_ event: Event?, _ message: String) {
    checked.problems.append(
      Checked.Problem(
        time: event?.time ?? 0, offset: event?.offset ?? 0, message: message))
  }

  private func name(_ g: UInt32) -> String {
    g == runtimeG ? "the runtime's goroutine" : "goroutine \(g)"
  }

  mutating func step(_ event: Event) {
    checked.counts[event.kind, default: 0] += 1
    tally.add(event)
    pass(event)
    switch event.kind {
    case .runBegin: begin(event)
    case .runEnd: end(event)
    case .goCreate, .goStart, .goYield, .goPark, .goReady, .goExit, .syscallEnter,
      .syscallExit, .syscallExitQueued:
      if inRun { change(event) } else { problem(event, "\(event.kind) outside a run") }
    case .procStatus: proc(event)
    case .retake: retake(event)
    case .mStart, .mExit, .mPark, .mWake, .mNotify, .spinBegin, .spinEnd, .pollBegin,
      .pollEnd:
      machine(event)
    case .preemptHit:
      if gs[event.g] != .running(event.m) {
        problem(event, "\(name(event.g)) is preempted, and does not run on M\(event.m)")
      }
    case .counter: counter(event)
    default: break
    }
    lastTime = event.time
  }

  // Runs.

  private mutating func begin(_ event: Event) {
    if inRun { problem(event, "a run begins in a run") }
    inRun = true
    checked.runs += 1
    gs = [:]
    runnable = 0
    idleSince = nil
    tally = Tally()
    counted = [:]
    // Ms that wait go on waiting; what they ran is abandoned.
    for m in Array(ms.keys) { machine(m) { $0.g = nil } }
  }

  private mutating func end(_ event: Event) {
    if !inRun { problem(event, "a run ends that did not begin") }
    inRun = false
    idleSince = nil
    for (g, state) in gs.sorted(by: { $0.key < $1.key }) where g != runtimeG {
      // The main goroutine's end is the run's.
      if case .waiting(let since, let reason) = state, g != 1 {
        checked.left.append(
          Checked.Left(
            run: checked.runs, g: g, since: since, reason: file.reasons[reason] ?? "?"))
      }
    }
  }

  // Goroutines.

  private mutating func change(_ event: Event) {
    let g = event.g
    let m = event.m
    let was = gs[g]
    let allowed: Bool
    var now: GState? = nil
    switch event.kind {
    case .goCreate:
      allowed = was == nil
      now = .runnable
    case .goStart:
      allowed = was == .runnable
      now = .running(m)
    case .goYield:
      allowed = was == .running(m)
      now = .runnable
    case .goPark:
      allowed = was == .running(m)
      now = .waiting(since: event.time, reason: event.detail)
    case .goReady:
      if case .waiting = was { allowed = true } else { allowed = false }
      now = .runnable
    case .goExit: allowed = was == .running(m)
    case .syscallEnter:
      allowed = was == .running(m)
      now = .syscall(m)
    case .syscallExit:
      allowed = was == .syscall(m)
      now = .running(m)
    default:
      allowed = was == .syscall(m)
      now = .runnable
    }
    if !allowed {
      problem(event, "\(event.kind) by M\(m): \(name(g)) is \(describe(was))")
    }
    if was == .runnable { runnable -= 1 }
    if now == .runnable { runnable += 1 }
    gs[g] = now
    place(event, now)
  }

  /// What the event means for its M, and for the M's P.
  private mutating func place(_ event: Event, _ now: GState?) {
    let was = ms[event.m] ?? MState()
    switch event.kind {
    case .goStart:
      if let other = was.g {
        problem(event, "M\(event.m) runs \(name(other)) and starts \(name(event.g))")
      }
      machine(event.m) { $0.g = event.g }
      needP(event, was)
    case .syscallExit: needP(event, was)
    case .goYield, .goPark, .goExit, .syscallExitQueued:
      machine(event.m) { $0.g = nil }
    case .syscallEnter:
      if let p = was.p { proc(p, PState(status: .syscall)) }
      machine(event.m) { $0.p = nil }
    default: break
    }
  }

  private mutating func needP(_ event: Event, _ machine: MState) {
    if !ps.isEmpty, machine.p == nil {
      problem(event, "M\(event.m) runs \(name(event.g)) without a P")
    }
  }

  private func describe(_ state: GState?) -> String {
    switch state {
    case nil: "not there"
    case .runnable: "runnable"
    case .running(let m): "running on M\(m)"
    case .waiting(_, let reason): "waiting (\(file.reasons[reason] ?? "?"))"
    case .syscall(let m): "in a system call on M\(m)"
    }
  }

  // Ps.

  private mutating func proc(_ p: UInt32, _ new: PState) {
    if ps[p]?.status == .idle { idlePs -= 1 }
    if new.status == .idle { idlePs += 1 }
    ps[p] = new
  }

  private mutating func proc(_ event: Event) {
    let p = event.arg
    guard let status = ProcStatus(rawValue: event.detail) else {
      problem(event, "P\(p) has state \(event.detail), which there is not")
      return
    }
    if let holder = ps[p]?.m {
      if holder != event.m, status == .running {
        problem(event, "M\(event.m) takes P\(p), which M\(holder) holds")
      }
      machine(holder) { $0.p = nil }
    }
    proc(p, PState(status: status, m: status == .running ? event.m : nil))
    if status != .running { return }
    if let other = ms[event.m]?.p, other != p {
      problem(event, "M\(event.m) holds P\(other) and takes P\(p)")
    }
    machine(event.m) {
      $0.p = p
      $0.looks = true
    }
  }

  private mutating func retake(_ event: Event) {
    if let was = ps[event.arg], was.status != .syscall {
      problem(event, "P\(event.arg) is retaken from a system call, and is \(was.status)")
    }
    proc(event.arg, PState(status: .idle))
  }

  // Ms.

  private mutating func machine(_ m: Int32, _ change: (inout MState) -> Void) {
    var state = ms[m] ?? MState()
    if state.isAbout { aboutMs -= 1 }
    change(&state)
    if state.isAbout { aboutMs += 1 }
    ms[m] = state
  }

  private mutating func machine(_ event: Event) {
    let was = ms[event.m] ?? MState()
    switch event.kind {
    case .mNotify: machine(Int32(bitPattern: event.arg)) { $0.notified = true }
    case .mStart, .mWake:
      machine(event.m) {
        $0.parked = false
        $0.notified = false
        $0.looks = true
      }
    case .mPark:
      if let p = was.p { problem(event, "M\(event.m) goes to sleep and holds P\(p)") }
      if was.spinning { problem(event, "M\(event.m) goes to sleep spinning") }
      machine(event.m) {
        $0.parked = true
        $0.looks = false
      }
    case .mExit: machine(event.m) { $0 = MState() }
    case .spinBegin:
      if was.spinning { problem(event, "M\(event.m) spins, and begins to") }
      machine(event.m) { $0.spinning = true }
    case .spinEnd:
      if !was.spinning { problem(event, "M\(event.m) ends spinning, and does not spin") }
      machine(event.m) { $0.spinning = false }
    case .pollBegin: machine(event.m) { $0.polling = event.detail == 1 }
    default: machine(event.m) { $0.polling = false }
    }
  }

  // Work conservation.

  /// Time passes, up to the event.
  private mutating func pass(_ event: Event) {
    guard inRun, runnable > 0, idlePs > 0, aboutMs == 0 else {
      idleSince = nil
      return
    }
    let since = idleSince ?? lastTime
    idleSince = since
    if event.time - since <= bound { return }
    problem(
      event,
      "work waited, a P was idle, and nobody was about to see it, for "
        + "\((event.time - since) / 1000) us")
    // Once for each time.
    idleSince = event.time
  }

  // Counts.

  /// The runtime says how many there were: when the run begins, and when it ends.
  private mutating func counter(_ event: Event) {
    let value = UInt64(event.arg) | UInt64(event.g) << 32
    guard Int(event.detail) < counters.count else { return }
    guard let before = counted[event.detail] else {
      counted[event.detail] = value
      return
    }
    let events = tally.counts[Int(event.detail)]
    if value &- before != events {
      problem(
        event,
        "the runtime counted \(value &- before) \(counters[Int(event.detail)]), and "
          + "there are \(events) events")
    }
  }
}
