// SPDX-License-Identifier: Apache-2.0
/*
 * Notes: one wake-up, one sleep.                    lock.swift, idle.swift, sysmon.swift
 *
 * A note's key is 0, or 1 once it has been woken. Whoever sleeps makes itself known under
 * sched.lock, as an idle M (mput) or by sysmonwait; whoever takes that away under
 * the lock is the one to wake it. The sleeper clears the note before it is known again.
 *
 * Modelled: notesleep and mPark, with mput and mget; notetsleepOnce, with sysmonwait and
 *   wakesysmon; notewakeup, noteclear; futexsleep, which sleeps if key is 0, in a step
 *   of its own; signals and noteprod, which end a sleep and change nothing. noteclear
 *   is a plain store: it waits in its thread's store buffer, until that takes the lock
 *   at the latest.
 * Left out: what is done under the lock beside this. The template thread's note, which
 *   is cleared before the sleep: under the lock, in one step with the mark that it
 *   waits. stopnote: stw.pml has the one sleeper, who clears it when it has been woken.
 * Bounds: an M that sleeps whenever it is not given a P; sysmon, which goes to sleep
 *   SLEEPS times, and whose time may be up once; two wakers, each for WAKES wake-ups of the
 *   one or the other; one signal.
 *
 * Proves: no note is woken twice before it is cleared; the M never wakes without a P;
 *   when nothing moves any more, nobody sleeps who was woken, and no wake-up is left
 *   over for a sleep to come.
 *
 * Stages: 03-15
 * Columns: M0 sysmon waker1 waker2
 * Mutant 1: believed: notesleep does not look at key again when its sleep ends
 * Mutant 2: cleared late: mPark clears the note before its sleep, when it may be woken already
 * Mutant 3: never cleared: mPark leaves the note as it was woken
 * Mutant 4: woken, then set: notewakeup wakes who sleeps, and then sets key
 * Mutant 5: sleep without a look: futexsleep does not compare key with 0
 * Mutant 6: still waiting: sysmon's time is up, and sysmonwait stays true
 * Mutant 7: cleared without the lock: sysmon clears its note first, and sysmonwait under the lock
 */

#ifndef MUTANT
#define MUTANT 0
#endif
#ifndef SLEEPS
#define SLEEPS 2
#endif
#ifndef WAKES
#define WAKES 2
#endif

// The two notes, and the processes that sleep on them.
#define PARK 0
#define SYSMONNOTE 1

bit key[2];
bit bufclear[2];  // noteclear is in the store buffer
bit asleep[2];
bit locked;       // sched.lock
bit midle;        // the M is on the idle list
bit nextp;        // it has been given a P
bit sysmonwait;
bit signal = 1;   // is yet to come
bit timeup;       // has been, once

#define DRAINED (_pid > 1 || !bufclear[_pid])

inline noteclear() { atomic { bufclear[_pid] = 1; printf("@%d noteclear\n", _pid) } }

inline lock() { atomic { !locked && DRAINED -> locked = 1 } }

// Leaves in ended whether a sleep ended without a wake-up.
inline futexsleep() {
  atomic {
    if
    :: key[_pid] == 0 || MUTANT == 5 -> asleep[_pid] = 1; printf("@%d sleeps\n", _pid)
    :: else
    fi
  };
end_sleeps:
  if
  :: !asleep[_pid]
  :: atomic { asleep[_pid] && signal -> signal = 0; asleep[_pid] = 0;
       printf("@%d a signal ends the sleep\n", _pid) }
  :: atomic { asleep[_pid] && _pid == SYSMONNOTE && !timeup -> asleep[_pid] = 0;
       timeup = 1; ended = 1; printf("@%d its time is up\n", _pid) }
  fi
}

// key as its thread sees it.
#define KEY (key[_pid] && !bufclear[_pid])

inline notewakeup(n) {
#if MUTANT == 4
  atomic { asleep[n] = 0; printf("@%d futexwakeup\n", _pid) };
#endif
  atomic { assert(!key[n]); key[n] = 1; printf("@%d key = 1\n", _pid) };
#if MUTANT != 4
  atomic { asleep[n] = 0; printf("@%d futexwakeup\n", _pid) }
#endif
}

active proctype M() {
  bit ended;
  do
  :: true -> // stopm
    atomic { !locked && DRAINED -> midle = 1; printf("@%d mput\n", _pid) };
    // mPark
#if MUTANT == 2
    noteclear();
#endif
    do
    :: atomic { KEY -> printf("@%d key is 1\n", _pid); break }
    :: atomic { !KEY -> printf("@%d key is 0\n", _pid) };
      futexsleep();
#if MUTANT == 1
      break
#endif
    od;
#if MUTANT != 2 && MUTANT != 3
    noteclear();
#endif
    atomic { assert(nextp); nextp = 0; printf("@%d runs with a P\n", _pid) }
  od
}

active proctype sysmon() {
  byte sleeps = SLEEPS;
  bit ended;
  do
  :: sleeps > 0 ->
    sleeps--;
    atomic { !locked && DRAINED -> sysmonwait = 1; printf("@%d sysmonwait = 1\n", _pid) };
    // sysmondeepsleep
    do
    :: atomic { KEY || ended -> break }
    :: atomic { !KEY && !ended -> printf("@%d key is 0\n", _pid) };
      futexsleep()
    od;
    ended = 0;
#if MUTANT == 7
    noteclear();
    lock();
    atomic { sysmonwait = 0; printf("@%d sysmonwait = 0\n", _pid) };
#else
    lock();
#if MUTANT != 6
    atomic { sysmonwait = 0; printf("@%d sysmonwait = 0\n", _pid) };
#endif
    noteclear();
#endif
    atomic { DRAINED -> locked = 0 }
  :: sleeps == 0 -> break
  od
}

active [2] proctype waker() {
  byte wakes = WAKES;
end_waker:
  do
  :: atomic { wakes > 0 && !locked && midle -> wakes--; midle = 0;
       printf("@%d mget: M0\n", _pid) };
    // startm
    nextp = 1;
    notewakeup(PARK)
  :: atomic { wakes > 0 && !locked && sysmonwait -> wakes--; locked = 1;
       sysmonwait = 0; printf("@%d wakesysmon: sysmonwait = 0\n", _pid) };
    notewakeup(SYSMONNOTE);
    locked = 0
  od
}

active proctype memory() {
end_memory:
  do
  :: atomic { bufclear[0] -> bufclear[0] = 0; key[0] = 0;
       printf("@%d M0's noteclear is seen\n", _pid) }
  :: atomic { bufclear[1] -> bufclear[1] = 0; key[1] = 0;
       printf("@%d sysmon's noteclear is seen\n", _pid) }
  od
}

active proctype quiescence() {
  timeout;
  assert(!locked && !nextp && !key[PARK] && !key[SYSMONNOTE])
}
