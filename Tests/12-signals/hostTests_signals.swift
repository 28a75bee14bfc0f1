// SPDX-License-Identifier: Apache-2.0
//
// Libraries, and signals that preempt.
// A line of Notes/host.md each, named by the key that its name begins with.

import Testing

@testable import Stage

/// Turns of a goroutine that runs whenever it may.
private let turns = Counter()

/// Computes in what search calls, until the thread was asked three times to yield; whether
/// it did not.
@inline(never)
private func searchWhileAsked(_ search: Bsearch) -> Bool {
  var key = 0
  return search(&key, &key, 1, MemoryLayout<Int>.size) { _, _ in
    let before = turns.value
    let end = takenCount(sigURG) + 3
    while takenCount(sigURG) < end {}
    return turns.value == before ? 0 : 1
  } != nil
}

extension RuntimeTests.HostTests {
  // Its callback is the program's own code, and what called that is not known to the
  // table that was made when the runtime started.
  @Test(.enabled(if: signalsPreempt))
  func `dlopen: what a library calls back is not preempted, whenever that was loaded`()
    async
  {
    await #expect(processExitsWith: .success) {
      _ = (taken, turns)
      setHandler(sigURG) { signal, _, _ in take(signal) }
      try inRun(procs: 1) { t in
        let search = bsearchLoadedNow()
        let stop = Counter()
        go {
          while stop.value == 0 {
            turns.add()
            gosched()
          }
        }
        gosched()
        let found = Channel<Bool>()
        // A stack on which no library has left an address.
        go { found.send(searchWhileAsked(search)) }
        t.equal(found.receive(), true)
        stop.value = 1
      }
    }
  }
}
