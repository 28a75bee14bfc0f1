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
  enum Kind: UInt8 {
    case receive
    case send
    case otherwise
  }

  /// What the untyped part asks of a case.
  @usableFromInline
  enum Step {
    /// Put a copy of the value to be sent to the address.
    case copy

    /// Destroy that copy, which was not sent.
    case drop

    /// Run the body; with the value at the address, if one was received.
    case run
  }

  /// Room for a small value.
  @usableFromInline
  struct Bits {
    @usableFromInline
    var words: (UInt64, UInt64) = (0, 0)

    @inlinable
    init() {}
  }

  /// Any function value: its two words. Cast to the type it has by who knows that.
  @usableFromInline
  struct Body {
    @usableFromInline
    let function: () throws -> Void

    @inlinable
    init(_ function: @escaping () throws -> Void) { self.function = function }

    /// Typed is a struct that holds a function value.
    @inlinable
    init<Typed>(erasing typed: Typed) { self = unsafeBitCast(typed, to: Body.self) }
  }

  @usableFromInline
  typealias Witness = (UnsafePointer<SelectCase>, Step, UnsafeMutableRawPointer?) throws
    -> Void

  @usableFromInline
  let kind: Kind

  /// Nil: never ready.
  @usableFromInline
  let hchan: UnsafeMutableRawPointer?

  /// What owns hchan.
  @usableFromInline
  let channel: AnyObject?

  /// The value to send: in box or, if small and without anything to count, in bits.
  @usableFromInline
  let box: AnyObject?
  @usableFromInline
  let bits: Bits

  @usableFromInline
  let body: Body

  /// Does the steps. Captures nothing but the type, so where that is known making a
  /// case allocates nothing.
  @usableFromInline
  let witness: Witness

  @inlinable
  init(
    _ kind: Kind,
    _ hchan: UnsafeMutableRawPointer?,
    _ channel: AnyObject?,
    box: AnyObject? = nil,
    bits: Bits = Bits(),
    _ body: Body,
    _ witness: @escaping Witness
  ) {
    self.kind = kind
    self.hchan = hchan
    self.channel = channel
    self.box = box
    self.bits = bits
    self.body = body
    self.witness = witness
  }
}

@usableFromInline
struct ReceiveBody<T> {
  @usableFromInline
  let function: (sending T?) throws -> Void

  @inlinable
  init(_ function: @escaping (sending T?) throws -> Void) { self.function = function }
}

@usableFromInline
final class SendBox<T> {
  @usableFromInline
  let value: T

  @inlinable
  init(_ value: T) { self.value = value }
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

@inlinable
func receiveCase<T>(
  from channel: Channel<T>?, _ body: @escaping (sending T?) throws -> Void
) -> SelectCase {
  SelectCase(
    .receive, channel?.hchan, channel, .init(erasing: ReceiveBody(body))
  ) { cas, _, elem in
    let body = unsafeBitCast(cas.pointee.body, to: ReceiveBody<T>.self)
    guard let elem else { return try body.function(nil) }
    // A number has no region: the value has been handed over, by its sender.
    let slot = UnsafeMutablePointer<T>(bitPattern: UInt(bitPattern: elem))
    try body.function(slot.unsafelyUnwrapped.move())
  }
}

@inlinable
func sendCase<T>(
  _ value: sending T, to channel: Channel<T>?, _ body: @escaping () throws -> Void
) -> SelectCase {
  guard _isPOD(T.self), MemoryLayout<T>.size <= MemoryLayout<SelectCase.Bits>.size else {
    return SelectCase(
      .send, channel?.hchan, channel, box: SendBox(value), .init(body)
    ) { cas, step, elem in
      let slot = elem?.assumingMemoryBound(to: T.self)
      switch step {
      case .copy:
        let box = unsafeDowncast(cas.pointee.box.unsafelyUnwrapped, to: SendBox<T>.self)
        slot.unsafelyUnwrapped.initialize(to: box.value)
      case .drop:
        slot.unsafelyUnwrapped.deinitialize(count: 1)
      case .run:
        try cas.pointee.body.function()
      }
    }
  }
  var bits = SelectCase.Bits()
  withUnsafeMutableBytes(of: &bits) { $0.storeBytes(of: value, as: T.self) }
  return SelectCase(
    .send, channel?.hchan, channel, bits: bits, .init(body)
  ) { cas, step, elem in
    switch step {
    case .copy:
      elem.unsafelyUnwrapped.storeBytes(
        of: cas.pointee.bits, as: SelectCase.Bits.self)
    case .drop:
      break
    case .run:
      try cas.pointee.body.function()
    }
  }
}

@inlinable
func otherwiseCase(_ body: @escaping () throws -> Void) -> SelectCase {
  SelectCase(.otherwise, nil, nil, .init(body)) { cas, _, _ in
    try cas.pointee.body.function()
  }
}

/// Collects the cases of a `select`: cases and arrays of cases, under `if`, `switch`
/// and `for`.
@resultBuilder
public enum SelectBuilder: SelectBuilding {}

/// Also takes cases whose bodies throw.
@resultBuilder
public enum ThrowingSelectBuilder: SelectBuilding {
  @inlinable
  public static func buildExpression(_ cas: ThrowingSelectCase) -> SelectCase {
    cas.base
  }

  @inlinable
  public static func buildExpression(_ cases: [ThrowingSelectCase]) -> [SelectCase] {
    cases.map { $0.base }
  }
}

/// What stands in the block of a select: a case, or several.
public protocol SelectPart {
  func add(to cases: inout [SelectCase])
}

extension SelectCase: SelectPart {
  @inlinable
  public func add(to cases: inout [SelectCase]) { cases.append(self) }
}

extension [SelectCase]: SelectPart {
  @inlinable
  public func add(to cases: inout [SelectCase]) { cases += self }
}

/// What both builders can do.
public protocol SelectBuilding {}

extension SelectBuilding {
  @inlinable
  public static func buildExpression(_ cas: SelectCase) -> SelectCase { cas }

  @inlinable
  public static func buildExpression(_ cases: [SelectCase]) -> [SelectCase] { cases }

  @inlinable
  public static func buildBlock(_ cases: SelectCase...) -> [SelectCase] { cases }

  @inlinable
  public static func buildBlock(_ cases: [SelectCase]) -> [SelectCase] { cases }

  @inlinable
  public static func buildBlock<each Part: SelectPart>(
    _ part: repeat each Part
  ) -> [SelectCase] {
    var cases: [SelectCase] = []
    repeat (each part).add(to: &cases)
    return cases
  }

  @inlinable
  public static func buildOptional(_ cases: [SelectCase]?) -> [SelectCase] {
    cases ?? []
  }

  @inlinable
  public static func buildEither(first: [SelectCase]) -> [SelectCase] { first }

  @inlinable
  public static func buildEither(second: [SelectCase]) -> [SelectCase] { second }

  @inlinable
  public static func buildArray(_ parts: [[SelectCase]]) -> [SelectCase] {
    parts.flatMap { $0 }
  }
}

/// Go: select. Waits until one of the cases can be executed, executes it (a random
/// one if there are several) and then its body. No case at all: waits for ever.
@inlinable
public func select(@SelectBuilder _ cases: () -> [SelectCase]) {
  try! cases().withUnsafeBufferPointer { try rselect($0) }
}

/// A select in which a body throws; the error leaves through it.
@inlinable
public func select(
  @ThrowingSelectBuilder _ cases: () throws -> [SelectCase]
) throws {
  try cases().withUnsafeBufferPointer { try rselect($0) }
}
