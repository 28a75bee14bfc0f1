// SPDX-License-Identifier: Apache-2.0
/*
 * One queue, one lock, and so many places: no work waits while a place is free.
 *                                                    proc.swift, idle.swift, syscall.swift
 *
 * GOMAXPROCS Ms at most have a place (mcpu). Who puts work on the queue gives a place, if
 * one is free, to an M that is to look; an M that finds nothing gives its place up. Both
 * do so under sched.lock. In a system call an M has no place.
 *
 * Modelled: goready and newproc, gosched_m, schedule, wakep, placeget, placeput, startm with
 *   mget or a new M, for which the lock is dropped, mReserveID, stopm, mput with
 *   checkdead, notes; stopTheWorldG. In the variant CALLS: entersyscall, exitsyscall,
 *   exitsyscall0; leavem0; rundone, and a second run.
 * Left out: what a goroutine is but what it does to the queue; parking (park.pml). Goroutines
 *   that are locked to their threads. Memory order: all is under sched.lock, but for
 *   the note that an M sleeps on (note.pml).
 * Bounds: PROCS places, NM Ms, one of which there is at first; WORK goroutines to be made
 *   by anybody who runs, each of which then makes others, waits, readies one that
 *   waits, yields, ends, or computes for ever. In CALLS: NCALLS calls, each of which ends or
 *   does not, two runs; the main goroutine yields once, nobody else waits or yields.
 *
 * Proves: whenever the lock is released the queue is empty, or all places are taken, or
 *   one that has a place is about to look at the queue, or the world stops; as many Ms
 *   have a place as mcpu says, PROCS at most; no M sleeps for ever with a place, and no
 *   deadlock is found while there is work. When the world is stopped one M has a place.
 *   In CALLS: a goroutine runs in its own run only; at the end each whose calls end has
 *   run, and run has returned though a call has not.
 *
 * Stages: 03-04
 * Variant: CALLS 04
 * Columns: M0 M1 M2 M3 M4
 * Mutant 1: wakep before put: goready looks whether anything is queued, and then queues
 * Mutant 2: look, then lock: the lock is released between the last look and placeput
 * Mutant 3: not asked for: placeget counts one in where there are as many as may be
 * Mutant 4: not reserved: an M that is being made counts only when it is there
 * Mutant 5: stop without the lock: stopTheWorldG looks at mcpu, and then sets gcwaiting
 * Mutant 6: nobody in its place: entersyscall gives up the place, and does not call wakep
 * Mutant 7: no place asked for: exitsyscall counts itself in
 * Mutant 8: epoch before lock: exitsyscall0 looks at the epoch, and then takes the lock
 * Mutant 9: stays on m0: a goroutine in a call is not moved off the thread that called run
 */

#ifndef MUTANT
#define MUTANT 0
#endif
#if MUTANT >= 6
#define CALLS
#endif
#ifndef PROCS
#define PROCS 2
#endif
#ifndef WORK
#define WORK 3
#endif
#define NCALLS 2
#ifdef CALLS
// And m0, which a goroutine leaves.
#define NM (PROCS + NCALLS + 1)
#else
#define NM 3
#endif
#define NONE 7

byte runq;              // Gs on the queue, of this run
byte mcpu = 1;
byte placed = 1;        // Ms that have a place
byte looking;           // of these, those that are about to look at the queue
byte waiting;           // Gs that wait
byte todo = WORK;       // Gs yet to be made
byte nmidle;
byte mcount = 1;        // as checkdead counts
byte made = 1;          // Ms there are
bit midle[NM];
bit note[NM];           // m.park
bit locked;
bit gcwaiting, stopnote;
bit over;               // the last run has ended
byte alive = 1;         // Gs that will run on or end, of all that there are
byte epoch;
bit mainq, yielded;     // the main goroutine is on the queue, and has been
bit rundone;            // m0 is to return from run
byte calls = NCALLS;

inline lock() { atomic { !locked -> locked = 1 } }

// What must hold where others can get in. sched.lock is held.
inline check() {
  assert(mcpu == placed && mcpu <= PROCS);
  assert(runq == 0 || mcpu == PROCS || looking > 0 || gcwaiting || over)
}

inline unlock() { atomic { check(); locked = 0 } }

