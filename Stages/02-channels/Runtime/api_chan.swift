// SPDX-License-Identifier: Apache-2.0
//
// Channels and select, as programs see them.
//
// The typed face of chan.swift and select.swift. It is compiled into the program
// that uses it, where the type of the values is known, and only brings the values
// into memory and out of it again.

/// Go: chan. Carries values between goroutines: a value that is sent is received by
/// exactly one of those who wait, in the order of sending.
public final class Channel<Element>: @unchecked Sendable {
  @usableFromInline
  let hchan: UnsafeMutableRawPointer

  /// Go: make(chan Element, capacity). Without capacity, a sender waits until its
  /// value is received.
  @inlinable
  public init(capacity: Int = 0) {
    hchan = makechan(Element.self, capacity)
  }

  deinit { chanfree(hchan) }

  /// Go: cap.
  @inlinable
  public var capacity: Int { withExtendedLifetime(self) { chancap(hchan) } }

  /// Go: len. The values sent and not yet received.
  @inlinable
  public var count: Int { withExtendedLifetime(self) { chanlen(hchan) } }

  /// Go: c <- v. Waits until there is room or a receiver. On a closed channel:
  /// `panic: send on closed channel`.
  @inlinable
  public func send(_ value: sending Element) {
    defer { withExtendedLifetime(self) {} }
    var value = Optional(consume value)
    withUnsafeTemporaryAllocation(of: Element.self, capacity: 1) {
      let slot = $0.baseAddress.unsafelyUnwrapped
      slot.initialize(to: value.take().unsafelyUnwrapped)
      chansend1(hchan, slot)
    }
  }

  /// Go: v, ok := <-c. Waits for a value; nil: closed, and all values are received.
  @inlinable
  public func receive() -> sending Element? {
    defer { withExtendedLifetime(self) {} }
    return withUnsafeTemporaryAllocation(of: Element.self, capacity: 1) {
      let slot = $0.baseAddress.unsafelyUnwrapped
      return chanrecv2(hchan, slot) ? slot.move() : nil
    }
  }

  /// Go: a send with default. Whether the value was sent.
  @inlinable
  public func trySend(_ value: sending Element) -> Bool {
    defer { withExtendedLifetime(self) {} }
    var value = Optional(consume value)
    return withUnsafeTemporaryAllocation(of: Element.self, capacity: 1) {
      let slot = $0.baseAddress.unsafelyUnwrapped
      slot.initialize(to: value.take().unsafelyUnwrapped)
      if selectnbsend(hchan, slot) { return true }
      slot.deinitialize(count: 1)
      return false
    }
  }

  /// Go: a receive with default.
  @inlinable
  public func tryReceive() -> sending TryReceive<Element> {
    defer { withExtendedLifetime(self) {} }
    return withUnsafeTemporaryAllocation(of: Element.self, capacity: 1) {
      let slot = $0.baseAddress.unsafelyUnwrapped
      let (selected, received) = selectnbrecv(hchan, slot)
      if received { return .value(slot.move()) }
      return selected ? .closed : .empty
    }
  }

  /// Go: close. Receivers get what was sent before, then nil. A second time:
  /// `panic: close of closed channel`.
  @inlinable
  public func close() {
    closechan(hchan)
    withExtendedLifetime(self) {}
  }
}

/// What `tryReceive` found.
public enum TryReceive<Element> {
  case value(Element)

  /// A value may yet come.
  case empty

  /// None will.
  case closed
}

extension TryReceive: Sendable where Element: Sendable {}

extension TryReceive: Equatable where Element: Equatable {}

/// Go: for v := range c. Receives until the channel is closed.
extension Channel: Sequence {
  public struct Iterator: IteratorProtocol {
    @usableFromInline
    let channel: Channel

    @inlinable
    init(_ channel: Channel) { self.channel = channel }

    @inlinable
    public mutating func next() -> Element? { channel.receive() }
  }

  @inlinable
  public func makeIterator() -> Iterator { Iterator(self) }
}

// The doors to chan.swift, one for each operation on the memory of one value.

