// SPDX-License-Identifier: Apache-2.0
//
// Dispatch and async functions, called from goroutines and calling into them. A line
// of Notes/host.md each, named by the key that its name begins with.
//
// Each has a process of its own: what waits leaves threads behind, which other tests
// count. run holds up the thread that calls it, and tests are called by threads of the
// pool that async functions need: here it is called by a thread of its own.

import CLinux
import Dispatch
import Synchronization
import Testing

@testable import Stage

/// inRun, by a thread that belongs to nobody.
private func inRunOutside(
  procs: Int,
  within seconds: Int = 60,
  _ name: String = #function,
  sourceLocation: SourceLocation = #_sourceLocation,
  _ body: @Sendable @escaping (Report) throws -> Void
) {
  let report = Report()
  watchdog.begin(seconds, name)
  onForeignThread {
    do { try run(procs: procs) { try body(report) } } catch {
      report.check(false, "\(error)")
    }
  }
  watchdog.end()
  for message in report.messages {
    Issue.record(Comment(rawValue: message), sourceLocation: sourceLocation)
  }
}

// From a goroutine to what is not one.

/// What an async function returns, to a goroutine: its thread waits, its P does not.
func value<T: Sendable>(of body: @Sendable @escaping () async -> T) -> T {
  let result = Shared<T?>(nil)
  let done = DispatchSemaphore(value: 0)
  Task.detached {
    result.value = await body()
    done.signal()
  }
  blocking { done.wait() }
  return result.value!
}

/// The same, for which no thread waits.
func parkedValue<T: Sendable>(of body: @Sendable @escaping () async -> T) throws -> T {
  let result = Shared<T?>(nil)
  let (r, w) = makePipe()
  defer {
    closeDescriptor(r)
    closeDescriptor(w)
  }
  Task.detached {
    result.value = await body()
    _ = writeByte(w)
  }
  try waitReadable(r)
  return result.value!
}

// And back.

/// Where threads that run no goroutine leave what goroutines are to run.
final class Inlet: Sendable {
  private let pipe = makePipe()
  private let left = Synchronization.Mutex<[@Sendable () -> Void]>([])

  /// To be called by a goroutine: starts the one that takes what is left.
  func open() {
    go {
      while true {
        try waitReadable(self.pipe.read)
        if readByte(self.pipe.read) != 1 { continue }
        // In blocking nobody is preempted, so never with the lock held.
        let body = blocking { self.left.withLock { $0.removeFirst() } }
        go { body() }
      }
    }
  }

  /// To be called by any thread that runs no goroutine.
  func leave(_ body: @Sendable @escaping () -> Void) {
    left.withLock { $0.append(body) }
    while writeByte(pipe.write) != 1 { sleepInKernel(milliseconds: 1) }
  }

  /// What body returns on a goroutine, to a task.
  func value<T: Sendable>(of body: @Sendable @escaping () -> T) async -> T {
    await withCheckedContinuation { task in leave { task.resume(returning: body()) } }
  }
}

private actor Account {
  var balance = 0
  func add(_ n: Int) -> Int {
    balance += n
    return balance
  }

  /// Has goroutines do the sum.
  func addTwice(_ n: Int, _ inlet: Inlet) async -> Int {
    let twice = await inlet.value {
      let c = Channel<Int>()
      for _ in 0..<2 { go { c.send(n) } }
      return c.receive()! + c.receive()!
    }
    return add(twice)
  }
}

private enum Local {
  @TaskLocal static var value = 0
}

extension RuntimeTests.HostTests {
  // Dispatch.

