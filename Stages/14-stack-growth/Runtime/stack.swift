// SPDX-License-Identifier: Apache-2.0
//
// Goroutine stacks.                                     Go: src/runtime/stack.go
//
// Native frames cannot be moved, so a stack grows in place: every goroutine has a
// window of address space, of which it has touched only the top. A guard lies
// below what it may use; whoever runs into it is granted more by the SIGSEGV
// handler, up to setMaxStack or the end of the window, by moving the guard down.
// Go copies a stack to twice the room instead.
//
// Address space costs page tables, so windows are large while few goroutines
// live and small when there are many (windowClasses). The G itself lies at the
// top of its window: one page holds it and its first frames, and an idle
// goroutine costs that page. A window whose pages were given back reads as zero,
// which is a G that is idle; so Gs stay type-stable for ever.
//
// All windows being alike, the tops of all stacks would fall into the same few sets
// of every cache; so they are shifted, each by its colour (see Chunk.g).
//
// Invariants:
//   stack.lo < softlo <= stack.hi; [softlo, stack.hi) may be used.
//   A guard of stackguardsize lies directly below softlo.
//   Below the guard no page is in use.
//   stack.lo is the window's start, stackguardsize below the lowest softlo.

import CLinux
import Synchronization

let pageSize: UInt = 4096

/// What a goroutine may use before the fault path is asked.
let stackMin: UInt = sanitized ? 64 << 10 : 16 << 10

/// Room below the stack pointer: what a leaf keeps there, or a sanitizer's functions,
/// which hold locks of theirs (see FIBER_SLACK).
private let slack: UInt = sanitized ? fiberSlack : 4096

/// Bytes at the top of the window for the G.
let gSize = (UInt(MemoryLayout<G>.size) + 63) & ~63

/// A size of window, and how many Gs there may be when one is made.
struct WindowClass: Sendable {
  let window: UInt
  let population: Int64

  /// By how many pages tops are shifted at most.
  let colours: UInt

  /// Bytes of guard: a frame larger than this can step over it. Every page of it
  /// costs 30 ns when a goroutine is made that was not there before.
  let guardsize: UInt
}

/// A window of 2 MB or more has page tables of its own, and they are what a switch
/// among a thousand goroutines waits for: the sieve with 2000 takes twice as long when
/// all its windows are large.
let windowClasses: InlineArray<5, WindowClass> = [
  WindowClass(
    window: 1 << 30,
    population: 256,
    colours: 1021,
    guardsize: 64 << 10
  ),
  WindowClass(
    window: 64 << 20,
    population: 512,
    colours: 1021,
    guardsize: 64 << 10
  ),
  WindowClass(window: 1 << 20, population: 4096, colours: 61, guardsize: 64 << 10),
  WindowClass(window: 256 << 10, population: 8192, colours: 16, guardsize: 16 << 10),
  WindowClass(window: 128 << 10, population: .max, colours: 4, guardsize: 16 << 10),
]

/// By how many cache lines tops are shifted within their page at most; what is left
/// of the page holds a G and a few frames.
let lineColours: UInt = 24

/// Bytes of windows reserved at a time, at least one window.
private let chunkSize: UInt = 8 << 30
private let smallChunkSize: UInt = 1 << 30

/// A reservation: n windows, of which the first `used` have been handed out.
struct Chunk: ~Copyable {
  // Fixed at creation.

  let base: UInt
  let window: UInt
  let n: UInt32
  let stackclass: UInt8

  /// Windows in the chunks before it, for colours.
  let before: UInt32

  // Written under stackpool.lock, read by whoever walks all Gs.

  let used = Atomic<UInt32>(0)

  init(base: UInt, window: UInt, n: UInt32, stackclass: UInt8, before: UInt32) {
    self.base = base
    self.window = window
    self.n = n
    self.stackclass = stackclass
    self.before = before
  }