/// Go: c <- v.
@usableFromInline
func chansend1(_ c: UnsafeMutableRawPointer, _ ep: UnsafeMutableRawPointer) {
  let gp = enterRuntime("Channel.send")
  _ = chansend(HchanPtr(c), ep, block: true)
  exitRuntime(gp)
}

/// Go: select { case c <- v: default: }.
@usableFromInline
func selectnbsend(
  _ c: UnsafeMutableRawPointer, _ ep: UnsafeMutableRawPointer
) -> Bool {
  let gp = enterRuntime("Channel.trySend")
  let selected = chansend(HchanPtr(c), ep, block: false)
  exitRuntime(gp)
  return selected
}

/// Go: v, ok := <-c. Whether there was a value; it is at ep.
@usableFromInline
func chanrecv2(
  _ c: UnsafeMutableRawPointer, _ ep: UnsafeMutableRawPointer
) -> Bool {
  let gp = enterRuntime("Channel.receive")
  let received = chanrecv(HchanPtr(c), ep, block: true).received
  exitRuntime(gp)
  return received
}

/// Go: select { case v, ok = <-c: default: }.
@usableFromInline
func selectnbrecv(
  _ c: UnsafeMutableRawPointer, _ ep: UnsafeMutableRawPointer
) -> (selected: Bool, received: Bool) {
  let gp = enterRuntime("Channel.tryReceive")
  let result = chanrecv(HchanPtr(c), ep, block: false)
  exitRuntime(gp)
  return result
}

// Select.

/// One way on for a `select`: made by `receive`, `send` or `otherwise`.
public struct SelectCase {
  @usableFromInline
  enum Kind {
    case receive
    case send
    case otherwise
  }

  /// What is asked of a case by who does not know its type.
  @usableFromInline
  enum Step {
    /// Put a copy of the value to be sent to the address.
    case copy

    /// Destroy that copy, which was not sent.
    case drop

    /// Run the body; with the value at the address, if one was received.
    case run
  }

  @usableFromInline
  typealias Perform = (Step, UnsafeMutableRawPointer?) throws -> Void

  // Few and small, so that the compiler takes a case apart. Once it has, and the
  // function is called where it was made, neither is anything allocated.

  /// The size and the alignment of a value, and two bits for the kind: numbers, whose
  /// comparison the compiler decides early enough.
  @usableFromInline
  let form: Int

  /// Nil: never ready.
  @usableFromInline
  let hchan: UnsafeMutableRawPointer?

  /// What owns hchan.
  @usableFromInline
  let channel: AnyObject?

  /// Does the steps.
  @usableFromInline
  let perform: Perform

  @inlinable @inline(__always)
  init<T>(_ kind: Kind, _ channel: Channel<T>?, _ perform: @escaping Perform) {
    let bits =
      switch kind {
      case .receive: 0
      case .send: 1
      case .otherwise: 2
      }
    form = MemoryLayout<T>.size &<< 24 | MemoryLayout<T>.alignment &<< 2 | bits
    hchan = channel?.hchan
    self.channel = channel
    self.perform = perform
  }

  /// Stands where there is no case.
  @inlinable @inline(__always)
  static var none: SelectCase { SelectCase(.receive, Channel<Void>?.none) { _, _ in } }

  @inlinable @inline(__always)
  var isSend: Bool { form & 1 != 0 }

  @inlinable @inline(__always)
  var isOtherwise: Bool { form & 2 != 0 }

  @inlinable @inline(__always)
  var size: Int { form &>> 24 }

  @inlinable @inline(__always)
  var align: Int { form &>> 2 & 0x3f_ffff }
}

/// Go: case v, ok := <-channel. The body gets nil where the channel is closed and
/// drained. A nil channel is never ready.
@inlinable
public func receive<T>(
  from channel: Channel<T>?, _ body: @escaping (sending T?) -> Void
) -> SelectCase {
  receiveCase(from: channel, body)
}

