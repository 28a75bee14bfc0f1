// SPDX-License-Identifier: Apache-2.0
//
// A trace in the JSON that Chrome's tracing had and Perfetto reads: an object with a
// list of events, each with a phase (ph), a process and thread (pid, tid), and a time in
// microseconds (ts).
//
//   X  a slice, with its duration           M  the name of a process or thread
//   s, f  the ends of an arrow; each binds to the slice around it
//   b, e  begin and end of a span           C  a counter's value
//
// Ps are threads of process 1, Ms of process 2. An arrow between two that run nothing
// gets slices of no length to bind to.

import TraceFile

private let psProcess = 1
private let msProcess = 2
private let spansProcess = 3

func writeChrome(_ trace: Named, _ window: Window, to output: Output) throws {
  var writer = ChromeWriter(trace.line, window, output)
  try writer.write(trace.name)
}

private struct ChromeWriter {
  private let line: Timeline
  private let window: Window
  private let output: Output
  private var first = true
  private var flows = 0

  init(_ line: Timeline, _ window: Window, _ output: Output) {
    self.line = line
    self.window = window
    self.output = output
  }

  mutating func write(_ name: String) throws {
    try output.write("{\"displayTimeUnit\":\"ns\",\n")
    let about = "\"name\":\(quoted(name)),\"stage\":\(line.stage)"
    try output.write("\"otherData\":{\(about)},\n\"traceEvents\":[\n")
    try names()
    for (i, stint) in line.stints.enumerated() where window.shows(stint.start, stint.end)
    {
      try slices(i, stint)
      try wake(stint)
    }
    for part in line.procIntervals where window.shows(part.start, part.end) {
      try proc(part)
    }
    for part in line.mIntervals
    where part.status != .awake && window.shows(part.start, part.end) {
      let name = "\(part.status)"
      try slice(name, "M", msProcess, part.m, part.start, part.end)
    }
    for arrow in line.arrows where window.shows(arrow.start, arrow.end) {
      try self.arrow(arrow)
    }
    for stop in line.stops where window.shows(stop.begin, stop.end) {
      try slice("stopping the world", "stw", psProcess, -1, stop.begin, stop.stopped)
      try slice("world stopped", "stw", psProcess, -1, stop.stopped, stop.end)
    }
    try spans()
    for (i, p) in line.ps.enumerated() { try curve("queue of P\(p)", line.queues[i]) }
    try curve("global queue", line.globalQueue)
    try curve("runnable", line.runnable)
    try curve("spinning Ms", line.spinning)
    try output.write("\n]}\n")
  }

  private mutating func event(_ fields: String) throws {
    try output.write(first ? "{" : ",\n{")
    try output.write(fields)
    try output.write("}")
    first = false
  }

  private mutating func names() throws {
    func process(_ pid: Int, _ name: String) throws {
      try event(
        "\"ph\":\"M\",\"pid\":\(pid),\"name\":\"process_name\",\"args\":{\"name\":\"\(name)\"}"
      )
      try event(
        "\"ph\":\"M\",\"pid\":\(pid),\"name\":\"process_sort_index\",\"args\":{\"sort_index\":\(pid)}"
      )
    }
    func thread(_ pid: Int, _ number: Int32, _ name: String) throws {
      let at = "\"ph\":\"M\",\"pid\":\(pid),\"tid\":\(tid(number))"
      try event("\(at),\"name\":\"thread_name\",\"args\":{\"name\":\"\(name)\"}")
      try event(
        "\(at),\"name\":\"thread_sort_index\",\"args\":{\"sort_index\":\(tid(number))}")
    }
    if !line.ps.isEmpty {
      try process(psProcess, "Ps")
      for p in line.ps { try thread(psProcess, p, "P\(p)") }
    }
    if !line.stops.isEmpty { try thread(psProcess, -1, "world") }
    try process(msProcess, "Ms")
    for m in line.ms { try thread(msProcess, m, m < 0 ? "no M" : "M\(m)") }
    if !line.spans.isEmpty { try process(spansProcess, "spans") }
  }

  /// Thread 0 is special to some readers, so numbers begin at 1; -1 is 0.
  private func tid(_ number: Int32) -> Int { Int(number) + 1 }

  private func us(_ ns: Int64) -> String {
    let (whole, rest) = ns.quotientAndRemainder(dividingBy: 1000)
    if rest == 0 { return String(whole) }
    let digits = String(rest)
    return "\(whole)." + String(repeating: "0", count: 3 - digits.count) + digits
  }

