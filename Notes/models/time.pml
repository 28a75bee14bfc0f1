// SPDX-License-Identifier: Apache-2.0
/*
 * Timers: each fires once, or was stopped.          time.swift, timeheap.swift, api_time.swift
 *
 * A timer is in the heap of the P on which it was started. Any M takes it out when it is
 * due, copies what is to be called, and calls that when the heap's lock is dropped.
 * Meanwhile the timer may be stopped, started again elsewhere, or freed and reused.
 *
 * Modelled: timermodify (timerreset), timerstop, timerdisarm, timerremove, addHeap,
 *   timerchandrain; takeDue and fire in the hands of timersrun and of maybeRunChan;
 *   sendTime; timersmove; timerfree, and newTimer for another channel. The variant
 *   FUNCTION: afterFunc, with the references that the owner, the active timer and
 *   the goroutine hold, timerfree with the last of them. PERIOD: a ticker. What is done
 *   under a Timers.lock is a step, so is a load of t.p without it; what is done under
 *   t.lock takes several.
 * Left out: when. A timer in a heap is due whenever somebody likes. So minWhen, and who
 *   wakes up for it: poller.pml. The order in a heap, and index: all under the heap's
 *   lock. Sleeps, which nobody stops; deadlines, whose f looks at rseq: netpoll.pml.
 *   Ordering: the one look without a lock is at t.p, and what follows takes the lock.
 *   The stop of the world around timersmove: here the others go on. Goroutines that
 *   wait on the channel: it is received from whenever it holds something.
 * Bounds: one timer; two goroutines on two Ps, each of which resets or stops it up to
 *   OPS times; two Ms that fire it, one of which receives; timersmove once. Then the
 *   owner lets it go, and it is reused once. A ticker ticks TICKS times.
 *
 * Proves: of a channel, stop and reset return true exactly if the value was not received,
 *   and afterwards it never is; of a function, it runs once for each reset, unless that
 *   was taken back by one that returned true. When nothing moves any more nothing is
 *   still to come. Nothing is sent to a channel that is freed, or that is another
 *   timer's; no function that is freed is run.
 *
 * Stages: 09-15
 * Columns: G0 G1 M0 M1 mover
 * Variant: FUNCTION PERIOD
 * Mutant 1: no look at seq: fire sends what was copied before a stop
 * Mutant 2: sent without the lock: fire looks at seq under t.lock, and sends after it
 * Mutant 3: armed forgotten: timerstop asks the heap and the channel, not who is about to send
 * Mutant 4: not drained: a value that lies in the channel survives stop and reset
 * Mutant 5: taken out too late: timersrun fires the timer, and then takes it out of the heap
 * Mutant 6: no second look: timerremove does not look at t.p again under the heap's lock
 * Mutant 7: freed, not changed: timerfree leaves seq as it was for who holds a copy
 * Mutant 8: moved without the lock: timersmove holds no lock while it puts the timer into another heap
 * Mutant 9: retained late: reset takes the active timer's reference when that is started
 * Mutant 10: stop by a look: timerstop returns whether t.p was set, not whether it took the timer out
 */

#ifndef MUTANT
#define MUTANT 0
#endif
#ifndef OPS
#define OPS 2
#endif
#ifndef TICKS
#define TICKS 2
#endif
#if MUTANT == 9 || MUTANT == 10
#define FUNCTION
#endif
#define NONE 2

// The timer.
byte tp = NONE;     // t.p
bit tlock;          // t.lock
byte seq;
bit armed;
bit arg;            // the channel it feeds
bit heap[2];        // the P's heap holds it

byte buf[2];       // what the channel holds: the number of a reset; 0: nothing
bit freed[2];       // the channel's memory; in FUNCTION the function's
bit last;           // the owner has let the channel go
byte done;          // goroutines that have
byte refs = 1;      // FUNCTION: references to the AfterFunc
byte ticks = TICKS;

// What each reset has come to.
mtype = { unused, pending, fired, takenback };
byte cur;           // the last one
mtype came[2 * OPS + 2] = unused;