// Leaves in got whether there is one more place. sched.lock must be held.
inline placeget() {
  if
  :: gcwaiting || over -> got = 0
  :: else ->
#if MUTANT == 3
    got = (mcpu <= PROCS);
#else
    got = (mcpu < PROCS);
#endif
    mcpu = mcpu + got
  fi
}

inline placeput() {
  assert(mcpu > 0);
  mcpu--; placed--;
  printf("@%d placeput: mcpu = %d\n", _pid, mcpu);
  if
  :: mcpu == 1 && gcwaiting -> assert(!stopnote); stopnote = 1
  :: else
  fi
}

// Starts an M that has a place. sched.lock must be held; it may be released meanwhile.
inline startm() {
  atomic {
    placed++; looking++; got = 0;
    k = 0;
    do
    :: k < NM && midle[k] -> break
    :: k < NM && !midle[k] -> k++
    :: k == NM -> k = NONE; break
    od;
    if
    :: k != NONE -> midle[k] = 0; nmidle--; assert(!note[k]); note[k] = 1;
      printf("@%d startm: wakes M%d\n", _pid, k)
    :: k == NONE && made < NM ->
#if MUTANT != 4
      mcount++;
#endif
      k = made; made++;
      printf("@%d startm: makes M%d\n", _pid, k);
      new = 1
    :: else -> assert(false)
    fi
  };
  if
  :: new ->
    unlock();
    // newm
    atomic { new = 0; note[k] = 1 };
    lock();
#if MUTANT == 4
    mcount++;
#endif
  :: !new
  fi;
  k = 0
}

// sched.lock must be held.
inline wakep() {
  if
  :: atomic { runq > 0 -> placeget() };
    if
    :: got -> startm()
    :: !got
    fi
  :: runq == 0
  fi
}

// Puts a G that may run on the queue, and wakes. Who is alive is counted by the caller.
inline put() {
  lock();
#if MUTANT == 1
  wakep();
  atomic { runq++; printf("@%d puts a G: %d\n", _pid, runq) };
#else
  atomic { runq++; printf("@%d puts a G: %d\n", _pid, runq) };
  wakep();
#endif
  unlock()
}

// sched.lock must be held; it is released.
inline mput() {
  atomic {
    midle[_pid] = 1; nmidle++;
    printf("@%d sleeps\n", _pid);
    // checkdead
    assert(over || nmidle < mcount || (runq == 0 && alive == 0));
    check();
    locked = 0
  }
}