  private mutating func slice(
    _ name: String, _ category: String, _ pid: Int, _ number: Int32, _ start: Int64,
    _ end: Int64, _ args: String = ""
  ) throws {
    let more = args.isEmpty ? "" : ",\"args\":{\(args)}"
    try event(
      "\"ph\":\"X\",\"pid\":\(pid),\"tid\":\(tid(number)),\"ts\":\(us(start)),"
        + "\"dur\":\(us(max(0, end - start))),\"cat\":\"\(category)\",\"name\":\(quoted(name))\(more)"
    )
  }

  private mutating func slices(_ i: Int, _ stint: Stint) throws {
    let name = line.name(stint.goroutine)
    let category = stint.inCall ? "syscall" : "run"
    var args = "\"then\":\(quoted(line.ending(stint)))"
    let beginning = line.beginning(stint)
    if !beginning.isEmpty { args += ",\"because\":\(quoted(beginning))" }
    if !stint.inCall, stint.p >= 0 {
      try slice(name, category, psProcess, stint.p, stint.start, stint.end, args)
      args = ""
    }
    try slice(name, category, msProcess, stint.m, stint.start, stint.end, args)
  }

  /// What a P does that is not a stint: it is stopped, or lent out.
  private mutating func proc(_ part: ProcInterval) throws {
    if part.status == .syscall, part.stint >= 0 {
      let name = line.name(line.stints[Int(part.stint)].goroutine)
      try slice(name, "syscall", psProcess, part.p, part.start, part.end)
    } else if part.status == .gcstop, part.m < 0 {
      try slice("stopped", "stw", psProcess, part.p, part.start, part.end)
    }
  }

  private mutating func wake(_ stint: Stint) throws {
    guard stint.wake.cause.hasArrow, stint.wake.by >= 0 else { return }
    let by = line.stints[Int(stint.wake.by)]
    let name = stint.wake.cause == .created ? "go" : "wake"
    try flow(
      name, place(by.p, by.m), stint.wake.time, place(stint.p, stint.m), stint.start)
  }

  private func place(_ p: Int32, _ m: Int32) -> (pid: Int, number: Int32) {
    p >= 0 ? (psProcess, p) : (msProcess, m)
  }

  private mutating func flow(
    _ name: String, _ from: (pid: Int, number: Int32), _ start: Int64,
    _ to: (pid: Int, number: Int32), _ end: Int64
  ) throws {
    flows += 1
    let common = "\"id\":\(flows),\"cat\":\"\(name)\",\"name\":\"\(name)\""
    try event(
      "\"ph\":\"s\",\"pid\":\(from.pid),\"tid\":\(tid(from.number)),\"ts\":\(us(start)),\(common)"
    )
    try event(
      "\"ph\":\"f\",\"bp\":\"e\",\"pid\":\(to.pid),\"tid\":\(tid(to.number)),\"ts\":\(us(end)),\(common)"
    )
  }

  private mutating func arrow(_ arrow: Arrow) throws {
    let name = "\(arrow.kind)"
    let pid = arrow.kind == .steal ? psProcess : msProcess
    var args = ""
    switch arrow.kind {
    case .steal: args = "\"goroutines\":\(arrow.n)"
    case .handoff: args = "\"P\":\(arrow.n)"
    case .notify: break
    }
    try slice(name, "arrow", pid, arrow.from, arrow.start, arrow.start, args)
    try slice(name, "arrow", pid, arrow.to, arrow.end, arrow.end, args)
    try flow(name, (pid, arrow.from), arrow.start, (pid, arrow.to), arrow.end)
  }

  private mutating func spans() throws {
    for span in line.spans where window.shows(span.start, span.end) {
      let common =
        "\"pid\":\(spansProcess),\"tid\":1,\"cat\":\"span\",\"id\":\(span.goroutine),"
        + "\"name\":\(quoted(line.texts[Int(span.text)]))"
      try event("\"ph\":\"b\",\"ts\":\(us(span.start)),\(common)")
      try event("\"ph\":\"e\",\"ts\":\(us(span.end)),\(common)")
    }
  }

  private mutating func curve(_ name: String, _ curve: Curve) throws {
    for (time, value) in zip(curve.times, curve.values) where window.shows(time, time) {
      try event(
        "\"ph\":\"C\",\"pid\":\(psProcess),\"ts\":\(us(time)),\"name\":\"\(name)\",\"args\":{\"n\":\(value)}"
      )
    }
  }
}
