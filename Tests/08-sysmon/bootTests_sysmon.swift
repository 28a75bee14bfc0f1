// SPDX-License-Identifier: Apache-2.0
//
// GODEBUG, and what it has the watchman print.
//                                       Go: src/runtime/proc.go, runtime1.go

import CLinux
import Testing

@testable import Stage

/// What scheddetail prints has lines that match each of the patterns.
func expectDetails(_ patterns: [String]) async throws {
  let result = await #expect(
    processExitsWith: .exitCode(0), observing: [\.standardErrorContent]
  ) {
    exitTestDeadline()
    setEnvironment("GODEBUG", "scheddetail=1,schedtrace=10")
    try run(procs: 2) {
      go { select {} }
      blocking { sleepInKernel(milliseconds: 100) }
      exit_(0)
    }
  }
  let text = stderrText(result)
  for pattern in patterns {
    #expect(text.contains(try Regex(pattern)), "\(pattern)\n\(text.prefix(4000))")
  }
}

extension RuntimeTests.BootTests {
  // Go: testprog/schedmetrics
  @Test func `schedtrace prints Go's line`() async throws {
    let result = await #expect(
      processExitsWith: .exitCode(0), observing: [\.standardErrorContent]
    ) {
      exitTestDeadline()
      setEnvironment("GODEBUG", "schedtrace=5")
      try run(procs: 2) {
        let stop = Counter()
        for _ in 0..<10 { go { while stop.value == 0 { gosched() } } }
        blocking { sleepInKernel(milliseconds: 100) }
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
    try await expectDetails([
      #"SCHED [0-9]+ms: gomaxprocs=2 .* nmidlelocked=[0-9]+.* sysmonwait=(true|false)\n"#,
      #"  P0: status=[0-4] schedtick=[0-9]+ syscalltick=[0-9]+ m=(nil|[0-9]+) runqsize=[0-9]+ gfreecnt=[0-9]+.*\n"#,
      #"  M0: p=(nil|[0-9]+) curg=(nil|[0-9]+) .*spinning=(true|false) blocked=(true|false) lockedg=(nil|[0-9]+)\n"#,
      #"  G1: status=[0-9]+\(.*\) m=(nil|[0-9]+) lockedm=(nil|[0-9]+)\n"#,
      #"\(select \(no cases\)\)"#,
    ])
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

  @Test func `a schedtrace of more milliseconds than there are is no overflow`() async {
    await #expect(processExitsWith: .exitCode(0)) {
      exitTestDeadline()
      setEnvironment("GODEBUG", "schedtrace=9223372036854775807")
      try run {
        go { while true { gosched() } }
        // sysmon goes round meanwhile.
        blocking { sleepInKernel(milliseconds: 50) }
        exit_(0)
      }
    }
  }
}
