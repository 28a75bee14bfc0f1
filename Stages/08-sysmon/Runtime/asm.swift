// SPDX-License-Identifier: Apache-2.0
//
// The door to Asm/.                                      Go: src/runtime/stubs.go
//
// Only this file imports the switcher.

import CLinux
import Stage08Asm

typealias Gobuf = gobuf

/// What begins after a switch: a C function, since nothing may be captured or counted
/// across one. Its argument is a G. Does not return.
typealias GFunc = @convention(c) (UnsafeMutableRawPointer) -> Void

/// getg returns the current G: the goroutine, or g0. The value is stale after anything
/// that may switch; read it again. Traps on a thread that has none.
@inline(__always)
func getg() -> GPtr { GPtr(getg_().unsafelyUnwrapped) }

/// The current G, or nil on a thread that has none.
@inline(__always)
func getgOrNil() -> GPtr? {
  guard let g = getg_() else { return nil }
  return GPtr(g)
}

@inline(__always)
func setg(_ gp: GPtr?) { setg_(gp?.raw) }

/// Whether events are recorded.
var tracing: Bool {
  @inline(__always) get { tracing_() != 0 }
}

func setTracing(_ on: Bool) { settracing(on ? 1 : 0) }

/// The calling thread's part of a trace.
func tracetls() -> UnsafeMutablePointer<UnsafeMutableRawPointer?> { tracetls_() }

func stagenumber() -> UInt32 { stagenumber_() }

/// See signalfence in asm.h.
@inline(__always)
func compilerBarrier() { signalfence() }

/// Saves the registers in gp, continues on g0's stack in fn. Returns when gp
/// is executed again, perhaps by another M.
@inline(__always)
func asmmcall(_ gp: GPtr, _ g0: GPtr, _ fn: GFunc) {
  mcall_(
    gp.raw.assumingMemoryBound(to: Gobuf.self),
    g0.raw.assumingMemoryBound(to: Gobuf.self),
    fn
  )
}

/// Continues gp where it left off. Does not return.
@inline(__always)
func asmgogo(_ gp: GPtr) -> Never {
  gogo_(gp.raw.assumingMemoryBound(to: Gobuf.self))
}

/// Makes the rest of the calling stack g0's and calls fn(g0) there. Returns when
/// asmgogo(save) is called on the same thread.
func asmrt0(_ save: GPtr, _ g0: GPtr, _ fn: GFunc) {
  rt0_(
    save.raw.assumingMemoryBound(to: Gobuf.self),
    g0.raw.assumingMemoryBound(to: Gobuf.self),
    fn
  )
}

/// Makes gp call fn(gp) on its own stack when it is first executed.
@inline(__always)
func gostartcallfn(_ gp: GPtr, _ hi: UInt, _ fn: GFunc) {
  gostartcall(gp.raw.assumingMemoryBound(to: Gobuf.self), hi, fn, gp.raw)
}

/// A field as it is at this moment, whoever may be changing it: for dumps.
@inline(__always)
func racyload<T>(_ field: UnsafeMutablePointer<T>) -> T {
  let v = racy(field, MemoryLayout<T>.size)
  return withUnsafeBytes(of: v) { $0.loadUnaligned(as: T.self) }
}

/// Brings the innermost frames of gp, whose own lines are there, into the cache.
@inline(__always)
func prefetchstack(_ gp: GPtr) {
  let sp = racysp(gp.raw)
  prefetch(UnsafeRawPointer(bitPattern: sp))
  prefetch(UnsafeRawPointer(bitPattern: sp &+ 64))
}

func fiberCreate(_ lo: UInt, _ hi: UInt) -> UnsafeMutableRawPointer? {
  fiber_create(lo, hi)
}

func fiberDestroy(_ fiber: UnsafeMutableRawPointer?) { fiber_destroy(fiber) }

let sanitized = fiber_sanitized() != 0

/// The address of a field behind a handle, which does not move.
@inline(__always)
func addressOf<T: ~Copyable>(_ field: inout T) -> UnsafeMutablePointer<T> {
  withUnsafeMutablePointer(to: &field) { $0 }
}