active [NM] proctype M() {
  byte k, mine;
  bit got, new, main;
  if
  :: atomic { _pid == 0 -> main = 1; printf("@%d runs the main goroutine\n", _pid) };
    goto running
  :: atomic { _pid != 0 -> goto sleep }
  fi;

running: // A goroutine.
  assert(mine == epoch);
  if
  :: atomic { todo > 0 -> todo--; alive++ }; put(); goto running
#ifndef CALLS
  :: atomic { waiting > 0 -> waiting--; alive++; printf("@%d readies a G\n", _pid) };
    put();
    goto running
  :: atomic { !main && waiting == 0 -> waiting++; alive--; looking++;
       printf("@%d its G waits\n", _pid) };
    goto schedule
  :: atomic { todo == 0 && !main -> printf("@%d its G yields\n", _pid) };
    lock();
    atomic { runq++; looking++ };
    unlock();
    goto schedule
#endif
  :: atomic { !main -> alive--; looking++; printf("@%d its G ends\n", _pid) };
    goto schedule
#ifndef CALLS
  :: atomic { alive--; printf("@%d its G computes for ever\n", _pid); goto end_computes }
#else
  :: atomic { calls > 0 && !main -> calls-- }; goto call
  :: atomic { main && !yielded -> yielded = 1; printf("@%d the main goroutine yields\n", _pid) };
    lock();
    atomic { runq++; looking++; main = 0; mainq = 1 };
    unlock();
    goto schedule
#endif
  :: main -> goto stop
  fi;

schedule: // It has a place.
  lock();
  if
  :: atomic { !gcwaiting && runq > 0 -> runq--; looking--;
       mine = epoch; printf("@%d takes a G: %d\n", _pid, runq);
       if
       :: mainq -> mainq = 0; main = 1
       :: !mainq || runq > 0
       fi };
    unlock();
    goto running
  :: atomic { gcwaiting || runq == 0 -> printf("@%d finds nothing\n", _pid) };
#if MUTANT == 2
    atomic { looking--; locked = 0 };
    lock();
    placeput();
#else
    atomic { looking--; placeput() };
#endif
    goto stopm
  fi;

stopm: // sched.lock is held.
  if
  :: atomic { _pid == 0 && rundone -> locked = 0 }; goto returns
  :: !(_pid == 0 && rundone)
  fi;
  mput();
sleep:
end_sleeps:
  atomic { note[_pid] -> note[_pid] = 0; printf("@%d wakes\n", _pid) };
  if
  :: _pid == 0 && rundone -> goto returns
  :: !(_pid == 0 && rundone) -> goto schedule
  fi;

#ifdef CALLS
call:
#if MUTANT != 9
  if
  :: _pid == 0 -> // leavem0
    calls++;
    lock();
    atomic { runq++; placeput(); printf("@%d leaves m0\n", _pid) };
    wakep();
    goto stopm
  :: _pid != 0
  fi;
#endif
  // entersyscall
  lock();
  placeput();
#if MUTANT != 6
  wakep();
#endif
  unlock();
  if
  :: atomic { printf("@%d its call ends\n", _pid) }
  :: atomic { alive--; printf("@%d its call does not end\n", _pid); goto end_computes }
  fi;
  // exitsyscall
  lock();
#if MUTANT == 7
  atomic { got = (mine == epoch && !gcwaiting); mcpu = mcpu + got };
#else
  atomic {
    if
    :: mine == epoch -> placeget()
    :: else
    fi
  };
#endif
  if
  :: atomic { got -> got = 0; placed++; printf("@%d takes a place: mcpu = %d\n", _pid, mcpu) };
    unlock();
    goto running
  :: !got
  fi;
  unlock();
  // exitsyscall0
#if MUTANT == 8
  if
  :: atomic { mine != epoch -> mine = epoch; alive-- }; lock(); goto stopm
  :: mine == epoch
  fi;
  lock();
#else
  lock();
  if
  :: atomic { mine != epoch -> mine = epoch; alive--; printf("@%d is of another run\n", _pid) };
    goto stopm
  :: mine == epoch
  fi;
#endif
  assert(!over && mine == epoch);
  placeget();
  if
  :: atomic { got -> got = 0; placed++ }; unlock(); goto running
  :: atomic { !got -> runq++; printf("@%d queues its G\n", _pid) }
  fi;
  goto stopm;
#endif

stop: // stopTheWorldG, of the main goroutine.
#if MUTANT == 5
  atomic { got = (mcpu > 1); printf("@%d mcpu is %d\n", _pid, mcpu) };
  atomic { gcwaiting = 1; printf("@%d gcwaiting = 1\n", _pid) };
#else
  lock();
  atomic { gcwaiting = 1; got = (mcpu > 1); printf("@%d stops; mcpu is %d\n", _pid, mcpu) };
  unlock();
#endif
end_stops:
  atomic { !got || stopnote -> stopnote = 0; got = 0 };
  assert(mcpu == 1);
  // rundone. What is queued is abandoned.
  lock();
  atomic { epoch++; alive = alive - 1 - runq; runq = 0; mine = epoch; main = 0;
    printf("@%d the run is over\n", _pid) };
  locked = 0;
  atomic { mcpu = 0; placed = 0; over = 1 };
  if
  :: _pid == 0 -> goto returns
  :: _pid != 0
  fi;
  lock();
  atomic { rundone = 1;
    if
    :: midle[0] -> midle[0] = 0; nmidle--; note[0] = 1
    :: else
    fi
  };
  locked = 0;
  lock();
  goto stopm;

returns: // On m0: run returns. It is called again once.
  atomic { rundone = 0; note[0] = 0 };
#ifdef CALLS
  if
  :: epoch == 1 ->
    // schedinit, and the main goroutine.
    lock();
    atomic { mcpu = 1; placed = 1; over = 0; gcwaiting = 0; main = 1; alive++;
      mine = epoch; todo = 1; printf("@%d runs again\n", _pid) };
    unlock();
    goto running
  :: else
  fi;
#endif

end_computes:
  false
}

// When nothing moves any more.
active proctype quiescence() {
  timeout;
#ifdef CALLS
  assert(over && epoch == 2 && alive == 0);
#else
  assert(over || gcwaiting || runq == 0 || mcpu == PROCS);
  assert(over || !gcwaiting || mcpu > 1)
#endif
}
