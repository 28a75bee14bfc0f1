// SPDX-License-Identifier: Apache-2.0
//
// Dispatch and async functions, waited for in blocking, or on a locked thread.
// A line of Notes/host.md each, named by the key that its name begins with.

import CLinux
import Dispatch
import Testing

@testable import Stage

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

private enum Local {
  @TaskLocal static var value = 0
}

extension RuntimeTests.HostTests {
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
}