  /// The G of window i, shifted by some pages, and by some lines in its page.
  /// Sources/debug finds it in the same way.
  func g(_ i: UInt32) -> GPtr {
    let hi = base + UInt(i + 1) * window
    let k = UInt(before + i)
    let pages = k % windowClasses[Int(stackclass)].colours
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

  /// The limit of every stack. Go: maxstacksize.
  let maxstacksize = Atomic<Int>(1 << 30)

  /// Stacks that were let grow and not yet shrunk.
  let ngrown = Atomic<Int64>(0)

  /// Bytes of deep stacks that dead Gs keep.
  let deepkept = Atomic<Int>(0)

  /// Times the fault path granted room.
  let ngrows = Atomic<UInt64>(0)

  // Protected by lock.

  /// Windows in all chunks.
  var nreserved: UInt32 = 0

  /// Windows that hold a G, dead or alive.
  var nwindows: Int64 = 0

  /// The chunk that windows of a class are taken from.
  var current = InlineArray<5, Ptr<Chunk>?>(repeating: nil)

  /// Windows whose pages were given back.
  var free = InlineArray<5, FreeWindows>({ _ in FreeWindows() })
}

/// Window tops, outside the windows: their own memory is gone.
struct FreeWindows {
  var slots: UnsafeMutablePointer<GPtr>? = nil
  var n = 0
  var capacity = 0

  mutating func push(_ gp: GPtr) {
    if n == capacity {
      let bigger = UnsafeMutablePointer<GPtr>.allocate(capacity: max(64, 2 * capacity))
      if let slots {
        bigger.moveInitialize(from: slots, count: n)
        slots.deallocate()
      }
      slots = bigger
      capacity = max(64, 2 * capacity)
    }
    (slots.unsafelyUnwrapped + n).initialize(to: gp)
    n += 1
  }

