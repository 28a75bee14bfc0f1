// SPDX-License-Identifier: Apache-2.0
//
// From events to a timeline. One pass in the order of time, with what each M, P and
// goroutine is doing. Events that contradict what is known (some may be missing) win:
// what was believed before ends where they are.

extension Timeline {
  public init(_ file: TraceFile) {
    var builder = TimelineBuilder(file)
    for event in file.events { builder.take(event) }
    self = builder.finish()
  }
}

/// What an M does.
private struct MState {
  /// It has recorded an event.
  var seen = false

  /// Its thread runs, as far as is known.
  var present = false
  var parked = false
  var polling = false
  var spinning = false

  /// The P it holds; -1: none.
  var p: Int32 = -1

  /// Its stint; -1: none.
  var stint: Int32 = -1

  /// Of what status, since when, it has an interval.
  var status: MStatus?
  var since: Int64 = 0

  /// What it has done last that makes goroutines ready.
  var cause = Cause.scheduler

  /// The P it is giving away, and since when; -1: none.
  var handing: Int32 = -1
  var handed: Int64 = 0

  /// What an M that wakes up, or takes a P, is the target of.
  var notified: [Arrow] = []
  var given: Arrow?

  /// The goroutine that is about to yield for a preemption, and how.
  var preempted: Ending?
}

private struct PState {
  var seen = false
  var status = ProcStatus.dead
  var m: Int32 = -1
  var stint: Int32 = -1
  var since: Int64 = 0
  var queue = Curve()
}

private struct GState {
  /// Its stint; -1: none.
  var stint: Int32 = -1
  var wake = Wake.unknown
  var runnable = false
  var spans: [Int32] = []
}

struct TimelineBuilder {
  private let file: TraceFile
  private var line = Timeline()

  /// By number, from -1 on.
  private var ms: [MState] = []
  private var ps: [PState] = []

  /// Of the goroutines of this run: where they are in line.goroutines, by number.
  private var goroutines: [UInt32: Int32] = [:]
  private var gs: [GState] = []
  private var runnable: Int32 = 0
  private var spinning: Int32 = 0
  private var inRun = false

  init(_ file: TraceFile) {
    self.file = file
    line.stage = file.stage
    line.eventCount = file.events.count
    line.dropped = file.dropped
    line.texts = file.texts
    line.reasons = file.reasons
    line.end = file.events.last?.time ?? 0
    line.stints.reserveCapacity(file.events.count / 3)
  }

  mutating func take(_ event: Event) {
    // Numbers that no runtime has are damage, and must not ask for memory.
    guard event.m < 1 << 20 else { return }
    let m = mIndex(event.m)
    ms[m].seen = true
    switch event.kind {
    case .goCreate, .goStart, .goYield, .goPark, .goReady, .goExit, .syscallEnter,
      .syscallExit, .syscallExitQueued, .label, .spanBegin, .spanEnd:
      if event.g != nobody { takeG(event, m) }
    case .procStatus, .steal, .handoff, .retake:
      if event.arg < 1 << 16 { takeP(event, m) }
    case .mStart, .mExit, .mPark, .mWake, .mNotify, .spinBegin, .spinEnd, .pollBegin,
      .pollEnd, .timers:
      takeM(event, m)
    case .preemptHit:
      ms[m].preempted = event.detail == 0 ? .preemptedAtCheck : .preemptedBySignal
    case .preemptRequest, .preemptRefused, .stackGrow, .stackShrink:
      mark(event)
    case .stwBegin:
      line.stops.append(Stop(begin: event.time, stopped: -1, end: -1))
    case .stwStopped:
      if let last = line.stops.indices.last { line.stops[last].stopped = event.time }
    case .stwEnd:
      if let last = line.stops.indices.last { line.stops[last].end = event.time }
    case .runBegin:
      endRun(event.time)
      line.runs.append((event.time, line.end))
      inRun = true
    case .runEnd:
      endRun(event.time)
    case .chunk, .reason, .counter: break
    }
  }

  private mutating func mIndex(_ m: Int32) -> Int {
    let i = Int(max(m, -1)) + 1
    while ms.count <= i { ms.append(MState()) }
    return i
  }

