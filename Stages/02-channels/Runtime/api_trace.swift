// SPDX-License-Identifier: Apache-2.0
//
// Traces.

/// Records what the scheduler does from now on in the file at `path`, which is made or
/// emptied, until `traceStop`. `make trace` draws it. With GOTRACE=path in the
/// environment the first `run` does this by itself.
///
/// An event takes 16 bytes, and the file at most 1 GB; then events are dropped and
/// counted. A program that crashes leaves a file that tells everything up to there.
///
/// To be called where no `run` is in progress, else the process ends with exit status
/// 2. Throws an IOError where the file cannot be made. A trace that is on ends first.
/// Go: runtime/trace.Start.
public func traceStart(to path: String) throws {
  mustNotRun("traceStart")
  tracestop()
  let r = path.withCString { tracestart($0) }
  if r < 0 { throw IOError(errno: -r, operation: "traceStart \(path)") }
}

/// Ends what `traceStart` began; the file is complete. To be called where no `run` is
/// in progress, else the process ends with exit status 2. Go: runtime/trace.Stop.
public func traceStop() {
  mustNotRun("traceStop")
  tracestop()
}

private func mustNotRun(_ name: StaticString) {
  if boot[].running.load(ordering: .acquiring) {
    fatal("\(name) called while a run is in progress")
  }
}

/// Calls the calling goroutine `name` in traces; cut to 240 bytes of UTF-8. Without a
/// trace, nothing. Go: pprof.Do with labels.
public func traceLabel(_ name: @autoclosure () -> String) {
  if !tracing { return }
  let name = name()
  let gp = enterRuntime("traceLabel")
  tracetext(.label, g: traceid(gp), name)
  exitRuntime(gp)
}

/// Runs `body`, which traces show as a span of the calling goroutine with that name; cut
/// to 240 bytes of UTF-8. Spans nest. Go: trace.WithRegion.
public func traceSpan<R, E: Error>(
  _ name: @autoclosure () -> String,
  _ body: () throws(E) -> R
) throws(E) -> R {
  if !tracing { return try body() }
  let name = name()
  var gp = enterRuntime("traceSpan")
  tracetext(.spanBegin, g: traceid(gp), name)
  exitRuntime(gp)
  defer {
    gp = enterRuntime("traceSpan")
    if tracing { traceevent(.spanEnd, g: traceid(gp)) }
    exitRuntime(gp)
  }
  return try body()
}
