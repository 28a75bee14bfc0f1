// SPDX-License-Identifier: Apache-2.0
//
// Looking at a channel without its lock.                    Go: src/runtime/chan.go

import CLinux
import Synchronization

/// Brings the first waiter of q, and its G, into the cache, while the lock is being
/// taken. A sudog that is not its G's own has other memory where the G would be: no
/// harm.
@inline(__always)
func prefetchwaiter(_ q: WaitqPtr) {
  guard let sg = head(q)[].load(ordering: .relaxed) else { return }
  prefetchg(GPtr(sg.raw - sudogOffset))
  prefetch(sg.raw)
}

/// full reports whether a send would block. Whoever does not hold the lock may be
/// told what has just ceased to be true.
@inline(__always)
func full(_ c: HchanPtr) -> Bool {
  // seq-cst: two goroutines that each send to a channel and then try the other's
  // must not both fail.
  if c[].dataqsiz == 0 {
    return head(recvq(c))[].load(ordering: .sequentiallyConsistent) == nil
  }
  return c[].qcount.load(ordering: .sequentiallyConsistent) == c[].dataqsiz
}

/// empty reports whether a receive would block. Whoever does not hold the lock may
/// be told what has just ceased to be true.
@inline(__always)
func empty(_ c: HchanPtr) -> Bool {
  // seq-cst: as in full; and chanrecv looks at closed between two looks here.
  if c[].dataqsiz == 0 {
    return head(sendq(c))[].load(ordering: .sequentiallyConsistent) == nil
  }
  return c[].qcount.load(ordering: .sequentiallyConsistent) == 0
}

/// Brings the lines of gp that a switch touches into the cache.
@inline(__always)
func prefetchg(_ gp: GPtr) {
  prefetch(gp.raw)
  prefetch(gp.raw + 64)
}
