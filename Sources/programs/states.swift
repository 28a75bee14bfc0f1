// SPDX-License-Identifier: Apache-2.0
//
// A goroutine in every state there is, to look at with a debugger. It says what it
// knows of each, and then stays as it is until it is ended.
//
// Notes/debuggers.md shows what a debugger makes of it; Sources/debug/test.sh compares.

import Glibc
import Stage
import Synchronization

extension Programs.States {
  static var body: Body? { states }
}

/// The functions in which goroutines are to be found, and what the dump says of them.
private let inhabitants: [(name: String, state: String, body: @Sendable () -> Void)] = [
  ("receives", "chan receive", { receives(Channel<Int>()) }),
  ("sends", "chan send", { sends(Channel<Int>()) }),
  ("selects", "select", selects),
  ("selectsNothing", "select (no cases)", selectsNothing),
  ("naps", "sleep", naps),
  ("accepts", "IO wait", accepts),
  ("locks", "sync.Mutex.Lock", locks),
  ("readLocks", "sync.RWMutex.RLock", readLocks),
  ("awaitsSignal", "sync.Cond.Wait", awaitsSignal),
  ("awaitsGroup", "sync.WaitGroup.Wait", awaitsGroup),
  ("blocks", "syscall", blocks),
  ("keepsThread", "chan receive, locked to thread", keepsThread),
  ("descends", "chan receive", { descends(1000) }),
  ("loops", "running", loops),
  ("loops", "running", loops),
  ("loops", "running", loops),
]

private let looping = Counter()

private final class Counter: Sendable {
  let value = Atomic(0)
}

/// With N, so many more that receive.
func states(_ more: Int) throws {
  // Three goroutines loop, so one of them waits for its turn.
  try run(procs: 2) {
    let ids = Channel<Int>(capacity: inhabitants.count)
    var known: [(id: Int, name: String, state: String)] = []
    for (name, state, body) in inhabitants {
      go {
        ids.send(goroutineID())
        body()
      }
      known.append((ids.receive()!, name, state))
    }
    for _ in 0..<more { go { receives(Channel<Int>()) } }
    while !settled(known, more) { sleep(for: .milliseconds(10)) }
    print("goroutine \(goroutineID()): main: sync.WaitGroup.Wait")
    for one in known { print("goroutine \(one.id): \(one.name): \(one.state)") }
    complain("\(numGoroutine()) goroutines, until you press Ctrl-C")
    awaitsGroup()
  }
}

/// Whether every goroutine is where it is to be.
private func settled(
  _ known: [(id: Int, name: String, state: String)],
  _ more: Int
) -> Bool {
  let dump = stackDump().split(separator: "\n").filter { $0.hasPrefix("goroutine ") }
  let waiting = dump.count { $0.hasSuffix("[chan receive]:") }
  return looping.value.load(ordering: .relaxed) == 3
    && waiting == known.count { $0.state == "chan receive" } + more
    && known.allSatisfy { one in
      one.name == "loops" || dump.contains("goroutine \(one.id) [\(one.state)]:")
    }
}

/// What every one of these ends with: none is to get there.
private func went(on name: StaticString = #function) -> Never {
  complain("\(name) went on")
  exit(1)
}

@inline(never)
private func receives(_ c: Channel<Int>) {
  _ = c.receive()
  went()
}

@inline(never)
private func sends(_ c: Channel<Int>) {
  c.send(1)
  went()
}

@inline(never)
private func selects() {
  let numbers = Channel<Int>()
  let words = Channel<String>()
  select {
    receive(from: numbers) { _ in }
    send("word", to: words)
  }
  went()
}

@inline(never)
private func selectsNothing() {
  select {}
  went()
}

@inline(never)
private func naps() {
  sleep(for: .seconds(1_000_000))
  went()
}

@inline(never)
private func accepts() {
  _ = try? TCPListener().accept()
  went()
}

@inline(never)
private func locks() {
  let mutex = GoMutex()
  mutex.lock()
  mutex.lock()
  went()
}

@inline(never)
private func readLocks() {
  let mutex = GoRWMutex()
  mutex.lock()
  mutex.readLock()
  went()
}

@inline(never)
private func awaitsSignal() {
  let mutex = GoMutex()
  mutex.lock()
  GoCond(mutex).wait()
  went()
}

@inline(never)
private func awaitsGroup() {
  let group = WaitGroup()
  group.add(1)
  group.wait()
  went()
}

@inline(never)
private func blocks() {
  blocking { _ = pause() }
  went()
}

@inline(never)
private func keepsThread() {
  lockOSThread()
  receives(Channel<Int>())
}

@inline(never)
private func descends(_ n: Int) {
  if n > 0 { descends(n - 1) } else { receives(Channel<Int>()) }
  went()
}

/// Never checks whether it is to yield, so a signal has to make it.
@inline(never)
private func loops() {
  let counter = looping
  counter.value.add(1, ordering: .relaxed)
  while counter.value.load(ordering: .relaxed) > 0 {}
  went()
}
