// SPDX-License-Identifier: Apache-2.0
//
// What a run finds in the environment, and crowds; each in a process of its own.
//                                          Go: src/runtime/proc.go, crash_test.go

import CLinux
import Synchronization
import Testing

@testable import Stage

extension RuntimeTests {
  @Suite("schedinit, GOMAXPROCS, GODEBUG")
  struct BootTests {
    @Test func `GOMAXPROCS in the environment is used`() async {
      await #expect(processExitsWith: .exitCode(5)) {
        exitTestDeadline()
        setEnvironment("GOMAXPROCS", "5")
        try run { exit_(Int32(gomaxprocs())) }
      }
    }

    @Test func `run's argument wins over the environment`() async {
      await #expect(processExitsWith: .exitCode(3)) {
        exitTestDeadline()
        setEnvironment("GOMAXPROCS", "5")
        try run(procs: 3) { exit_(Int32(gomaxprocs())) }
      }
    }

    @Test func `an empty GOMAXPROCS is no GOMAXPROCS`() async {
      let result = await #expect(
        processExitsWith: .exitCode(0), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        setEnvironment("GOMAXPROCS", "")
        try run { exit_(gomaxprocs() == Int(ncpu()) ? 0 : 1) }
      }
      #expect(!stderrText(result).contains("GOMAXPROCS"))
    }

    @Test func `garbage in GOMAXPROCS is named and ignored`() async {
      let result = await #expect(
        processExitsWith: .exitCode(0), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        setEnvironment("GOMAXPROCS", "4 lions")
        try run { exit_(gomaxprocs() == Int(ncpu()) ? 0 : 1) }
      }
      #expect(stderrText(result).contains("GOMAXPROCS"))
      #expect(stderrText(result).contains("4 lions"))
    }

    @Test func `zero in GOMAXPROCS is named and ignored`() async {
      let result = await #expect(
        processExitsWith: .exitCode(0), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        setEnvironment("GOMAXPROCS", "0")
        try run { exit_(gomaxprocs() == Int(ncpu()) ? 0 : 1) }
      }
      #expect(stderrText(result).contains("GOMAXPROCS"))
    }

    @Test func `a negative GOMAXPROCS is named and ignored`() async {
      let result = await #expect(
        processExitsWith: .exitCode(0), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        setEnvironment("GOMAXPROCS", "-2")
        try run { exit_(gomaxprocs() == Int(ncpu()) ? 0 : 1) }
      }
      #expect(stderrText(result).contains("GOMAXPROCS"))
      #expect(stderrText(result).contains("-2"))
    }

    @Test func `a GOMAXPROCS that overflows is named and ignored`() async {
      let result = await #expect(
        processExitsWith: .exitCode(0), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        setEnvironment("GOMAXPROCS", "99999999999999999999999")
        try run { exit_(gomaxprocs() == Int(ncpu()) ? 0 : 1) }
      }
      #expect(stderrText(result).contains("99999999999999999999999"))
    }

    // Go: TestBigGOMAXPROCS
    @Test func `GOMAXPROCS 1024 starts`() async {
      await #expect(processExitsWith: .exitCode(0)) {
        exitTestDeadline()
        setEnvironment("GOMAXPROCS", "1024")
        try run {
          let group = WaitGroup()
          for _ in 0..<3000 { group.go { gosched() } }
          group.wait()
          exit_(gomaxprocs() == 1024 ? 0 : 1)
        }
      }
    }

    // Go: testprog/schedmetrics
    @Test func `schedtrace prints Go's line`() async throws {
      let result = await #expect(
        processExitsWith: .exitCode(0), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        setEnvironment("GODEBUG", "schedtrace=5")
        try run(procs: 2) {
          let stop = Counter()
          for _ in 0..<10 { go { while stop.value == 0 { checkUnlessSignals() } } }
          sleep(for: .milliseconds(100))
          stop.value = 1
          exit_(0)
        }
      }
      let pattern = try Regex(
        #"SCHED [0-9]+ms: gomaxprocs=2 idleprocs=[0-9]+ threads=[0-9]+ "#
          + #"spinningthreads=[0-9]+ needspinning=[01] idlethreads=[0-9]+ "#
          + #"runqueue=[0-9]+ \[[0-9]+ [0-9]+\].*"#)
      let lines = stderrText(result).split(separator: "\n").filter {
        $0.hasPrefix("SCHED ")
      }
      #expect(lines.count >= 2)
      for line in lines { #expect(line.wholeMatch(of: pattern) != nil, "\(line)") }
    }

    @Test func `scheddetail lists Ps, Ms and Gs`() async throws {
      let result = await #expect(
        processExitsWith: .exitCode(0), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        setEnvironment("GODEBUG", "scheddetail=1,schedtrace=10")
        try run(procs: 2) {
          go { select {} }
          sleep(for: .milliseconds(100))
          exit_(0)
        }
      }
      let text = stderrText(result)
      for pattern in [
        #"SCHED [0-9]+ms: gomaxprocs=2 .* gcwaiting=(true|false) nmidlelocked=[0-9]+ stopwait=[0-9]+ sysmonwait=(true|false)\n"#,
        #"  P0: status=[0-4] schedtick=[0-9]+ syscalltick=[0-9]+ m=(nil|[0-9]+) runqsize=[0-9]+ gfreecnt=[0-9]+ timerslen=[0-9]+\n"#,
        #"  M0: p=(nil|[0-9]+) curg=(nil|[0-9]+) .*spinning=(true|false) blocked=(true|false) lockedg=(nil|[0-9]+)\n"#,
        #"  G1: status=[0-9]+\(.*\) m=(nil|[0-9]+) lockedm=(nil|[0-9]+)\n"#,
        #"\(select \(no cases\)\)"#,
      ] {
        #expect(text.contains(try Regex(pattern)), "\(pattern)\n\(text.prefix(4000))")
      }
    }

    @Test func `garbage in GODEBUG is named and ignored`() async {
      let result = await #expect(
        processExitsWith: .exitCode(0), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        setEnvironment("GODEBUG", "nonsense=1,schedtrace=often")
        try run { exit_(0) }
      }
      #expect(stderrText(result).contains("GODEBUG"))
      #expect(stderrText(result).contains("nonsense=1"))
    }

    @Test func `a report that is too long is cut, and still a line`() async {
      let result = await #expect(
        processExitsWith: .exitCode(0), observing: [\.standardErrorContent]
      ) {
        exitTestDeadline()
        setEnvironment("GODEBUG", String(repeating: "x", count: 2000))
        try run { exit_(0) }
      }
      #expect(stderrText(result).contains("x\n"))
    }

    @Test func `a schedtrace of more milliseconds than there are is no overflow`() async {
      await #expect(processExitsWith: .exitCode(0)) {
        exitTestDeadline()
        setEnvironment("GODEBUG", "schedtrace=9223372036854775807")
        try run {
          // sysmon goes round meanwhile.
          sleep(for: .milliseconds(50))
          exit_(0)
        }
      }
    }

    @Test func `without preemption by signals a loop with checks still gives way`() async
    {
      await #expect(processExitsWith: .exitCode(0)) {
        exitTestDeadline()
        setEnvironment("GODEBUG", "asyncpreemptoff=1")
        try run(procs: 1) {
          let stop = Counter()
          go {
            let c = Channel<Int>(capacity: 1)
            while stop.value == 0 {
              c.send(1)
              _ = c.receive()
            }
          }
          sleep(for: .milliseconds(20))
          stop.value = 1
          exit_(0)
        }
      }
    }

    // Crowds, in a process of their own for the memory.

    @Test func `a million goroutines are parked at once, and all wake`() async {
      await #expect(processExitsWith: .exitCode(0)) {
        exitTestDeadline(150)
        // As many as there is memory for: a page of stack or two each, and what
        // the kernel needs.
        let n =
          sanitized
          ? 4_000
          : guard_is_cheap() == 0 ? 10_000 : min(1_000_000, memoryAvailable() / 16)
        let live = Counter()
        let woken = Counter()
        try run(procs: 2) {
          let gate = Channel<Void>()
          let group = WaitGroup()
          for i in 0..<n {
            let object = Tracked(live, i)
            group.go {
              _ = gate.receive()
              woken.add(object.id >= 0 ? 1 : 0)
            }
          }
          if numGoroutine() != n + 1 { exit_(1) }
          gate.close()
          group.wait()
        }
        exit_(woken.value == n && live.value == 0 ? 0 : 1)
      }
    }

    @Test func `after a crowd has gone, a goroutine may be deep again`() async {
      await #expect(processExitsWith: .exitCode(0)) {
        exitTestDeadline(60)
        try run(procs: 2) {
          let gate = Channel<Void>()
          let crowd = WaitGroup()
          for _ in 0..<(sanitized ? 4_000 : 50_000) { crowd.go { _ = gate.receive() } }
          gate.close()
          crowd.wait()
          @Sendable func recurse(_ n: Int) -> Int {
            var frame = InlineArray<128, Int>(repeating: n)
            if n == 0 { return 0 }
            frame[n & 127] = 1
            return recurse(n - 1) + frame[n & 127]
          }
          // 4 MB each.
          for _ in 0..<100 {
            let c = Channel<Int>()
            go { c.send(recurse(4000)) }
            if c.receive() != 4000 { exit_(1) }
          }
          exit_(0)
        }
      }
    }
  }
}