  private mutating func pIndex(_ p: UInt32) -> Int {
    let i = Int(p)
    while ps.count <= i { ps.append(PState()) }
    return i
  }

  private mutating func goroutine(_ event: Event) -> Int {
    if let i = goroutines[event.g] { return Int(i) }
    if !inRun {
      line.runs.append((event.time, line.end))
      inRun = true
    }
    let i = line.goroutines.count
    goroutines[event.g] = Int32(i)
    let wake = Wake(cause: .unknown, time: event.time)
    line.goroutines.append(
      Goroutine(run: Int32(line.runs.count - 1), id: event.g, created: wake))
    gs.append(GState())
    return i
  }

  private mutating func mark(_ event: Event) {
    let g = event.g == nobody ? -1 : Int32(goroutine(event))
    line.marks.append(
      Mark(
        kind: event.kind, time: event.time, m: event.m, p: ms[mIndex(event.m)].p,
        goroutine: g, arg: event.arg, detail: event.detail))
  }

  // Goroutines.

  private mutating func takeG(_ event: Event, _ m: Int) {
    let g = goroutine(event)
    switch event.kind {
    case .goCreate:
      line.goroutines[g].created = wake(.created, event, m)
      ready(g, line.goroutines[g].created)
    case .goReady:
      let cause = running(m) ? Cause.readied : ms[m].cause
      ready(g, wake(cause, event, m))
    case .goStart:
      ms[m].cause = .scheduler
      start(g, event.time, m, inCall: false, gs[g].wake)
    case .goYield:
      let ending = ms[m].preempted ?? .yielded
      end(g, event.time, ending)
      ready(g, Wake(cause: .yielded, time: event.time))
    case .goPark:
      end(g, event.time, .parked, reason: event.detail)
    case .goExit:
      end(g, event.time, .exited)
      line.goroutines[g].exited = event.time
    case .syscallEnter: enter(g, event.time, m)
    case .syscallExit:
      end(g, event.time, .returned)
      start(g, event.time, m, inCall: false, Wake(cause: .returned, time: event.time))
    case .syscallExitQueued:
      end(g, event.time, .queued)
      ready(g, Wake(cause: .queued, time: event.time))
    case .label: line.goroutines[g].label = event.text
    case .spanBegin:
      gs[g].spans.append(Int32(line.spans.count))
      line.spans.append(
        Span(
          goroutine: Int32(g), start: event.time, end: -1, text: event.text,
          depth: Int32(gs[g].spans.count - 1)))
    case .spanEnd:
      if let span = gs[g].spans.popLast() { line.spans[Int(span)].end = event.time }
    default: break
    }
    switch event.kind {
    case .goCreate, .goReady, .goStart, .goYield: queues(event, m)
    default: break
    }
  }

  private func running(_ m: Int) -> Bool {
    ms[m].stint >= 0 && !line.stints[Int(ms[m].stint)].inCall
  }

  private func wake(_ cause: Cause, _ event: Event, _ m: Int) -> Wake {
    Wake(
      cause: cause, time: event.time, by: running(m) ? ms[m].stint : -1, m: event.m,
      p: ms[m].p)
  }

  private mutating func ready(_ g: Int, _ wake: Wake) {
    gs[g].wake = wake
    if !gs[g].runnable {
      gs[g].runnable = true
      runnable += 1
      line.runnable.add(wake.time, runnable)
    }
  }

  private mutating func start(
    _ g: Int, _ time: Int64, _ m: Int, inCall: Bool, _ wake: Wake
  ) {
    end(g, time, .lost)
    if ms[m].stint >= 0 {
      end(Int(line.stints[Int(ms[m].stint)].goroutine), time, .lost)
    }
    if gs[g].runnable {
      gs[g].runnable = false
      runnable -= 1
      line.runnable.add(time, runnable)
    }
    let stint = Int32(line.stints.count)
    line.stints.append(
      Stint(
        goroutine: Int32(g), m: Int32(m - 1), p: ms[m].p, start: time, end: line.end,
        inCall: inCall, wake: wake))
    ms[m].stint = stint
    ms[m].preempted = nil
    gs[g].stint = stint
    gs[g].wake = .unknown
  }

