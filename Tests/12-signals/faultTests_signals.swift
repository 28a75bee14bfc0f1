// SPDX-License-Identifier: Apache-2.0
//
// Signals of the program's own, and children.
//             Go: src/os/signal/signal_test.go, src/runtime/testdata/testprogcgo
//
// The handlers that were there before the runtime started are passed what it takes;
// those that come later replace its own, and pass on what they do not want. Each
// test has a process of its own: a handler is the process's.

import CLinux
import Synchronization
import Testing

@testable import Stage

private let ePIPE: Int32 = 32

private let rain = [sigURG, sigALRM, sigCHLD, sigPROF]

/// Counts; under 0 what a thread of the runtime took.
private let counts: Handler = { signal, _, _ in
  take(signal)
  if getgOrNil() != nil { take(0) }
}

/// Without SA_RESTART: every system call of every thread may fail with EINTR. SIGURG
/// belongs to the runtime as well.
func catchRain(passingOn: Bool) {
  for signal in rain { setHandler(signal, restart: false, counts) }
  if passingOn {
    setHandler(sigURG, restart: false) {
      counts($0, $1, $2)
      passOn($0, $1, $2)
    }
  }
}

/// Sends every thread of the runtime, and the process, each of the signals.
private func sendRain() {
  // acquire: an M is found whole.
  var mp = allm[].head.load(ordering: .acquiring)
  while let m = mp {
    let tid = m[].procid.load(ordering: .relaxed)
    if tid != 0 { for signal in rain { _ = tgkill_(tid, signal) } }
    mp = m[].alllink
  }
  for signal in rain { raiseSignal(signal) }
}

/// Does a bit of everything, over and over, until each of the signals has been taken
/// often; the sums must be right every time. levels: of half a kilobyte of stack each.
func workInTheRain(_ t: Report, levels: Int) throws {
  let stop = Counter()
  detachForeignThread {
    while stop.value == 0 {
      sendRain()
      sleepInKernel(milliseconds: 1)
    }
    stop.value = 2
  }
  setIntervalTimers(every: 1000)
  // A process of another program.
  let script = """
    i=0; while [ $i -lt 1000 ]; do kill -URG \(processID()); kill -CHLD \(processID())
    i=$((i+1)); done; exit 5
    """
  let code = Channel<Int32>(capacity: 1)
  go { code.send(blocking { waitForChild(startShell(script)) }) }
  let listener = try TCPListener()
  go {
    while let c = try? listener.accept() {
      go {
        while case let bytes = try c.read(upTo: 4096), !bytes.isEmpty {
          try c.write(bytes)
        }
        c.close()
      }
    }
  }
  var rounds = 0
  while rounds < scaled(20) || ([0] + rain).contains(where: { takenCount($0) < 100 }) {
    rounds += 1
    let group = WaitGroup()
    let sum = Counter()
    let c = Channel<Int>(capacity: rounds % 3)
    for _ in 0..<3 { go { for i in 0..<300 { c.send(i) } } }
    for _ in 0..<3 { group.go { for _ in 0..<300 { sum.add(c.receive()!) } } }
    let echoed = Counter()
    for k in 0..<4 {
      group.go {
        let c = try TCPConnection(host: "127.0.0.1", port: listener.port)
        for i in 0..<20 {
          let message = [UInt8](repeating: UInt8(k * 20 + i), count: 1 + i * 40)
          try c.write(message)
          var got: [UInt8] = []
          while got.count < message.count { got += try c.read(upTo: 4096) }
          t.equal(got, message)
          echoed.add(got.count)
        }
        c.close()
      }
    }
    let fired = Counter()
    for i in 0..<50 {
      group.go {
        let start = nanotime()
        sleep(for: .microseconds(i * 20))
        t.check(nanotime() - start >= i * 20_000, "early")
        _ = GoTimer(.microseconds(i)).channel.receive()
        fired.add()
      }
    }
    let blocked = Counter()
    for _ in 0..<4 {
      group.go {
        for _ in 0..<5 {
          blocking { sleepInKernel(milliseconds: 1) }
          blocked.add()
        }
      }
    }
    let deep = Counter()
    group.go { deep.add(depth(levels)) }
    group.wait()
    t.equal(sum.value, 3 * 299 * 150)
    t.equal(echoed.value, 4 * (20 + 40 * 190))
    t.equal(fired.value, 50)
    t.equal(blocked.value, 20)
    t.equal(deep.value, levels)
  }
  t.equal(code.receive(), 5, "the process that sent signals")
  setIntervalTimers(every: 0)
  stop.value = 1
  stop.await(2)
  listener.close()
}

/// Half a kilobyte a call.
@inline(never)
func depth(_ n: Int) -> Int {
  var frame = InlineArray<64, Int>(repeating: n)
  if n == 0 { return 0 }
  frame[n & 63] = depth(n - 1)
  return frame[n & 63] + 1
}

/// The page that a handler makes usable, and where that handler's frame was.
nonisolated(unsafe) let page = forbiddenPage()
private let frame = Counter()

/// What handlers use is made before they run: a lazy global inside one could wait for
/// the very thread that it interrupted.
func prepare() { _ = (page, frame, taken, counts) }

/// For a handler: whether its frame is on no goroutine's stack.
private func noteFrame() { frame.value = Int(bitPattern: frame_address()) }

