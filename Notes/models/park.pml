// SPDX-License-Identifier: Apache-2.0
/*
 * Parking: who waits is off its stack before anybody runs it.       proc.swift, chan.swift
 *
 * A goroutine that is to wait queues itself under a lock and calls gopark. The lock is
 * released by park_m, on g0, when the goroutine's registers are saved. From there on
 * another M may ready it, and run it: but not while park_m is still at work with what
 * the goroutine may free, the lock above all. G.parking says so.
 *
 * Modelled: chanpark with gopark, mcall, park_m and unlockf (parkunlock_c); the waker's
 *   dequeue under the lock and ready; execute with awaitparked; casgstatus, which
 *   checks and stores. unlock in two parts, since it looks at the lock once more
 *   (for sleepers) after it has released it. The second kind of unlockf,
 *   netpollblockcommit, which may say no: then the goroutine is resumed at once.
 * Left out: what is sent. Who sleeps on the lock: it is waited for. Memory order: no
 *   step here depends on a store being seen before a later load. parking is set before
 *   the lock is released (a store with release), and cleared with release; the other
 *   side takes the lock (acquire), and loads parking with acquire. So each sees, at
 *   the least, what it sees here.
 * Bounds: one goroutine that waits TIMES times and then frees the channel; two Ms, each
 *   of which runs it whenever it finds it runnable; one waker.
 *
 * Proves: one M at a time is on the goroutine's stack, and none resumes it before its
 *   registers are saved; nothing touches the channel once it is freed; a status is
 *   changed only from what it must be; the goroutine ends.
 *
 * Stages: 03-15
 * Columns: M0 M1 waker
 * Mutant 1: unlock before park: the lock is released on the goroutine's own stack
 * Mutant 2: no parking: execute does not wait for park_m
 * Mutant 3: parking set too late: after the lock was released
 * Mutant 4: status after unlock: waiting is set when others may already ready the goroutine
 * Mutant 5: commit without CAS: unlockf stores the goroutine where a report may lie
 */

#ifndef MUTANT
#define MUTANT 0
#endif
#ifndef TIMES
#define TIMES 2
#endif
#define NONE 9

mtype = { running, runnable, waiting, dead };

mtype status = runnable;  // of the goroutine
bit saved = 1;            // its registers are in its gobuf
bit parking;
byte on = NONE;           // the M that is on its stack
bit runq = 1;             // it is on a run queue
byte left = TIMES;        // how often it is still to wait
bit locked;               // the channel's lock
bit queued;               // its sudog is on the channel's queue
bit freed;                // the channel is no more
mtype = { pdNil, pdReady, pdWait, pdG };
mtype rg = pdNil;         // for the other kind of waiting: the word
bit report;               // the waker has yet to report
bit polls;                // it waits in the other way
bit usedup;

inline casgstatus(old, new) {
  assert(status == old);
  status = new;
  printf("@%d status = %e\n", _pid, new)
}

inline unlock() {
  atomic { assert(!freed); locked = 0; printf("@%d unlocks\n", _pid) };
  // It looks for sleepers.
  atomic { assert(!freed); printf("@%d unlock is done\n", _pid) }
}

active [2] proctype M() {
  bit parked;

end_schedule:
  atomic { runq -> runq = 0; printf("@%d finds the G\n", _pid) };

execute:
#if MUTANT != 2
  atomic { !parking };
#endif
  atomic { casgstatus(runnable, running) };
  // gogo
  atomic { assert(on == NONE && saved); on = _pid; saved = 0;
    printf("@%d is on its stack\n", _pid) };

  // The goroutine.
  if
  :: atomic { left == 0 -> freed = 1; printf("@%d the G frees the channel\n", _pid) };
    // goexit0
    atomic { casgstatus(running, dead); on = NONE };
    goto end_schedule
  :: left > 0 -> goto receive
  :: left > 0 && !usedup -> goto poll
  fi;

receive: // chanrecv
  atomic { !locked -> assert(!freed); locked = 1 };
  atomic { queued = 1; left--; printf("@%d queues the G\n", _pid) };
#if MUTANT == 1
  unlock();
#endif
  polls = 0;
  goto gopark;

poll: // netpollblock
  atomic { left--; polls = 1; usedup = 1; report = 1;
    printf("@%d the G asks for a report\n", _pid) };
  if
  :: atomic { rg == pdReady -> rg = pdNil; printf("@%d there is one\n", _pid) };
    polls = 0;
    goto again
  :: atomic { rg == pdNil -> rg = pdWait; printf("@%d rg = pdWait\n", _pid) }
  fi;

gopark: // mcall: registers saved, on g0.
  atomic { assert(on == _pid); saved = 1; on = NONE; printf("@%d mcall: off its stack\n", _pid) };
  // park_m
#if MUTANT != 4
  atomic { casgstatus(running, waiting) };
#endif
#if MUTANT != 3
  parking = 1;
#endif
  parked = 1;
  if
  :: !polls ->
#if MUTANT != 1
    unlock();
#endif
  :: polls ->
    polls = 0;
#if MUTANT == 5
    atomic { rg = pdG; printf("@%d rg = G\n", _pid) }
#else
    atomic {
      if
      :: rg == pdWait -> rg = pdG; printf("@%d rg = G\n", _pid)
      :: else -> parked = 0; printf("@%d rg is %e: not parked\n", _pid, rg)
      fi
    }
#endif
  fi;
#if MUTANT == 3
  parking = 1;
#endif
#if MUTANT == 4
  atomic { casgstatus(running, waiting) };
#endif
  atomic { parking = 0; printf("@%d park_m is done\n", _pid) };
  if
  :: parked -> goto end_schedule
  :: !parked -> atomic { casgstatus(waiting, runnable) }; goto execute
  fi;

again: // On the stack, and not parked.
  if
  :: left > 0 -> goto receive
  :: left == 0 -> atomic { freed = 1; printf("@%d the G frees the channel\n", _pid) };
    atomic { casgstatus(running, dead); on = NONE };
    goto end_schedule
  fi
}

inline ready() {
  atomic { casgstatus(waiting, runnable) };
  atomic { assert(!runq); runq = 1; printf("@%d readies the G\n", _pid) }
}

active proctype waker() {
  byte old;
end_waker:
  do
  :: atomic { queued && !locked -> assert(!freed); locked = 1; queued = 0;
       printf("@%d takes the G off the queue\n", _pid) };
    unlock();
    ready()
  :: report -> // netpollunblock
    report = 0;
    atomic {
      old = (rg == pdG); rg = pdReady; printf("@%d reports: rg = pdReady\n", _pid)
    };
    if
    :: old -> ready()
    :: else
    fi
  od
}

// When nothing moves any more, the goroutine has ended.
active proctype quiescence() {
  timeout;
  assert(status == dead)
}
