// SPDX-License-Identifier: Apache-2.0
//
// Sleeping, and timers of every kind.

import Stage

extension Parts {
  static func silence(_ duration: Duration) -> Channel<ContinuousClock.Instant>? {
    after(duration)
  }

  static let timers = Part(
    operations: [
      Operation("sleep") { _, r in sleep(for: r.microseconds(below: 200)) },
      Operation("select with a time limit") { w, r in
        let weight = r.below(1000)
        var sent = false
        select {
          send(Parcel(weight), to: w.channels[0]) { sent = true }
          send(Parcel(weight), to: w.channels[2]) { sent = true }
          receive(from: after(r.microseconds(below: 100))) { _ in }
        }
        if sent { w.books.send(weight) }
      },
      Operation("sleep under a read lock") { w, r in
        let sleeps = r.below(5) == 0
        w.rw.withReadLock { if sleeps { sleep(for: .microseconds(5)) } }
      },
      Operation("condition that a timer signals") { w, r in
        w.mutex.lock()
        let signal = afterFunc(r.microseconds(below: 60)) {
          w.mutex.withLock { w.cond.broadcast() }
        }
        w.cond.wait()
        w.mutex.unlock()
        signal.stop()
      },
      Operation("sleep on a locked thread") { _, r in
        lockOSThread()
        if r.below(3) == 0 { sleep(for: .microseconds(20)) }
        unlockOSThread()
      },
      Operation("timers stopped and reset") { _, r in
        let fires = afterFunc(r.microseconds(below: 60)) {}
        if r.below(2) == 0 { gosched() }
        fires.stop()
        let timer = GoTimer(r.microseconds(below: 100))
        timer.reset(.microseconds(10))
        if r.below(2) == 0 { _ = timer.channel.receive() } else { timer.stop() }
      },
      Operation("ticker") { _, r in
        let ticker = Ticker(every: .microseconds(10 + r.below(50)))
        _ = ticker.channel.receive()
        ticker.stop()
      },
    ],
    leftovers: [{ _ in sleep(for: .seconds(5)) }]
  )
}
