// SPDX-License-Identifier: Apache-2.0
//
// What a debugger is told.                     Go: src/runtime/runtime-gdb.py
//
// Debuggers do not know where the fields of these structs lie, nor what a number in them
// means. So the runtime says it once, in a table that Sources/debug reads in a process
// or in a core file. Goroutines pay nothing for it.

import CLinux
import Synchronization

extension PStatus {
  fileprivate var text: StaticString {
    switch self {
    case .idle: "idle"
    case .running: "running"
    case .syscall: "syscall"
    case .gcstop: "gcstop"
    case .dead: "dead"
    }
  }
}

/// A type, and an object of it whose fields show where fields are.
private struct Layout<T: ~Copyable> {
  let type: StaticString
  let object: Ptr<T>

  func field<F: ~Copyable>(_ name: StaticString, _ field: inout F) {
    put(name, UnsafeRawPointer(addressOf(&field)), MemoryLayout<F>.size)
  }

  /// Of an atomic, which is never copied.
  func field<F>(_ name: StaticString, _ field: borrowing Atomic<F>) {
    withUnsafePointer(to: field) {
      put(name, UnsafeRawPointer($0), MemoryLayout<Atomic<F>>.size)
    }
  }

  /// Of a `let`, which has no address: the one place that holds value, in an object made
  /// for this. No field beside padding may hold value's lowest byte.
  func field<F: Equatable>(_ name: StaticString, holding value: F) {
    let size = MemoryLayout<F>.size
    var found = 0
    for offset in stride(from: 0, through: MemoryLayout<T>.size - size, by: size) {
      let place = UnsafeRawPointer(object.raw + offset)
      if place.load(as: F.self) != value { continue }
      put(name, place, size)
      found += 1
    }
    if found != 1 { throwFatal("debuginit: no field, or several") }
  }

  private func put(_ name: StaticString, _ field: UnsafeRawPointer, _ size: Int) {
    let offset = field - UnsafeRawPointer(object.raw)
    if offset < 0 || offset + size > MemoryLayout<T>.size {
      throwFatal("debuginit: not a field")
    }
    say(type, name, UInt64(offset), UInt64(size))
  }
}

private func say(
  _ group: StaticString,
  _ name: StaticString,
  _ value: UInt64,
  _ size: UInt64 = 0
) {
  debugput(
    UnsafeRawPointer(group.utf8Start).assumingMemoryBound(to: CChar.self),
    UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self),
    value,
    size
  )
}

/// debuginit fills the table. Called once, by schedinit.
func debuginit() {
  debugobjects()
  debugG(m0[].g0)
  var m = M(id: 0x0123_4567_89ab_cdef, g0: m0[].g0, rt0g: m0[].rt0g)
  withUnsafeMutablePointer(to: &m) { debugM(MPtr($0)) }
  debugP(allp[][0].unsafelyUnwrapped)
  debugsched()
  var chunk = Chunk(base: 0x10, n: 0x30, before: 0x50)
  withUnsafeMutablePointer(to: &chunk) { debugstacks(Ptr($0)) }
  debugtexts()
}

/// Where functions of the runtime are found by their names, and where its objects are.
private func debugobjects() {
  say("file", #fileID, 0)
  say("object", "sched", UInt64(UInt(bitPattern: sched.raw)))
  say("object", "stackpool", UInt64(UInt(bitPattern: stackpool.raw)))
  say("object", "allp", UInt64(UInt(bitPattern: allp.raw)))
  say("object", "allm", UInt64(UInt(bitPattern: allm.raw)))
}

private func debugG(_ gp: GPtr) {
  let g = Layout(type: "G", object: gp)
  g.field("sched", &gp[].sched)
  g.field("atomicstatus", gp[].atomicstatus)
  g.field("m", &gp[].m)
  g.field("waitreason", &gp[].waitreason)
  g.field("softlo", &gp[].softlo)
  g.field("epoch", &gp[].epoch)
  g.field("lockedm", &gp[].lockedm)
  g.field("goid", &gp[].goid)
  g.field("parentGoid", &gp[].parentGoid)
  g.field("stack.hi", &gp[].stack.hi)
  g.field("stack.lo", &gp[].stack.lo)
}

private func debugM(_ mp: MPtr) {
  let m = Layout(type: "M", object: mp)
  m.field("id", holding: mp[].id)
  m.field("procid", mp[].procid)
  m.field("curg", mp[].curg)
  m.field("p", &mp[].p)
  m.field("spinning", &mp[].spinning)
  m.field("locks", &mp[].locks)
  m.field("lockedg", &mp[].lockedg)
  m.field("schedlink", &mp[].schedlink)
  m.field("alllink", &mp[].alllink)
}

private func debugP(_ pp: PPtr) {
  let p = Layout(type: "P", object: pp)
  p.field("status", pp[].status)
  p.field("runqhead", pp[].runqhead)
  p.field("runqtail", pp[].runqtail)
  p.field("runq", pp[].runq[0])
  p.field("runnext", pp[].runnext)
  p.field("m", pp[].m)
  p.field("schedtick", pp[].schedtick)
  p.field("syscalltick", pp[].syscalltick)
  p.field("schedwhen", &pp[].sysmontick.schedwhen)
}

private func debugsched() {
  let s = Layout(type: "Schedt", object: sched)
  s.field("lastpoll", sched[].lastpoll)
  s.field("epoch", sched[].epoch)
  s.field("gomaxprocs", sched[].gomaxprocs)
  s.field("gcwaiting", sched[].gcwaiting)
  s.field("midle", &sched[].midle)
  // The global queue, a GRing.
  s.field("runq", &sched[].runq)
  say("GRing", "slots", offset(\GRing.slots), 8)
  say("GRing", "capacity", offset(\GRing.capacity), 8)
  say("GRing", "first", offset(\GRing.first), 8)
  say("GRing", "size", offset(\GRing.size), 4)
}

private func offset<T, F>(_ field: KeyPath<T, F>) -> UInt64 {
  UInt64(MemoryLayout<T>.offset(of: field).unsafelyUnwrapped)
}

/// What it takes to find every G; see Chunk.g. Colours are those of a size of window.
private func debugstacks(_ made: Ptr<Chunk>) {
  let pool = Layout(type: "Stackpool", object: stackpool)
  pool.field("nchunks", stackpool[].nchunks)
  pool.field("chunks", stackpool[].chunks[0])
  let chunk = Layout(type: "Chunk", object: made)
  chunk.field("base", holding: made[].base)
  chunk.field("before", holding: made[].before)
  chunk.field("used", made[].used)
  say("colours", "", UInt64(stackColours), UInt64(stackWindow))
  say("size", "lineColours", UInt64(lineColours))
  say("size", "page", UInt64(pageSize))
  say("size", "G", UInt64(gSize))
}

private func debugtexts() {
  for i in 0..<UInt8.max {
    if let s = GStatus(rawValue: UInt32(i)) { say("GStatus", s.text, UInt64(i)) }
    if let s = PStatus(rawValue: UInt32(i)) { say("PStatus", s.text, UInt64(i)) }
    if let r = WaitReason(rawValue: i) { say("WaitReason", r.text, UInt64(i)) }
  }
}
