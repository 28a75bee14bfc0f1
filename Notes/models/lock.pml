// SPDX-License-Identifier: Apache-2.0
/*
 * The runtime's lock: nobody sleeps while it is free.                     lock.swift
 *
 * Who releases the lock stores key = 0, without a barrier, and looks at sleepers. Who
 * goes to sleep sets sleepers, has every thread pass a barrier, and tries once more.
 *
 * Modelled: lock, lock2, tryKey, membarrier, unlock, unlock2; futexsleep, which sleeps
 *   if seq is what it was; futexwakeup of one, any. A store buffer for each thread,
 *   first in, first out, which empties itself at any time: for key = 0, and for the
 *   marks of sleepers. That of the loop is a full barrier in the code; here it waits
 *   in the buffer too, since membarrier is enough. membarrier empties the buffers one
 *   after the other, the caller's first. A CAS or exchange waits for its own.
 * Left out: spinning before sleep: it is a lock that comes later. tryLock, the same.
 *   Signals that end a sleep early: one more round. What the lock protects: what is
 *   written under it is in the buffer before key = 0.
 * Bounds: N threads; each takes the lock TIMES times.
 *
 * Proves: one thread at a time holds the lock; when nothing moves any more all have had
 *   it as often as they wanted, so nobody sleeps. In the variant NONWAIT without the mark
 *   at the end of lock2: that is not needed for this. It spares a sleeper the wait for a
 *   waker whom the kernel has stopped between the exchange and futexwakeup.
 *
 * Stages: 03-15
 * Variant: NONWAIT
 * Columns: M0 M1 M2
 * Mutant 1: no membarrier: the sleeper marks and tries, while the release is in a store buffer
 * Mutant 2: membarrier before the mark: the order that it is to enforce is not there yet
 * Mutant 3: mark after the last look: the sleeper tries key, then marks and sleeps
 * Mutant 4: look before the release: unlock looks at sleepers before it stores key
 * Mutant 5: wake dropped: unlock2 wakes who sleeps, and leaves seq as it was for who is about to
 * Mutant 6: seq loaded late: after the last look at key
 * Mutant 7: mark cleared after the wake-up: that of somebody who sleeps since is lost
 * Mutant 8: marked once: lock2 marks before its loop, so who was woken sleeps again without a mark
 * Mutant 9: take without CAS: tryKey looks at key, then stores it
 */

#ifndef MUTANT
#define MUTANT 0
#endif
#ifndef N
#define N 3
#endif
#ifndef TIMES
#define TIMES 2
#endif

bit key;           // 1: held
bit sleepers;      // somebody sleeps or is about to
byte seq;          // changes with each wake-up
byte nwait;        // in lock2
bit bufmark[N];    // sleepers = 1 is in the thread's store buffer
bit bufkey[N];     // so is key = 0, behind it
bit asleep[N];     // in the kernel
bit held;          // somebody is between lock and unlock
byte done;         // threads that are

#define DRAINED (!bufmark[_pid] && !bufkey[_pid])

inline take() {
  key = 1;
  assert(!held);
  held = 1;
  printf("@%d takes the lock\n", _pid)
}

inline tryKey() {
#if MUTANT == 9
  atomic { took = (key == 0); printf("@%d tryKey: key is %d\n", _pid, key) };
  if
  :: atomic { took && DRAINED -> take() }
  :: !took
  fi
#else
  atomic {
    DRAINED;
    if
    :: key == 0 -> took = 1; take()
    :: else -> printf("@%d tryKey: key is 1\n", _pid)
    fi
  }
#endif
}

inline mark() {
  atomic { bufmark[_pid] = 1; printf("@%d sleepers = 1, in the buffer\n", _pid) }
}

inline membarrier() {
  DRAINED;
  do
  :: atomic { j < N && !bufmark[j] && !bufkey[j] ->
       printf("@%d membarrier: M%d has passed one\n", _pid, j); j++ }
  :: atomic { j == N -> j = 0; break }
  od
}