  private mutating func end(
    _ g: Int, _ time: Int64, _ ending: Ending, reason: UInt8 = 0
  ) {
    let i = Int(gs[g].stint)
    if i < 0 { return }
    line.stints[i].end = time
    line.stints[i].ending = ending
    line.stints[i].reason = reason
    let m = Int(line.stints[i].m) + 1
    ms[m].stint = -1
    ms[m].preempted = nil
    gs[g].stint = -1
  }

  /// The goroutine is in a system call; its P may be taken.
  private mutating func enter(_ g: Int, _ time: Int64, _ m: Int) {
    end(g, time, .entered)
    start(g, time, m, inCall: true, Wake(cause: .entered, time: time))
    let p = ms[m].p
    if p < 0 { return }
    ms[m].p = -1
    change(Int(p), .syscall, time, m: -1, stint: ms[m].stint)
  }

  /// Where one becomes runnable or starts, the lengths of the queues are known.
  private mutating func queues(_ event: Event, _ m: Int) {
    let p = ms[m].p
    if p >= 0 { ps[Int(p)].queue.add(event.time, Int32(event.arg & 0xffff)) }
    line.globalQueue.add(event.time, Int32(event.arg >> 16))
  }

  // Ps.

  private mutating func takeP(_ event: Event, _ m: Int) {
    let p = pIndex(event.arg)
    switch event.kind {
    case .procStatus:
      guard let status = ProcStatus(rawValue: event.detail) else { return }
      if status == .running {
        hold(p, event.time, m)
      } else {
        // Whoever stops the world goes on with its P.
        let keeps = status == .gcstop && ms[m].p == Int32(p)
        if !keeps { release(p) }
        change(p, status, event.time, m: keeps ? Int32(m - 1) : -1, stint: -1)
      }
    case .steal:
      line.arrows.append(
        Arrow(
          kind: .steal, from: Int32(p), to: ms[m].p, start: event.time, end: event.time,
          n: Int32(event.detail)))
      ps[p].seen = true
    case .handoff:
      ms[m].handing = Int32(p)
      ms[m].handed = event.time
      mark(event)
    case .retake:
      mark(event)
      release(p)
      change(p, .idle, event.time, m: -1, stint: -1)
    default: break
    }
  }

  private mutating func hold(_ p: Int, _ time: Int64, _ m: Int) {
    let old = ms[m].p
    if old >= 0, old != Int32(p) {
      change(Int(old), .idle, time, m: -1, stint: -1)
    }
    release(p)
    ms[m].p = Int32(p)
    change(p, .running, time, m: Int32(m - 1), stint: -1)
    // Else it is for another P, and this one went to the idle list.
    if var arrow = ms[m].given, arrow.n == Int32(p) {
      arrow.end = time
      line.arrows.append(arrow)
    }
    ms[m].given = nil
  }

  private mutating func release(_ p: Int) {
    let m = Int(ps[p].m) + 1
    if m > 0, ms[m].p == Int32(p) { ms[m].p = -1 }
  }

  private mutating func change(
    _ p: Int, _ status: ProcStatus, _ time: Int64, m: Int32, stint: Int32
  ) {
    closeP(p, time)
    ps[p].seen = true
    ps[p].status = status
    ps[p].m = m
    ps[p].stint = stint
    ps[p].since = time
  }

  private mutating func closeP(_ p: Int, _ time: Int64) {
    if !ps[p].seen || ps[p].since == time { return }
    line.procIntervals.append(
      ProcInterval(
        p: Int32(p), start: ps[p].since, end: time, status: ps[p].status, m: ps[p].m,
        stint: ps[p].stint))
    ps[p].since = time
  }

  // Ms.