inline lock() { atomic { !tlock -> tlock = 1 } }

// t.lock is held. Leaves the answer in was.
inline timerremove() {
  do
  :: true ->
    atomic { pp = tp; printf("@%d timerremove: t.p is %d\n", _pid, tp) };
#if MUTANT == 10
    was = was || pp != NONE;
#endif
    if
    :: atomic { pp == NONE -> break }
    :: atomic { pp != NONE && (tp == pp || MUTANT == 6) ->
         heap[pp] = 0; tp = NONE; was = 1; pp = 0;
         printf("@%d takes it out of P's heap\n", _pid); break }
    :: atomic { pp != NONE && tp != pp && MUTANT != 6 ->
         printf("@%d it is not there any more\n", _pid) }
    fi
  od
}

inline timerdisarm() {
  was = 0;
  timerremove();
#ifdef FUNCTION
  atomic {
    if
    :: was -> assert(came[cur] == pending); came[cur] = takenback
    :: else
    fi;
    printf("@%d pending: %d\n", _pid, was)
  }
#else
#if MUTANT == 3
  atomic { armed = 0; seq++; printf("@%d armed = false, seq = %d\n", _pid, seq) };
#else
  atomic { was = armed; armed = 0; seq++;
    printf("@%d armed = false, seq = %d\n", _pid, seq) };
#endif
  // timerchandrain, and what it returns.
  atomic {
#if MUTANT != 4
    if
    :: buf[arg] -> buf[arg] = 0; was = 1; printf("@%d drains the channel\n", _pid)
    :: else
    fi;
#endif
    printf("@%d pending: %d\n", _pid, was);
    assert(was == (came[cur] == pending));
    if
    :: was -> came[cur] = takenback
    :: else
    fi
  }
#endif
}

inline timermodify(p) {
  lock();
  timerdisarm();
  atomic { armed = 1; cur++; came[cur] = pending };
  atomic { assert(!heap[0] && !heap[1]); tp = p; heap[p] = 1;
    printf("@%d reset %d: in P%d's heap\n", _pid, cur, p) };
  tlock = 0
}

// In FUNCTION by whoever has dropped the last reference.
inline timerfree() {
  lock();
  was = 0;
  timerremove();
#if MUTANT == 7
  armed = 0;
#else
  atomic { armed = 0; seq++ };
#endif
  atomic { freed[0] = 1; tlock = 0; printf("@%d the timer and its owner are freed\n", _pid) };
  was = 0
}

inline release() {
  atomic { assert(refs > 0); refs--; printf("@%d %d references\n", _pid, refs);
    found = (refs == 0) };
  if
  :: found -> timerfree(); found = 0
  :: !found
  fi
}

active [2] proctype G() {
  byte ops = OPS, pp;
  bit was, found;
  do
  :: ops > 0 -> // GoTimer.reset
    ops--;
#ifdef FUNCTION
#if MUTANT != 9
    atomic { refs++; printf("@%d retains: %d references\n", _pid, refs) };
#endif
    timermodify(_pid);
#if MUTANT == 9
    atomic { refs++; printf("@%d retains: %d references\n", _pid, refs) };
#endif
    if
    :: was -> release()
    :: !was
    fi;
#else
    timermodify(_pid);
#endif
    was = 0
  :: ops > 0 -> // GoTimer.stop
    ops--;
    lock();
    timerdisarm();
    tlock = 0;
#ifdef FUNCTION
    if
    :: was -> release()
    :: !was
    fi;
#endif
    was = 0
  :: break
  od;
  atomic { done++; ops = 0 };
  if
  :: _pid == 1
  :: atomic { _pid == 0 && done == 2 -> printf("@%d the owner lets go\n", _pid) };
#ifdef FUNCTION
    release()
#else
    // Nobody receives any more.
    atomic { last = 1;
      if
      :: came[cur] == pending -> came[cur] = takenback
      :: else
      fi };
    timerfree();
    // newTimer, for another channel.
    atomic { arg = 1; printf("@%d the timer is reused\n", _pid) };
    timermodify(0)
#endif
  fi
}