/// Whether the handler ran on the stack of a goroutine.
func handlerRanOnGoroutine() -> Bool {
  let sp = UInt(bitPattern: frame.value)
  var found = false
  forEachG { if sp >= $0[].stack.lo, sp < $0[].stack.hi { found = true } }
  return found
}

let mendsPage: Handler = { signal, info, context in
  if faultAddress(info) == UInt(bitPattern: page) {
    noteFrame()
    take(signal)
    permit(page)
  } else {
    passOn(signal, info, context)
  }
}

extension RuntimeTests.FaultTests {
  @Test func `a writer parked on a pipe is told that the reader has gone`() throws {
    try inRun(procs: 2) { t in
      for _ in 0..<scaled(50) {
        let pipe = try GoPipe()
        let codes = Channel<Int32>(capacity: 1)
        goUntilParked {
          codes.send(
            errnoThrown { try pipe.write([UInt8](repeating: 0, count: 1 << 20)) })
        }
        pipe.closeRead()
        t.equal(codes.receive(), ePIPE)
        pipe.closeWrite()
      }
    }
  }

  // Rain.

  @Test func `sums are right while signals rain on handlers from before the start`() async
  {
    await #expect(processExitsWith: .success) {
      prepare()
      unblockSignals()
      catchRain(passingOn: false)
      try inRun(procs: 4) { t in try workInTheRain(t, levels: 100) }
    }
  }

  @Test func `sums are right while signals rain on handlers from during the run`() async {
    await #expect(processExitsWith: .success) {
      prepare()
      unblockSignals()
      try inRun(procs: 4) { t in
        catchRain(passingOn: true)
        try workInTheRain(t, levels: 100)
      }
    }
  }

  // Handlers.

  @Test(.enabled(if: signalsPreempt))
  func `a fault that a handler from before the start mends is no fault`() async {
    await #expect(processExitsWith: .success) {
      prepare()
      setHandler(sigSEGV, onStack: false, mendsPage)
      try inRun(procs: 2) { t in
        t.equal(page.load(as: Int.self), 0)
        t.equal(takenCount(sigSEGV), 1)
        t.check(!handlerRanOnGoroutine())
      }
    }
  }

  @Test(.enabled(if: signalsPreempt))
  func `a fault that a handler from during the run mends is no fault`() async {
    await #expect(processExitsWith: .success) {
      try inRun(procs: 2) { t in
        prepare()
        setHandler(sigSEGV, mendsPage)
        t.equal(page.load(as: Int.self), 0)
        t.equal(takenCount(sigSEGV), 1)
        t.check(!handlerRanOnGoroutine())
      }
    }
  }

  @Test(.enabled(if: signalsPreempt))
  func `a handler from during the run that passes SIGURG on does not end preemption`()
    async
  {
    await #expect(processExitsWith: .success) {
      try inRun(procs: 1) { t in
        prepare()
        setHandler(sigURG) {
          take($0)
          passOn($0, $1, $2)
        }
        // One P: each of these waits for the other's turn, and neither gives way.
        let turn = Counter()
        go {
          for i in 0..<5 {
            turn.spin(until: 2 * i + 1)
            turn.add()
          }
        }
        for i in 0..<5 {
          turn.spin(until: 2 * i)
          turn.add()
        }
        turn.spin(until: 10)
        t.check(takenCount(sigURG) >= 9, "\(takenCount(sigURG)) signals")
      }
    }
  }

  // Go: initsig's setsigstack.
  @Test(.enabled(if: !sanitized, "ThreadSanitizer calls handlers later, on any stack"))
  func `handlers from before the start run on a signal stack`() async {
    await #expect(processExitsWith: .success) {
      prepare()
      unblockSignals()
      for signal in [sigUSR1, sigPROF, sigURG] {
        setHandler(signal, onStack: false) { signal, _, _ in
          noteFrame()
          take(signal)
        }
      }
      try inRun(procs: 2) { t in
        for signal in [sigUSR1, sigPROF, sigURG] {
          let before = takenCount(signal)
          _ = tgkill_(gettid_(), signal)
          while takenCount(signal) == before {}
          t.check(!handlerRanOnGoroutine(), "signal \(signal)")
        }
      }
    }
  }

  @Test(.enabled(if: signalsPreempt))
  func `a fault in a program that ignores SIGSEGV ends it`() async {
    await #expect(processExitsWith: .signal(11)) {
      exitTestDeadline(10)
      ignoreSignal(sigSEGV)
      try run(procs: 2) {
        // Sent by somebody, it is ignored.
        raiseSignal(sigSEGV)
        say("\(page.load(as: Int.self))")
      }
    }
  }

  // Children.

  @Test(arguments: [1, 4])
  func `children started under preemption end with their own codes`(procs: Int) throws {
    try inRun(procs: procs) { t in
      let group = WaitGroup()
      let stop = Counter()
      for _ in 0..<2 { go { while stop.value == 0 { checkUnlessSignals() } } }
      let codes = Counter()
      for k in 0..<8 {
        group.go {
          for i in 0..<scaled(125) {
            let code = Int32((k * 31 + i) % 256)
            t.equal(blocking { waitForChild(startShell("exit \(code)")) }, code)
            codes.add()
          }
        }
      }
      group.wait()
      stop.value = 1
      t.equal(codes.value, 8 * scaled(125))
    }
  }
}