  private mutating func takeM(_ event: Event, _ m: Int) {
    let time = event.time
    switch event.kind {
    case .mStart, .mWake:
      // One that slept when the trace began.
      if event.kind == .mWake, !ms[m].present { ms[m].status = .parked }
      ms[m].present = true
      ms[m].parked = false
      ms[m].cause = .scheduler
      for var arrow in ms[m].notified {
        arrow.end = time
        line.arrows.append(arrow)
      }
      ms[m].notified.removeAll()
    case .mPark:
      ms[m].parked = true
      ms[m].handing = -1
    case .mExit:
      ms[m].present = false
      ms[m].parked = false
      ms[m].handing = -1
    case .mNotify: notify(event, m)
    case .spinBegin, .spinEnd:
      let now = event.kind == .spinBegin
      if ms[m].spinning != now {
        ms[m].spinning = now
        spinning += now ? 1 : -1
        line.spinning.add(time, spinning)
      }
    case .pollBegin: ms[m].polling = event.detail == 1
    case .pollEnd:
      ms[m].polling = false
      ms[m].cause = .network
    case .timers:
      ms[m].cause = .timer
      mark(event)
    default: break
    }
    if event.kind != .mExit, event.kind != .mNotify { ms[m].present = true }
    update(m, time)
  }

  private mutating func notify(_ event: Event, _ m: Int) {
    guard event.arg < 1 << 20 else { return }
    let target = mIndex(Int32(event.arg))
    var arrow = Arrow(
      kind: .notify, from: event.m, to: Int32(event.arg), start: event.time,
      end: event.time)
    ms[target].notified.append(arrow)
    guard ms[m].handing >= 0 else { return }
    arrow.kind = .handoff
    arrow.n = ms[m].handing
    arrow.start = ms[m].handed
    ms[target].given = arrow
    ms[m].handing = -1
  }

  /// What M m does may have changed.
  private mutating func update(_ m: Int, _ time: Int64) {
    let state = ms[m]
    let status: MStatus? =
      !state.present
      ? nil
      : state.parked
        ? .parked : state.polling ? .polling : state.spinning ? .spinning : .awake
    if status == state.status { return }
    closeM(m, time)
    ms[m].status = status
    ms[m].since = time
  }

  private mutating func closeM(_ m: Int, _ time: Int64) {
    guard let status = ms[m].status, time > ms[m].since else { return }
    line.mIntervals.append(
      MInterval(m: Int32(m - 1), start: ms[m].since, end: time, status: status))
    ms[m].since = time
  }

  // The end.

  /// The goroutines of a run are abandoned with it.
  private mutating func endRun(_ time: Int64) {
    for g in goroutines.values {
      end(Int(g), time, .abandoned)
      gs[Int(g)].runnable = false
      closeSpans(Int(g), time)
    }
    goroutines.removeAll()
    runnable = 0
    line.runnable.add(time, 0)
    for p in ps.indices where ps[p].seen {
      release(p)
      change(p, .gcstop, time, m: -1, stint: -1)
    }
    if inRun { line.runs[line.runs.count - 1].end = time }
    inRun = false
  }

  private mutating func closeSpans(_ g: Int, _ time: Int64) {
    for span in gs[g].spans { line.spans[Int(span)].end = time }
    gs[g].spans.removeAll()
  }

  mutating func finish() -> Timeline {
    for g in goroutines.values {
      if gs[Int(g)].runnable { line.goroutines[Int(g)].waking = gs[Int(g)].wake }
      closeSpans(Int(g), line.end)
    }
    for p in ps.indices { closeP(p, line.end) }
    for m in ms.indices { closeM(m, line.end) }
    line.ps = ps.indices.filter { ps[$0].seen }.map { Int32($0) }
    line.queues = line.ps.map { ps[Int($0)].queue }
    line.ms = ms.indices.filter { ms[$0].seen }.map { Int32($0 - 1) }
    // Texts of a thread that is no M come from the beginning of the trace.
    // A thread that is no M may have recorded what is about no goroutine.
    let working = Set(line.stints.map(\.m))
    line.ms.removeAll { $0 < 0 && !working.contains($0) }
    for i in line.stops.indices {
      if line.stops[i].end < 0 { line.stops[i].end = line.end }
      if line.stops[i].stopped < 0 { line.stops[i].stopped = line.stops[i].end }
    }
    return line
  }
}
