// SPDX-License-Identifier: Apache-2.0
//
// What the programs share and none of them is about: columns, a clock, a
// thread. Nothing of it needs a stage.

import Glibc

/// Writes a line on standard error, after what has been printed so far.
func complain(_ message: String) {
  fflush(nil)
  let bytes = Array((message + "\n").utf8)
  _ = write(2, bytes, bytes.count)
}

func left(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - text.count))
}

func right(_ text: String, _ width: Int) -> String {
  String(repeating: " ", count: max(0, width - text.count)) + text
}

/// 1234567 becomes 1,234,567.
func grouped(_ value: Int) -> String {
  let digits = String(value.magnitude)
  var text = value < 0 ? "-" : ""
  for (i, digit) in digits.enumerated() {
    if i > 0 && (digits.count - i) % 3 == 0 { text.append(",") }
    text.append(digit)
  }
  return text
}

/// With one digit after the point: 12.3.
func tenths(_ value: Double) -> String {
  let n = Int((value * 10).rounded())
  return "\(grouped(n / 10)).\(n % 10)"
}

/// In the unit that suits: 75.0 ns, 12.3 us, 45.6 ms, 7.8 s.
func pleasant(_ seconds: Double) -> String {
  switch seconds {
  case ..<0.000001: tenths(seconds * 1e9) + " ns"
  case ..<0.001: tenths(seconds * 1e6) + " us"
  case ..<1: tenths(seconds * 1e3) + " ms"
  default: tenths(seconds) + " s"
  }
}

/// How many seconds `body` takes.
func seconds(_ body: () throws -> Void) rethrows -> Double {
  let clock = ContinuousClock()
  let start = clock.now
  try body()
  let duration = (clock.now - start).components
  return Double(duration.seconds) + Double(duration.attoseconds) * 1e-18
}

private final class ThreadBody {
  let run: @Sendable () -> Void

  init(_ run: @escaping @Sendable () -> Void) {
    self.run = run
  }
}

/// A thread of the kernel, as a program without a scheduler would start it.
/// The runtime knows nothing about it. Nil: the kernel has no more to give.
func startThread(_ body: @escaping @Sendable () -> Void) -> pthread_t? {
  let argument = Unmanaged.passRetained(ThreadBody(body))
  var thread = pthread_t()
  let status = pthread_create(
    &thread,
    nil,
    { argument in
      Unmanaged<ThreadBody>.fromOpaque(argument!).takeRetainedValue().run()
      return nil
    },
    argument.toOpaque()
  )
  if status == 0 { return thread }
  argument.release()
  return nil
}