// lock from where the CAS found the lock held.
inline lock2() {
  atomic { DRAINED -> nwait++ };
#if MUTANT == 8
  mark();
  membarrier();
#endif
  do
  :: true ->
    atomic { s = seq; printf("@%d seq is %d\n", _pid, s) };
#if MUTANT == 2
    membarrier();
#endif
#if MUTANT != 3 && MUTANT != 8
    mark();
#endif
#if MUTANT != 1 && MUTANT != 2 && MUTANT != 3 && MUTANT != 8
    membarrier();
#endif
    tryKey();
    if
    :: atomic { took -> took = 0; break }
    :: !took
    fi;
#if MUTANT == 3
    mark();
    membarrier();
#endif
#if MUTANT == 6
    s = seq;
#endif
    // futexsleep, which is a barrier as well.
    if
    :: atomic { DRAINED && seq == s -> asleep[_pid] = 1; printf("@%d sleeps\n", _pid) };
      atomic { !asleep[_pid] -> printf("@%d is woken\n", _pid) }
    :: atomic { DRAINED && seq != s -> printf("@%d does not sleep\n", _pid) }
    fi
  od;
  atomic { DRAINED -> nwait--; found = (nwait != 0); s = 0 };
  if
  :: found ->
#ifndef NONWAIT
    mark();
#endif
    found = 0
  :: !found
  fi
}

inline unlock() {
#if MUTANT == 4
  atomic { found = sleepers || bufmark[_pid];
    printf("@%d sleepers is %d\n", _pid, found) };
#endif
  atomic { held = 0; bufkey[_pid] = 1; printf("@%d key = 0, in the buffer\n", _pid) };
#if MUTANT != 4
  atomic { found = sleepers || bufmark[_pid];
    printf("@%d sleepers is %d\n", _pid, found) };
#endif
  if
  :: found ->
    // unlock2
#if MUTANT != 7
    atomic {
      DRAINED -> found = sleepers; sleepers = 0;
      printf("@%d sleepers was %d, = 0\n", _pid, found)
    };
#endif
    if
    :: found ->
#if MUTANT != 5
      atomic { DRAINED -> seq++; printf("@%d seq = %d\n", _pid, seq) };
#endif
      // futexwakeup
      if
      :: atomic { asleep[0] -> asleep[0] = 0; printf("@%d wakes M0\n", _pid) }
      :: atomic { asleep[1] -> asleep[1] = 0; printf("@%d wakes M1\n", _pid) }
      :: atomic { asleep[2] -> asleep[2] = 0; printf("@%d wakes M2\n", _pid) }
      :: atomic { asleep[N - 1] -> asleep[N - 1] = 0;
           printf("@%d wakes M%d\n", _pid, N - 1) }
      :: atomic { !asleep[0] && !asleep[1] && !asleep[2] && !asleep[N - 1] ->
           printf("@%d wakes nobody\n", _pid) }
      fi;
#if MUTANT == 7
      atomic { DRAINED -> sleepers = 0; printf("@%d sleepers = 0\n", _pid) };
#endif
      found = 0
    :: !found
    fi
  :: !found
  fi
}

active [N] proctype M() {
  byte times = TIMES, s, j;
  bit took, found;
  do
  :: times > 0 ->
    times--;
    // lock
    if
    :: atomic { DRAINED && key == 0 -> take() }
    :: atomic { DRAINED && key == 1 -> printf("@%d the lock is held\n", _pid) };
      lock2()
    fi;
    unlock()
  :: times == 0 -> break
  od;
  done++
}

active [N] proctype memory() {
end_memory:
  do
  :: atomic { bufmark[_pid - N] -> bufmark[_pid - N] = 0; sleepers = 1;
       printf("@%d M%d's mark is seen\n", _pid, _pid - N) }
  :: atomic { !bufmark[_pid - N] && bufkey[_pid - N] -> bufkey[_pid - N] = 0; key = 0;
       printf("@%d M%d's release is seen\n", _pid, _pid - N) }
  od
}

active proctype quiescence() {
  timeout;
  assert(done == N)
}
