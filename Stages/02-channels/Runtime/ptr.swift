// SPDX-License-Identifier: Apache-2.0
//
// The handle.                                           (no Go counterpart)
//
// A runtime object is reached through one word, as in Go, and nothing is
// counted: `gp[].field`. The memory behind a handle is not checked for
// exclusivity, so several Ms may read and write different fields at a time;
// each field's comment says who may touch it.

import Synchronization

/// The address of a runtime object. @unchecked Sendable: the objects are shared
/// between threads by design, and who may touch what is written at each field.
@safe
struct Ptr<Pointee: ~Copyable>: @unchecked Sendable {
  let address: UnsafeMutablePointer<Pointee>

  @inline(__always)
  init(_ address: UnsafeMutablePointer<Pointee>) {
    self.address = address
  }

  @inline(__always)
  init(_ raw: UnsafeMutableRawPointer) {
    self.address = raw.assumingMemoryBound(to: Pointee.self)
  }

  /// For objects that are never freed.
  init(allocating value: consuming Pointee) {
    address = .allocate(capacity: 1)
    address.initialize(to: value)
  }

  @inline(__always)
  var raw: UnsafeMutableRawPointer { UnsafeMutableRawPointer(address) }

  subscript() -> Pointee {
    @_transparent unsafeAddress { UnsafePointer(address) }
    @_transparent nonmutating unsafeMutableAddress { address }
  }
}

extension Ptr: Equatable where Pointee: ~Copyable {
  @inline(__always)
  static func == (a: Self, b: Self) -> Bool { a.address == b.address }
}

// A handle can be atomic, and so can an optional one.

extension Ptr: AtomicRepresentable where Pointee: ~Copyable {
  typealias AtomicRepresentation = UInt.AtomicRepresentation

  @inline(__always)
  static func encodeAtomicRepresentation(
    _ value: consuming Self
  ) -> AtomicRepresentation {
    UInt.encodeAtomicRepresentation(UInt(bitPattern: value.address))
  }

  @inline(__always)
  static func decodeAtomicRepresentation(
    _ representation: consuming AtomicRepresentation
  ) -> Self {
    let bits = UInt.decodeAtomicRepresentation(representation)
    return Self(UnsafeMutablePointer(bitPattern: bits).unsafelyUnwrapped)
  }
}

extension Ptr: AtomicOptionalRepresentable where Pointee: ~Copyable {
  typealias AtomicOptionalRepresentation = UInt.AtomicRepresentation

  @inline(__always)
  static func encodeAtomicOptionalRepresentation(
    _ value: consuming Self?
  ) -> AtomicOptionalRepresentation {
    UInt.encodeAtomicRepresentation(UInt(bitPattern: value?.address))
  }

  @inline(__always)
  static func decodeAtomicOptionalRepresentation(
    _ representation: consuming AtomicOptionalRepresentation
  ) -> Self? {
    let bits = UInt.decodeAtomicRepresentation(representation)
    guard let address = UnsafeMutablePointer<Pointee>(bitPattern: bits) else {
      return nil
    }
    return Self(address)
  }
}