/// A receive whose body throws; its error leaves through `select`.
@inlinable
public func receive<T>(
  from channel: Channel<T>?, _ body: @escaping (sending T?) throws -> Void
) -> ThrowingSelectCase {
  ThrowingSelectCase(receiveCase(from: channel, body))
}

/// Go: case channel <- value. The value is copied each time it is sent. A nil channel
/// is never ready.
@inlinable
public func send<T>(
  _ value: sending T, to channel: Channel<T>?, _ body: @escaping () -> Void = {}
) -> SelectCase {
  sendCase(value, to: channel, body)
}

/// A send whose body throws; its error leaves through `select`.
@inlinable
public func send<T>(
  _ value: sending T, to channel: Channel<T>?, _ body: @escaping () throws -> Void
) -> ThrowingSelectCase {
  ThrowingSelectCase(sendCase(value, to: channel, body))
}

/// Go: default. Chosen where no other case is ready.
@inlinable
public func otherwise(_ body: @escaping () -> Void = {}) -> SelectCase {
  otherwiseCase(body)
}

/// An otherwise whose body throws; its error leaves through `select`.
@inlinable
public func otherwise(_ body: @escaping () throws -> Void) -> ThrowingSelectCase {
  ThrowingSelectCase(otherwiseCase(body))
}

/// A case whose body may throw; see `SelectCase`.
public struct ThrowingSelectCase {
  @usableFromInline
  let base: SelectCase

  @inlinable
  init(_ base: SelectCase) { self.base = base }
}

@inlinable @inline(__always)
func receiveCase<T>(
  from channel: Channel<T>?, _ body: @escaping (sending T?) throws -> Void
) -> SelectCase {
  SelectCase(.receive, channel) { _, elem in
    guard let elem else { return try body(nil) }
    // A number has no region: the value has been handed over, by its sender.
    let slot = UnsafeMutablePointer<T>(bitPattern: UInt(bitPattern: elem))
    try body(slot.unsafelyUnwrapped.move())
  }
}

@inlinable @inline(__always)
func sendCase<T>(
  _ value: T, to channel: Channel<T>?, _ body: @escaping () throws -> Void
) -> SelectCase {
  SelectCase(.send, channel) { step, elem in
    switch step {
    case .copy:
      elem.unsafelyUnwrapped.initializeMemory(as: T.self, to: value)
    case .drop:
      elem.unsafelyUnwrapped.assumingMemoryBound(to: T.self).deinitialize(count: 1)
    case .run:
      try body()
    }
  }
}

@inlinable @inline(__always)
func otherwiseCase(_ body: @escaping () throws -> Void) -> SelectCase {
  SelectCase(.otherwise, Channel<Void>?.none) { _, _ in try body() }
}

/// Collects the cases of a `select`: cases and arrays of cases, under `if`, `switch`
/// and `for`.
@resultBuilder
public enum SelectBuilder: SelectBuilding {}

/// Also takes cases whose bodies throw.
@resultBuilder
public enum ThrowingSelectBuilder: SelectBuilding {
  @inlinable @inline(__always)
  public static func buildExpression(_ cas: ThrowingSelectCase) -> SelectCase {
    cas.base
  }

  @inlinable
  public static func buildExpression(_ cases: [ThrowingSelectCase]) -> [SelectCase] {
    cases.map { $0.base }
  }
}

/// What a part of the block of a select comes to.
public protocol SelectCases {
  func add(to cases: inout [SelectCase])
}

extension SelectCases {
  @inlinable
  var array: [SelectCase] {
    var cases: [SelectCase] = []
    add(to: &cases)
    return cases
  }
}

extension SelectCase: SelectCases {
  @inlinable public func add(to cases: inout [SelectCase]) { cases.append(self) }
}

extension [SelectCase]: SelectCases {
  @inlinable public func add(to cases: inout [SelectCase]) { cases += self }
}

extension Optional: SelectCases where Wrapped: SelectCases {
  @inlinable public func add(to cases: inout [SelectCase]) { self?.add(to: &cases) }
}

