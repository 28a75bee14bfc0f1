// SPDX-License-Identifier: Apache-2.0
//
// Goroutine stacks.                                     Go: src/runtime/stack.go
//
// Every goroutine has a window of address space, of which it has touched only the
// top; a guard lies below what it may use. The G itself lies at the top of its window:
// one page holds it and its first frames, and an idle goroutine costs that page. Windows
// are never given back, so Gs stay type-stable for ever.
//
// All windows being alike, the tops of all stacks would fall into the same few sets
// of every cache; so they are shifted, each by its colour (see Chunk.g).
//
// Invariants:
//   stack.lo < softlo <= stack.hi; [softlo, stack.hi) may be used.
//   A guard lies directly below softlo. Below the guard no page is in use.

import CLinux
import Synchronization

let pageSize: UInt = 4096

/// Bytes of address space for a goroutine's stack, the G and the guard.
let stackWindow: UInt = 256 << 10

/// By how many pages tops are shifted at most.
let stackColours: UInt = 16

/// Bytes at the top of the window for the G.
let gSize = (UInt(MemoryLayout<G>.size) + 63) & ~63

/// By how many cache lines tops are shifted within their page at most; what is left
/// of the page holds a G and a few frames.
let lineColours: UInt = 24

/// Bytes of windows reserved at a time, at last and at first.
private let chunkSize: UInt = 256 << 20
private let smallChunkSize: UInt = 4 << 20

/// A reservation: n windows, of which the first `used` have been handed out.
struct Chunk: ~Copyable {
  // Fixed at creation.

  let base: UInt
  let n: UInt32

  /// Windows in the chunks before it, for colours.
  let before: UInt32

  // Written under stackpool.lock, read by whoever walks all Gs.

  let used = Atomic<UInt32>(0)

  init(base: UInt, n: UInt32, before: UInt32) {
    self.base = base
    self.n = n
    self.before = before
  }

  /// The G of window i, shifted by some pages, and by some lines in its page.
  /// Sources/debug finds it in the same way.
  func g(_ i: UInt32) -> GPtr {
    let hi = base + UInt(i + 1) * stackWindow
    let k = UInt(before + i)
    let pages = k % stackColours
    let lines = k / 3 % lineColours
    let shift = pages * pageSize + lines * 64 + gSize
    return GPtr(UnsafeMutableRawPointer(bitPattern: hi - shift).unsafelyUnwrapped)
  }
}

struct Stackpool: ~Copyable {
  let lock = Mutex()

  // Atomic: chunks are added, never removed.

  let nchunks = Atomic<Int>(0)
  let chunks = InlineArray<4096, Atomic<Ptr<Chunk>?>>({ _ in Atomic(nil) })

  // Protected by lock.

  /// Windows in all chunks.
  var nreserved: UInt32 = 0

  /// The chunk that windows are taken from.
  var current: Ptr<Chunk>? = nil
}

let stackpool = Ptr(allocating: Stackpool())

/// Bytes of guard below gp's stack: a frame larger than this can step over it.
@inline(__always)
func stackguardsize(_ gp: GPtr) -> UInt { 16 << 10 }

/// malg makes a G with a stack. The G is dead. Go: malg.
func malg() -> GPtr {
  lock(stackpool[].lock)
  let gp = windownew()
  unlock(stackpool[].lock)
  guard let gp else { fatal("out of memory (goroutine stack)") }
  initwindow(gp)
  return gp
}

private func initwindow(_ gp: GPtr) {
  let hi = UInt(bitPattern: gp.address)
  gp.address.initialize(to: G())
  gp[].stack = Stack(lo: hi & ~(stackWindow - 1), hi: hi)
  gp[].sched.fiber = fiberCreate(gp[].stack.lo, hi)
  setguard(gp, gp[].stack.lo + stackguardsize(gp))
}

/// A window that nobody has used, or nil. stackpool.lock must be held.
func windownew() -> GPtr? {
  assertLockHeld(stackpool[].lock)
  if let chunk = stackpool[].current {
    let i = chunk[].used.load(ordering: .relaxed)
    if i < chunk[].n {
      // release: the chunk is seen before its count.
      chunk[].used.store(i + 1, ordering: .releasing)
      return chunk[].g(i)
    }
  }
  guard let chunk = newchunk() else { return nil }
  stackpool[].current = chunk
  chunk[].used.store(1, ordering: .releasing)
  return chunk[].g(0)
}

private func newchunk() -> Ptr<Chunk>? {
  let n = stackpool[].nchunks.load(ordering: .relaxed)
  if n == stackpool[].chunks.count { return nil }
  let size = n < 6 ? smallChunkSize << UInt(n) : chunkSize
  guard let base = sys_reserve(Int(size), Int(stackWindow)) else { return nil }
  let chunk = Ptr(
    allocating: Chunk(
      base: UInt(bitPattern: base),
      n: UInt32(size / stackWindow),
      before: stackpool[].nreserved
    ))
  stackpool[].nreserved += UInt32(size / stackWindow)
  stackpool[].chunks[n].store(chunk, ordering: .relaxed)
  // release: the chunk is seen before its count.
  stackpool[].nchunks.store(n + 1, ordering: .releasing)
  return chunk
}

/// Calls body for every G there is, dead ones included. Can be executed by anybody.
func forEachG(_ body: (GPtr) -> Void) {
  // acquire: pairs with newchunk and windowalloc.
  for i in 0..<stackpool[].nchunks.load(ordering: .acquiring) {
    let chunk = stackpool[].chunks[i].load(ordering: .relaxed).unsafelyUnwrapped
    for j in 0..<chunk[].used.load(ordering: .acquiring) {
      let gp = chunk[].g(j)
      if gp[].atomicstatus.load(ordering: .acquiring) == .idle { continue }
      body(gp)
    }
  }
}

/// Makes [softlo, hi) of gp's stack usable and puts the guard below.
func setguard(_ gp: GPtr, _ softlo: UInt) {
  gp[].softlo = softlo
  let size = stackguardsize(gp)
  let guardlo = UnsafeMutableRawPointer(bitPattern: softlo - size)
  let r = guard_install(guardlo.unsafelyUnwrapped, Int(size))
  if r != 0 { guardfailed(r) }
}

@inline(never)
private func guardfailed(_ errno: Int32) -> Never {
  fatal(
    """
    cannot protect a goroutine's stack (errno \(-errno)): without MADV_GUARD_INSTALL \
    (Linux 6.13) every stack needs two memory mappings; raise vm.max_map_count, or \
    start fewer goroutines
    """)
}