  @Test func `dispatch-async: a block wakes a goroutine by a pipe`() async {
    await #expect(processExitsWith: .success) {
      inRunOutside(procs: 2) { t in
        let group = WaitGroup()
        let queue = DispatchQueue(label: "serial")
        let ran = Counter()
        for _ in 0..<50 {
          group.go {
            let (r, w) = makePipe()
            queue.async {
              ran.add()
              t.equal(writeByte(w), 1)
            }
            try waitReadable(r)
            closeDescriptor(r)
            closeDescriptor(w)
          }
        }
        group.wait()
        t.equal(ran.value, 50)
      }
    }
  }

  @Test func `dispatch-sync: queues exclude each other's blocks, in blocking`() async {
    await #expect(processExitsWith: .success) {
      inRunOutside(procs: 4) { t in
        let group = WaitGroup()
        let queue = DispatchQueue(label: "serial")
        let (inside, n) = (Counter(), Shared(0))
        for _ in 0..<8 {
          group.go {
            for _ in 0..<5 {
              blocking {
                queue.sync {
                  t.equal(inside.add(), 1)
                  sleepInKernel(milliseconds: 1)
                  n.value += 1
                  inside.add(-1)
                }
              }
            }
          }
        }
        group.wait()
        t.equal(n.value, 40)
      }
    }
  }

  @Test func `dispatch-sync-switch: a block that waits for a goroutine ends the process`()
    async
  {
    // The queue belongs to the thread, and so, it seems, to whoever comes next to it.
    await #expect(processExitsWith: .signal(4)) {
      exitTestDeadline()
      try run(procs: 1) {
        let queue = DispatchQueue(label: "serial")
        let c = Channel<Int>()
        go { queue.sync { c.send(1) } }
        queue.sync { _ = c.receive() }
      }
    }
    let result = await #expect(
      processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
    ) {
      exitTestDeadline()
      try run(procs: 1) {
        let queue = DispatchQueue(label: "serial")
        blocking { queue.sync { _ = Channel<Int>().receive() } }
      }
    }
    #expect(
      stderrText(result).contains("called inside blocking"), "\(stderrText(result))")
  }

  @Test func `dispatch-semaphore: a wait keeps the P, but in blocking`() async {
    await #expect(processExitsWith: .success) {
      inRunOutside(procs: 1) { t in
        let semaphore = DispatchSemaphore(value: 0)
        go { semaphore.signal() }
        t.equal(semaphore.wait(timeout: .now() + 0.05), .timedOut)
        t.equal(blocking { semaphore.wait(timeout: .distantFuture) }, .success)
      }
    }
  }

  @Test func `dispatch-main: the main queue waits while run has the main thread`() async {
    await #expect(processExitsWith: .success) {
      await MainActor.run {
        try? inRun(procs: 2) { t in
          let done = DispatchSemaphore(value: 0)
          DispatchQueue.main.async { done.signal() }
          Task { @MainActor in done.signal() }
          t.equal(blocking { done.wait(timeout: .now() + 0.1) }, .timedOut)
        }
      }
      inRunOutside(procs: 2) { t in
        let done = DispatchSemaphore(value: 0)
        DispatchQueue.main.async { done.signal() }
        blocking { done.wait() }
        t.equal(value { await MainActor.run { 7 } }, 7)
      }
    }
  }

  // Async functions.

  @Test func `async-from: goroutines wait for what async functions return`() async {
    await #expect(processExitsWith: .success) {
      inRunOutside(procs: 2) { t in
        let group = WaitGroup()
        for i in 0..<50 {
          group.go {
            t.equal(
              value {
                await Task.yield()
                return i
              }, i)
          }
        }
        group.wait()
      }
    }
  }

  @Test func `async-from-parked: and no thread waits with them`() async {
    await #expect(processExitsWith: .success) {
      inRunOutside(procs: 2) { t in
        let group = WaitGroup()
        let waiting = Counter()
        for i in 0..<200 {
          group.go {
            t.equal(
              try parkedValue {
                waiting.add()
                while waiting.value < 200 { await Task.yield() }
                return i
              }, i)
          }
        }
        group.wait()
        t.check(
          schedulerCounters().threads < 50, "\(schedulerCounters().threads) threads")
      }
    }
  }

  @Test func `async-into: tasks wait for what goroutines do`() async {
    await #expect(processExitsWith: .success) {
      inRunOutside(procs: 2) { t in
        let inlet = Inlet()
        inlet.open()
        let sum = value {
          await withTaskGroup(of: Int.self) { tasks in
            for i in 0..<100 {
              tasks.addTask {
                await inlet.value {
                  let c = Channel<Int>()
                  go { c.send(i) }
                  return c.receive()!
                }
              }
            }
            return await tasks.reduce(0, +)
          }
        }
        t.equal(sum, 4950)
      }
    }
  }

  @Test func `async-detached: tasks that goroutines start run on threads of their own`()
    async
  {
    await #expect(processExitsWith: .success) {
      inRunOutside(procs: 1) { t in
        let (r, w) = makePipe()
        let onGoroutine = Counter()
        for detached in [false, true] {
          let body: @Sendable () async -> Void = {
            await Task.yield()
            if getgOrNil() != nil { onGoroutine.add() }
            _ = writeByte(w)
          }
          if detached { Task.detached { await body() } } else { Task { await body() } }
          try waitReadable(r)
          t.equal(readByte(r), 1)
        }
        t.equal(onGoroutine.value, 0)
      }
    }
  }

  @Test func `async-actor: goroutines call actors, and actors goroutines`() async {
    await #expect(processExitsWith: .success) {
      inRunOutside(procs: 2) { t in
        let account = Account()
        let inlet = Inlet()
        inlet.open()
        let group = WaitGroup()
        for i in 0..<20 {
          group.go {
            _ = value { await account.add(i) }
            _ = value { await account.addTwice(i, inlet) }
          }
        }
        group.wait()
        t.equal(value { await account.balance }, 3 * 190)
      }
    }
  }

  @Test func `async-task: a goroutine is no task`() async {
    await #expect(processExitsWith: .success) {
      inRunOutside(procs: 2) { t in
        for _ in 0..<20 {
          go { withUnsafeCurrentTask { t.check($0 == nil) } }
          gosched()
        }
        withUnsafeCurrentTask { t.check($0 == nil) }
      }
    }
  }

  @Test func `async-local: task-local values belong to the thread`() async {
    await #expect(processExitsWith: .success) {
      inRunOutside(procs: 1) { t in
        let group = WaitGroup()
        for i in 1...4 {
          group.go {
            lockOSThread()
            defer { unlockOSThread() }
            Local.$value.withValue(i) {
              for _ in 0..<20 {
                gosched()
                t.equal(Local.value, i)
              }
            }
          }
        }
        group.wait()
        // Without: whoever comes next to the thread finds them.
        Local.$value.withValue(7) {
          let thread = gettid_()
          group.go { t.equal(Local.value, gettid_() == thread ? 7 : 0) }
          group.wait()
        }
      }
    }
  }
  @Test func `async-run: run holds up the task that calls it`() async {
    await #expect(processExitsWith: .success) {
      try inRun(procs: 2) { t in
        let caller = gettid_()
        let group = WaitGroup()
        for _ in 0..<20 {
          group.go {
            // Without a look at the thread in between.
            lockOSThread()
            withUnsafeCurrentTask { t.equal($0 != nil, gettid_() == caller) }
            unlockOSThread()
          }
        }
        group.wait()
        // The pool has two threads at least.
        t.equal(value { 7 }, 7)
      }
    }
  }

  @Test func `swift-testing: two tests in run at a time end the process`() async {
    let result = await #expect(
      processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
    ) {
      exitTestDeadline()
      let bothThere = Counter()
      for _ in 0..<2 {
        detachForeignThread {
          bothThere.add()
          while bothThere.value != 2 {}
          try? run { while true { gosched() } }
        }
      }
      while true { sleepInKernel(milliseconds: 1000) }
    }
    #expect(
      stderrText(result).contains("run called while another thread is in run"),
      "\(stderrText(result))")
  }
}
