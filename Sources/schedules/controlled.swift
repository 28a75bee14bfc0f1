// SPDX-License-Identifier: Apache-2.0
//
// What a stage gets instead, when its threads run one at a time.
//
// This file is compiled into a stage's module. Names of the module go before imported
// ones: so every Atomic of the stage is the one below, which may give the baton away
// before each operation, and every function through which a thread would sleep, or see
// the time, is one of those below. The stage's own files are untouched.

import CLinux
import Controlled
import Synchronization

/// Synchronization's Atomic, with a point before every operation. As one thread runs at
/// a time, plain loads and stores do, and all orderings are alike.
public struct Atomic<Value: AtomicRepresentable>: ~Copyable, @unchecked Sendable {
  @usableFromInline let storage: Synchronization.Atomic<Value>

  @inlinable public init(_ initial: consuming Value) {
    storage = Synchronization.Atomic(initial)
  }

  @usableFromInline typealias Bits = Value.AtomicRepresentation

  /// The memory, after a point.
  @inlinable @inline(__always)
  func point() -> UnsafeMutablePointer<Bits> {
    withUnsafePointer(to: storage) {
      controlled_point($0).unsafelyUnwrapped.assumingMemoryBound(to: Bits.self)
    }
  }

  @inlinable @inline(__always)
  public func load(ordering: AtomicLoadOrdering) -> Value {
    Value.decodeAtomicRepresentation(point().pointee)
  }

  @inlinable @inline(__always)
  public func store(_ new: consuming Value, ordering: AtomicStoreOrdering) {
    point().pointee = Value.encodeAtomicRepresentation(new)
  }

  @inlinable @inline(__always)
  public func exchange(_ new: consuming Value, ordering: AtomicUpdateOrdering) -> Value {
    let bits = point()
    let old = bits.pointee
    bits.pointee = Value.encodeAtomicRepresentation(new)
    return Value.decodeAtomicRepresentation(old)
  }

  @inlinable @inline(__always)
  public func compareExchange(
    expected: consuming Value,
    desired: consuming Value,
    ordering: AtomicUpdateOrdering
  ) -> (exchanged: Bool, original: Value) {
    let bits = point()
    let old = bits.pointee
    let wanted = Value.encodeAtomicRepresentation(expected)
    let same = withUnsafeBytes(of: old) { old in
      withUnsafeBytes(of: wanted) { old.elementsEqual($0) }
    }
    if same { bits.pointee = Value.encodeAtomicRepresentation(desired) }
    return (same, Value.decodeAtomicRepresentation(old))
  }

  @inlinable @inline(__always)
  public func compareExchange(
    expected: consuming Value,
    desired: consuming Value,
    successOrdering: AtomicUpdateOrdering,
    failureOrdering: AtomicLoadOrdering
  ) -> (exchanged: Bool, original: Value) {
    compareExchange(
      expected: expected, desired: desired, ordering: .sequentiallyConsistent)
  }
}

extension Atomic where Value: FixedWidthInteger {
  /// Stores new(old).
  @inlinable @inline(__always)
  func update(_ new: (Value) -> Value) -> (oldValue: Value, newValue: Value) {
    let bits = point()
    let old = Value.decodeAtomicRepresentation(bits.pointee)
    let changed = new(old)
    bits.pointee = Value.encodeAtomicRepresentation(changed)
    return (old, changed)
  }

  @inlinable @inline(__always) @discardableResult
  public func add(
    _ operand: Value, ordering: AtomicUpdateOrdering
  ) -> (oldValue: Value, newValue: Value) { update { $0 + operand } }

  @inlinable @inline(__always) @discardableResult
  public func subtract(
    _ operand: Value, ordering: AtomicUpdateOrdering
  ) -> (oldValue: Value, newValue: Value) { update { $0 - operand } }

  @inlinable @inline(__always) @discardableResult
  public func wrappingAdd(
    _ operand: Value, ordering: AtomicUpdateOrdering
  ) -> (oldValue: Value, newValue: Value) { update { $0 &+ operand } }

  @inlinable @inline(__always) @discardableResult
  public func wrappingSubtract(
    _ operand: Value, ordering: AtomicUpdateOrdering
  ) -> (oldValue: Value, newValue: Value) { update { $0 &- operand } }

  @inlinable @inline(__always) @discardableResult
  public func bitwiseOr(
    _ operand: Value, ordering: AtomicUpdateOrdering
  ) -> (oldValue: Value, newValue: Value) { update { $0 | operand } }

  @inlinable @inline(__always) @discardableResult
  public func bitwiseAnd(
    _ operand: Value, ordering: AtomicUpdateOrdering
  ) -> (oldValue: Value, newValue: Value) { update { $0 & operand } }
}

// Where a thread sleeps, yields, or looks at the clock.

func nanotime() -> Int64 { controlled_now() }

func usleep_ns(_ ns: Int64) { controlled_sleep(ns) }

func osyield() { controlled_yield() }

func procyield(_ n: UInt32) { controlled_yield() }

func futexsleep(_ addr: UnsafeRawPointer, _ val: UInt32, _ timeout: Int64) -> Int32 {
  controlled_futexsleep(addr, val, timeout)
}

func futexwakeup(_ addr: UnsafeRawPointer, _ n: UInt32) -> Int32 {
  controlled_futexwakeup(addr, n)
}

/// One thread at a time: there is nothing to be in order with.
func membarrier() {}

/// As many as the most that schedules run on, on whatever machine.
func ncpu() -> Int32 { 4 }

func newosproc(
  _ start: @convention(c) (UnsafeMutableRawPointer?) -> Void,
  _ arg: UnsafeMutableRawPointer?,
  _ stack: Int
) -> Int32 {
  CLinux.newosproc(controlled_thread, controlled_create(start, arg), stack)
}

func epollwait(
  _ epfd: Int32, _ events: UnsafeMutablePointer<epollevent>, _ n: Int32, _ timeout: Int64
) -> Int32 {
  let deadline = nanotime() + timeout
  while true {
    _ = controlled_point(nil)
    let ready = CLinux.epollwait(epfd, events, n, 0)
    if ready != 0 || timeout == 0 { return ready }
    let left = timeout < 0 ? -1 : deadline - nanotime()
    if timeout > 0, left <= 0 { return 0 }
    if controlled_poll(left) == 0 { return 0 }
  }
}

func write_(_ fd: Int32, _ bytes: UnsafeRawPointer, _ n: Int) -> Int64 {
  let r = CLinux.write_(fd, bytes, n)
  controlled_polled()
  return r
}

func piperead(_ fd: Int32, _ bytes: UnsafeMutableRawPointer?, _ n: Int) -> Int64 {
  let r = CLinux.piperead(fd, bytes, n)
  controlled_polled()
  return r
}

func pipewrite(_ fd: Int32, _ bytes: UnsafeRawPointer?, _ n: Int) -> Int64 {
  let r = CLinux.pipewrite(fd, bytes, n)
  controlled_polled()
  return r
}

func netclose(_ fd: Int32) {
  CLinux.netclose(fd)
  controlled_polled()
}
