// SPDX-License-Identifier: Apache-2.0
//
// Sleeping, timers and tickers, as programs see them.     Go: src/time/sleep.go
//
// A timer channel owns its timer (Hchan.timer), and a GoTimer or Ticker owns the
// channel: whoever still holds the channel alone receives, and when nobody does
// the timer is stopped. A function's timer is owned by its AfterFunc, to which
// the active timer holds a reference: it lives until it has run or was stopped.

/// Go: time.Sleep. Pauses the current goroutine for at least `duration`. Zero or
/// negative: returns at once.
public func sleep(for duration: Duration) {
  let gp = enterRuntime("sleep")
  timeSleep(duration.inNanoseconds)
  exitRuntime(gp)
}

/// Go: time.After. A channel that receives the time once, after `duration`.
public func after(_ duration: Duration) -> Channel<ContinuousClock.Instant> {
  let gp = enterRuntime("after")
  let (channel, _) = newTimerChannel(duration.inNanoseconds, period: 0)
  exitRuntime(gp)
  return channel
}

/// Go: time.AfterFunc. Calls `body` in a goroutine of its own, after `duration`,
/// unless the timer is stopped before; it need not be kept for that.
@discardableResult
public func afterFunc(
  _ duration: Duration,
  _ body: sending @escaping () throws -> Void,
) -> GoTimer {
  let gp = enterRuntime("afterFunc")
  let timer = GoTimer(AfterFunc(body))
  exitRuntime(gp)
  timer.reset(duration)
  return timer
}

/// Go: time.Timer. A single event: its channel receives the time when it comes.
public final class GoTimer: @unchecked Sendable {
  private let t: TimerPtr

  /// One of the two; it owns t.
  private let timerChannel: Channel<ContinuousClock.Instant>?
  private let function: AfterFunc?

  /// Go: time.NewTimer.
  public init(_ duration: Duration) {
    let gp = enterRuntime("GoTimer")
    let (channel, t) = newTimerChannel(duration.inNanoseconds, period: 0)
    self.t = t
    timerChannel = channel
    function = nil
    exitRuntime(gp)
  }

  init(_ function: AfterFunc) {
    t = function.t
    timerChannel = nil
    self.function = function
  }

  /// Go: Timer.C. Of a timer made by `afterFunc`, a channel that is never ready.
  public var channel: Channel<ContinuousClock.Instant> { timerChannel ?? Channel() }

  /// Go: Timer.Stop. Afterwards nothing is received. True if the timer was still
  /// to fire, or its value was still to be received.
  @discardableResult
  public func stop() -> Bool {
    let gp = enterRuntime("GoTimer.stop")
    let pending = timerstop(t)
    exitRuntime(gp)
    if pending { function?.release() }
    return pending
  }

  /// Go: Timer.Reset. Fires after `duration` from this call, and for no earlier
  /// reason. True as for `stop`.
  @discardableResult
  public func reset(_ duration: Duration) -> Bool {
    // The active timer's reference, taken before it can fire.
    function?.retain()
    let gp = enterRuntime("GoTimer.reset")
    let pending = timerreset(t, timerwhen(duration.inNanoseconds), 0)
    exitRuntime(gp)
    if pending { function?.release() }
    return pending
  }
}

/// Go: time.Ticker. Its channel receives the time every `period`; ticks that nobody
/// has received in time are dropped.
public final class Ticker: @unchecked Sendable {
  private let t: TimerPtr

  /// Go: Ticker.C.
  public let channel: Channel<ContinuousClock.Instant>

  /// Go: time.NewTicker.
  public init(every period: Duration) {
    let gp = enterRuntime("Ticker")
    let ns = period.inNanoseconds
    if ns <= 0 { gopanic("non-positive interval for NewTicker") }
    (channel, t) = newTimerChannel(ns, period: ns)
    exitRuntime(gp)
  }

  /// Go: Ticker.Stop. Afterwards nothing is received; the channel is not closed.
  public func stop() {
    let gp = enterRuntime("Ticker.stop")
    _ = timerstop(t)
    exitRuntime(gp)
  }

  /// Go: Ticker.Reset. The next tick comes a `period` after this call.
  public func reset(every period: Duration) {
    let gp = enterRuntime("Ticker.reset")
    let ns = period.inNanoseconds
    if ns <= 0 { gopanic("non-positive interval for Ticker.Reset") }
    _ = timerreset(t, timerwhen(ns), ns)
    exitRuntime(gp)
  }
}

/// newTimerChannel returns a channel that a timer sends to, and the timer, started.
private func newTimerChannel(
  _ ns: Int64,
  period: Int64,
) -> (Channel<ContinuousClock.Instant>, TimerPtr) {
  let channel = Channel<ContinuousClock.Instant>(capacity: 1)
  let c = HchanPtr(channel.hchan)
  let t = newTimer(.channel, sendTime, c.raw)
  c[].timer = t
  _ = timerreset(t, timerwhen(ns), period)
  return (channel, t)
}

/// What afterFunc runs. The goroutine that runs it releases it; the scheduler, which
/// starts that, never does.
final class AfterFunc {
  let body: () throws -> Void
  private(set) var t: TimerPtr! = nil

  init(_ body: sending @escaping () throws -> Void) {
    self.body = body
    t = newTimer(.function, goFunc, Unmanaged.passUnretained(self).toOpaque())
  }

  deinit { timerfree(t) }

  func retain() { _ = Unmanaged.passUnretained(self).retain() }
  func release() { Unmanaged.passUnretained(self).release() }

  /// Turns the active timer's reference into an ordinary one.
  static func take(_ bits: UInt) -> AfterFunc {
    let raw = UnsafeRawPointer(bitPattern: bits).unsafelyUnwrapped
    return Unmanaged.fromOpaque(raw).takeRetainedValue()
  }
}

extension Duration {
  /// Rounded up, since nobody may wake too early; Int64.max for what is longer.
  var inNanoseconds: Int64 {
    let perNanosecond = 1_000_000_000
    if let a = UInt64(exactly: attoseconds) {
      let (q, r) = a.quotientAndRemainder(dividingBy: UInt64(perNanosecond))
      return Int64(q) + (r > 0 ? 1 : 0)
    }
    let (q, r) = attoseconds.quotientAndRemainder(dividingBy: Int128(perNanosecond))
    return Int64(clamping: r > 0 ? q + 1 : q)
  }
}