inline receive() {
  atomic {
    _pid == 3 && ((buf[0] && !last) || buf[1]) ->
    if
    :: buf[0] && !last -> g = buf[0]; buf[0] = 0
    :: else -> g = buf[1]; buf[1] = 0
    fi;
    printf("@%d receives the value of reset %d\n", _pid, g);
    assert(g == cur && came[g] == pending);
#ifndef PERIOD
    came[g] = fired;
#endif
    g = 0
  }
}

// takeDue of the timer in P p's heap.
inline takeDue(p) {
  g = cur; dueseq = seq; duearg = arg;
#ifdef PERIOD
  ticks--;
#else
  heap[p] = 0; tp = NONE;
#endif
  printf("@%d takes reset %d out of P%d's heap\n", _pid, g, p)
}

// What was copied is in g, dueseq and duearg.
inline fire() {
#ifdef FUNCTION
  // goFunc, and the goroutine that it starts.
  atomic { assert(!freed[0] && refs > 0 && came[g] == pending); came[g] = fired;
    printf("@%d runs the function of reset %d\n", _pid, g); g = 0 };
  release();
#else
  lock();
  if
  :: atomic { seq == dueseq || MUTANT == 1 ->
#ifndef PERIOD
       armed = 0;
#endif
       printf("@%d fire: seq is %d, armed = false\n", _pid, seq) };
#if MUTANT == 2
    tlock = 0;
#endif
    atomic {
      assert(!freed[duearg]);
      if
      :: buf[duearg] == 0 -> buf[duearg] = g; printf("@%d sends %d\n", _pid, g)
      :: else -> printf("@%d the channel is full\n", _pid)
      fi
    }
  :: atomic { seq != dueseq && MUTANT != 1 -> printf("@%d fire: stale\n", _pid) }
  fi;
  atomic { tlock = 0; g = 0; dueseq = 0; duearg = 0 }
#endif
}

active [2] proctype M() {
  byte g, dueseq, pp;
  bit duearg, was, found;
end_idle:
  do
#if MUTANT == 5
  :: atomic { heap[0] -> takeDue(0); heap[0] = 1; tp = 0 };
    fire();
    atomic { heap[0] = 0; tp = NONE; printf("@%d takes it out of P0's heap\n", _pid) }
#else
  :: atomic { heap[0] && ticks > 0 -> takeDue(0) }; // timersrun
    fire()
#endif
  :: atomic { heap[1] && ticks > 0 -> takeDue(1) };
    fire()
#ifndef FUNCTION
  :: receive()
  :: atomic { _pid == 3 && tp != NONE && ticks > 0 -> pp = tp }; // maybeRunChan
    if
    :: atomic { pp != NONE && tp == pp && ticks > 0 -> takeDue(pp); pp = 0 };
      fire()
    :: atomic { pp == NONE || tp != pp || ticks == 0 -> pp = 0 }
    fi
#endif
  od
}

// timersmove, for P1, which dies.
active proctype mover() {
  bit found;
  if
#if MUTANT == 8
  :: atomic { heap[1] -> found = 1; printf("@%d P1's heap holds the timer\n", _pid) };
    atomic { tp = 0; heap[0] = 1; heap[1] = 0; printf("@%d moves it to P0\n", _pid) }
#else
  :: atomic { heap[1] -> tp = 0; heap[0] = 1; heap[1] = 0;
       printf("@%d moves the timer to P0\n", _pid) }
#endif
  :: true
  fi
}

active proctype quiescence() {
  byte g;
  timeout;
  d_step {
#ifdef PERIOD
    assert(came[cur] != pending || heap[0] || heap[1]);
#else
    do
    :: g < 2 * OPS + 2 -> assert(came[g] != pending); g++
    :: else -> break
    od;
    assert(!heap[0] && !heap[1]);
#ifdef FUNCTION
    assert(refs == 0)
#endif
#endif
  }
}