  mutating func pop() -> GPtr? {
    if n == 0 { return nil }
    n -= 1
    return slots.unsafelyUnwrapped[n]
  }
}

let stackpool = Ptr(allocating: Stackpool())

/// Bytes of guard below gp's stack.
@inline(__always)
func stackguardsize(_ gp: GPtr) -> UInt { windowClasses[Int(gp[].stackclass)].guardsize }

/// The end of the page that holds the G; sizes of stacks are counted from here.
func stacktop(_ gp: GPtr) -> UInt {
  (gp[].stack.hi + gSize + pageSize - 1) & ~(pageSize - 1)
}

/// What gp may use before the fault path is asked: stackMin, or what GODEBUG=stackmin asks
/// for, as far as the window has room. Go: startingStackSize.
private func startingStackSize(_ gp: GPtr) -> UInt {
  let asked = (debug[].stackmin + pageSize - 1) & ~(pageSize - 1)
  return max(stackMin, min(asked, stacktop(gp) - gp[].stack.lo - stackguardsize(gp)))
}

/// The class of window for one goroutine more, GODEBUG=stackwindow permitting.
func stackclass(_ population: Int64) -> UInt8 {
  var c = 0
  while population >= windowClasses[c].population { c += 1 }
  while c > 0, windowClasses[c].window < debug[].stackwindow { c -= 1 }
  return UInt8(c)
}

/// malg makes a G with a stack. The G is dead. Go: malg.
func malg() -> GPtr {
  lock(stackpool[].lock)
  let gp = windowalloc(stackclass(stackpool[].nwindows))
  stackpool[].nwindows += 1
  unlock(stackpool[].lock)
  guard let (gp, c) = gp else { fatal("out of memory (goroutine stack)") }
  initwindow(gp, c)
  return gp
}

private func initwindow(_ gp: GPtr, _ c: UInt8) {
  let window = windowClasses[Int(c)].window
  let hi = UInt(bitPattern: gp.address)
  gp.address.initialize(to: G())
  gp[].stackclass = c
  gp[].stack = Stack(lo: hi & ~(window - 1), hi: hi)
  gp[].sched.fiber = fiberCreate(gp[].stack.lo, hi)
  gp[].softlo = stacktop(gp) - startingStackSize(gp)
}

/// stackguard puts a new stack's guard in place, before anything can overflow it. On
/// that stack itself: whoever makes many goroutines has enough to do.
@inline(never)
func stackguard(_ gp: GPtr) {
  setguard(gp, gp[].softlo)
  gp[].guarded = true
}

/// A window of class c, or of a smaller one where address space is short.
/// stackpool.lock must be held.
private func windowalloc(_ c: UInt8) -> (GPtr, UInt8)? {
  assertLockHeld(stackpool[].lock)
  for c in Int(c)..<windowClasses.count {
    if let gp = stackpool[].free[c].pop() { return (gp, UInt8(c)) }
    if let chunk = stackpool[].current[c] {
      let i = chunk[].used.load(ordering: .relaxed)
      if i < chunk[].n {
        // release: the chunk is seen before its count.
        chunk[].used.store(i + 1, ordering: .releasing)
        return (chunk[].g(i), UInt8(c))
      }
    }
    guard let chunk = newchunk(UInt8(c)) else { continue }
    stackpool[].current[c] = chunk
    chunk[].used.store(1, ordering: .releasing)
    return (chunk[].g(0), UInt8(c))
  }
  return nil
}

private func newchunk(_ c: UInt8) -> Ptr<Chunk>? {
  let n = stackpool[].nchunks.load(ordering: .relaxed)
  if n == stackpool[].chunks.count { return nil }
  let window = windowClasses[Int(c)].window
  let size = max(window, window >= 64 << 20 ? chunkSize : smallChunkSize)
  guard let base = sys_reserve(Int(size), Int(window)) else { return nil }
  let chunk = Ptr(
    allocating: Chunk(
      base: UInt(bitPattern: base),
      window: window,
      n: UInt32(size / window),
      stackclass: c,
      before: stackpool[].nreserved
    ))
  stackpool[].nreserved += UInt32(size / window)
  stackpool[].chunks[n].store(chunk, ordering: .relaxed)
  // release: the chunk is seen before its count.
  stackpool[].nchunks.store(n + 1, ordering: .releasing)
  return chunk
}

/// Calls body for every G there is, dead ones included. Can be executed by any M.
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
private func setguard(_ gp: GPtr, _ softlo: UInt) {
  gp[].softlo = softlo
  let size = stackguardsize(gp)
  let guardlo = UnsafeMutableRawPointer(bitPattern: softlo - size)
  let r = guard_install(guardlo.unsafelyUnwrapped, Int(size))
  if r != 0 { guardfailed(r) }
}

/// Takes away the guard below softlo.
func removeguard(_ gp: GPtr) {
  let size = stackguardsize(gp)
  let guardlo = UnsafeMutableRawPointer(bitPattern: gp[].softlo - size)
  _ = guard_remove(guardlo.unsafelyUnwrapped, Int(size))
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

// Growing.

enum Growth {
  case grown
  case limit(size: UInt, window: Bool)
}

/// stackgrow grants gp room for addr, and for the frame at sp. Called from the
/// fault handler, on gp's own thread and a signal stack.
func stackgrow(_ gp: GPtr, _ addr: UInt, _ sp: UInt) -> Growth {
  let top = stacktop(gp)
  let old = gp[].softlo
  let need = top - (min(addr, sp) - slack) & ~(pageSize - 1)
  var size = 2 * (top - old)
  while size < need { size *= 2 }
  let max = UInt(stackpool[].maxstacksize.load(ordering: .relaxed))
  let window = top - gp[].stack.lo - stackguardsize(gp)
  // The last step may be a smaller one.
  size = min(size, max, window)
  if size < need || size <= top - old {
    return .limit(size: min(max, window), window: window < max)
  }
  let softlo = (top - size + pageSize - 1) & ~(pageSize - 1)
  if !gp[].grown { stackpool[].ngrown.add(1, ordering: .relaxed) }
  gp[].grown = true
  stackpool[].ngrows.add(1, ordering: .relaxed)
  removeguard(gp)
  setguard(gp, softlo)
  if tracing { tracestack(gp, .stackGrow) }
  gp[].stackguard0.store(
    gp[].stackguard0.load(ordering: .relaxed) == stackPreempt ? stackPreempt : softlo,
    ordering: .relaxed)
  if size >= 4 << 20 {
    // Whole huge pages: one fault for 512.
    let from = (softlo + hugePage - 1) & ~(hugePage - 1)
    let to = old & ~(hugePage - 1)
    if from < to {
      sys_hugepage(
        UnsafeMutableRawPointer(bitPattern: from).unsafelyUnwrapped, Int(to - from))
    }
  }
  return .grown
}

private let hugePage: UInt = 2 << 20

/// stackshrink gives back what gp's stack has below its frames, if it was ever
/// let grow. The caller owns the stack.
func stackshrink(_ gp: GPtr, sp: UInt) {
  if !gp[].grown { return }
  let top = stacktop(gp)
  let old = gp[].softlo
  let least = startingStackSize(gp)
  var size = least
  while size < top - (sp - slack) { size *= 2 }
  // Half of it in use: leave it, it would only fault again.
  if 2 * size >= top - old { return }
  if gp[].deepkept { deepunkept(gp) }
  removeguard(gp)
  let softlo = top - size
  let unused = UnsafeMutableRawPointer(bitPattern: old).unsafelyUnwrapped
  sys_unused(unused, Int(softlo - old))
  setguard(gp, softlo)
  if tracing { tracestack(gp, .stackShrink) }
  if size > least { return }
  gp[].grown = false
  stackpool[].ngrown.subtract(1, ordering: .relaxed)
}
