// SPDX-License-Identifier: Apache-2.0
//
// Dispatch and async functions, waited for by descriptors, and calling into goroutines.
// A line of Notes/host.md each, named by the key that its name begins with.

import Dispatch
import Synchronization
import Testing

@testable import Stage

/// What an async function returns, to a goroutine, for which no thread waits.
private func parkedValue<T: Sendable>(of body: @Sendable @escaping () async -> T) throws
  -> T
{
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

/// Where threads that run no goroutine leave what goroutines are to run.
private final class Inlet: Sendable {
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

extension RuntimeTests.HostTests {
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
}