/// A few plain cases. Not a struct of them: that would be too large for the compiler
/// to take apart, while what a function captures it can see.
public struct SelectFew: SelectCases {
  /// Adds the cases to an array or, where there is none, executes one.
  @usableFromInline
  let function: (UnsafeMutablePointer<[SelectCase]>?) throws -> Void

  @inlinable @inline(__always)
  init(
    _ n: Int, _ a: SelectCase, _ b: SelectCase = .none, _ c: SelectCase = .none,
    _ d: SelectCase = .none, _ e: SelectCase = .none
  ) {
    function = {
      guard let array = $0 else { return try rselect(n, a, b, c, d, e) }
      array.pointee += [a, b, c, d, e].prefix(n)
    }
  }

  @inlinable public func add(to cases: inout [SelectCase]) { try! function(&cases) }
}

/// What both builders can do.
public protocol SelectBuilding {}

extension SelectBuilding {
  @inlinable @inline(__always)
  public static func buildExpression(_ cas: SelectCase) -> SelectCase { cas }

  @inlinable
  public static func buildExpression(_ cases: [SelectCase]) -> [SelectCase] { cases }

  @inlinable @inline(__always)
  public static func buildBlock<Cases: SelectCases>(_ cases: Cases) -> Cases { cases }

  @inlinable @inline(__always)
  public static func buildBlock(_ a: SelectCase, _ b: SelectCase) -> SelectFew {
    SelectFew(2, a, b)
  }

  @inlinable @inline(__always)
  public static func buildBlock(
    _ a: SelectCase, _ b: SelectCase, _ c: SelectCase
  ) -> SelectFew {
    SelectFew(3, a, b, c)
  }

  @inlinable @inline(__always)
  public static func buildBlock(
    _ a: SelectCase, _ b: SelectCase, _ c: SelectCase, _ d: SelectCase
  ) -> SelectFew {
    SelectFew(4, a, b, c, d)
  }

  @inlinable @inline(__always)
  public static func buildBlock(
    _ a: SelectCase, _ b: SelectCase, _ c: SelectCase, _ d: SelectCase,
    _ e: SelectCase
  ) -> SelectFew {
    SelectFew(5, a, b, c, d, e)
  }

  @inlinable @_disfavoredOverload
  public static func buildBlock<each Part: SelectCases>(
    _ part: repeat each Part
  ) -> [SelectCase] {
    var cases: [SelectCase] = []
    repeat (each part).add(to: &cases)
    return cases
  }

  @inlinable
  public static func buildOptional<Cases: SelectCases>(_ cases: Cases?) -> Cases? {
    cases
  }

  @inlinable
  public static func buildEither(first: some SelectCases) -> [SelectCase] {
    first.array
  }

  @inlinable
  public static func buildEither(second: some SelectCases) -> [SelectCase] {
    second.array
  }

  @inlinable
  public static func buildArray(_ parts: [some SelectCases]) -> [SelectCase] {
    var cases: [SelectCase] = []
    for part in parts { part.add(to: &cases) }
    return cases
  }

  // A few cases are executed here, where the compiler sees them being made.

  @inlinable @inline(__always)
  public static func buildFinalResult(_ few: SelectFew) -> Selected { Selected(few) }

  @inlinable @inline(__always)
  public static func buildFinalResult(_ a: SelectCase) -> Selected {
    Selected(SelectFew(1, a))
  }

  @inlinable
  public static func buildFinalResult(_ cases: [SelectCase]) -> [SelectCase] { cases }

  @inlinable @_disfavoredOverload
  public static func buildFinalResult(_ cases: some SelectCases) -> [SelectCase] {
    cases.array
  }
}

/// Go: select. Waits until one of the cases can be executed, executes it (a random
/// one if there are several) and then its body. No case at all: waits for ever.
@inlinable
public func select(@SelectBuilder _ cases: () -> some SelectBlock) {
  try! cases().execute()
}

/// A select in which a body throws; the error leaves through it.
@inlinable
public func select(@ThrowingSelectBuilder _ cases: () throws -> some SelectBlock) throws {
  try cases().execute()
}
