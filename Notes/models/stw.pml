// SPDX-License-Identifier: Apache-2.0
/*
 * Stop the world: everybody stops, and everybody goes on.              stw.swift, preempt.swift
 *
 * Who stops the world raises gcwaiting, takes the idle Ps, asks those that run to yield,
 * and waits until stopwait is 0. An M that runs out of work, or yields, stops its own P.
 *
 * Modelled: stopTheWorldG with preemptall, repeated every 100 us while it waits;
 *   preemptone with its looks at p.m and curg; execute, which clears a request that is
 *   left over; gopreempt_m; findRunnableOnce as far as it looks at gcwaiting, before
 *   and under sched.lock, and spins; gcstopm; startTheWorldG with procresize, which
 *   gives Ps with work to Ms, and wakep; resetspinning.
 * Left out: system calls (syscall.pml, with the store buffer that they need). The
 *   store buffer of others: gcwaiting is looked at under sched.lock before a P is
 *   given up, and asked for again and again where a goroutine runs. worldsema: one M
 *   stops the world. Lost wake-ups for other reasons than the stop (wakeup.pml): here
 *   an M idles its P in one step, in which no queue has work. A change of GOMAXPROCS.
 * Bounds: three Ps; four Ms, one of which stops the world STOPS times; a goroutine that
 *   computes until it is asked to yield, one on a P's queue, one on the global queue,
 *   each of which ends or computes on; a P with nothing to do.
 *
 * Proves: while the world is stopped no goroutine runs and every P is in gcstop;
 *   stopwait counts each P once; the stop is reached; after the last start no P idles
 *   while work is queued, and nobody is counted as spinning who sleeps.
 *
 * Stages: 13-15
 * Columns: M0 M1 M2 M3
 * Mutant 1: asked once: preemptall is not repeated, so a request that execute clears is lost
 * Mutant 2: idled while stopping: findRunnable gives up its P without a look at gcwaiting under the lock
 * Mutant 3: still counted: gcstopm stops a spinning M and leaves nmspinning as it is
 * Mutant 4: nobody woken: startTheWorld starts the Ps that have work, and no other
 * Mutant 5: stopped and counted late: gcstopm counts its P down before it is in gcstop, without the lock
 */

#ifndef MUTANT
#define MUTANT 0
#endif
#ifndef STOPS
#define STOPS 2
#endif
#define NP 3
#define NM 4
#define NONE 7

mtype = { idle, running, gcstop };

mtype status[NP] = running;
byte pm[NP] = NONE;     // p.m
byte runq[NP];          // Gs on each P's queue
byte globq = 1;
bit pidle[NP];
bit torun[NP];         // has work when the world starts
bit midle[NM];
byte nextp[NM] = NONE;
bit spin0[NM];
bit curg[NM];           // the M has a goroutine
bit preempt[NM];        // of that goroutine: asked to yield
bit user[NM];           // its code runs
byte nmspinning;
bit locked;
bit gcwaiting;
bit stopped;            // the stopper relies on it
byte stopwait;
bit stopnote;
byte stops;             // so far

#define QUEUED (globq + runq[0] + runq[1] + runq[2])
#define NPIDLE (pidle[0] + pidle[1] + pidle[2])
#define MIDLE (midle[0] || midle[1] || midle[2] || midle[3])

// A goroutine runs that has not been asked to yield.
#define UNASKED1(m) (user[m] && !preempt[m])
#define UNASKED (UNASKED1(1) || UNASKED1(2) || UNASKED1(3))

inline lock() { atomic { !locked -> locked = 1 } }

inline countdown() {
  assert(stopwait > 0);
  stopwait--;
  printf("@%d stopwait = %d\n", _pid, stopwait);
  if
  :: stopwait == 0 -> assert(!stopnote); stopnote = 1
  :: else
  fi
}

inline pidleget() {
  if
  :: pidle[0] -> q = 0; pidle[0] = 0
  :: !pidle[0] && pidle[1] -> q = 1; pidle[1] = 0
  :: !pidle[0] && !pidle[1] && pidle[2] -> q = 2; pidle[2] = 0
  :: else -> q = NONE
  fi
}

inline startm(spins) {
  k = 0;
  do
  :: midle[k] -> break
  :: else -> k++
  od;
  midle[k] = 0;
  assert(nextp[k] == NONE);
  spin0[k] = spins;
  nextp[k] = q;
  printf("@%d startm: M%d gets P%d\n", _pid, k, q);
  k = 0; q = NONE
}

inline wakep() {
  if
  :: atomic { nmspinning == 0 && NPIDLE > 0 -> nmspinning = 1 };
    atomic {
      !locked && (MIDLE || NPIDLE == 0) -> pidleget();
      if
      :: q == NONE -> nmspinning--
      :: else -> startm(1)
      fi
    }
  :: atomic { nmspinning > 0 || NPIDLE == 0 ->
       printf("@%d wakep: not needed\n", _pid) }
  fi
}

// preemptone of P i: its M, and then what that runs, may be others by the time they are asked.
inline preemptall() {
  i = 0;
  do
  :: i < NP ->
    atomic { k = NONE;
      if
      :: status[i] == running && pm[i] != _pid -> k = pm[i]
      :: else
      fi };
    if
    :: atomic { k != NONE && curg[k] -> preempt[k] = 1;
         printf("@%d asks M%d\n", _pid, k) }
    :: k == NONE || !curg[k]
    fi;
    atomic { i++; k = 0 }
  :: else -> i = 0; break
  od
}

inline stopTheWorld() {
  lock();
  stopwait = NP;
  atomic { gcwaiting = 1; printf("@%d gcwaiting = 1\n", _pid) };
  preemptall();
  atomic {
    status[pp] = gcstop;
    stopwait--;
    do
    :: pidleget();
      if
      :: q == NONE -> break
      :: else -> status[q] = gcstop; stopwait--; q = NONE
      fi
    od;
    found = (stopwait > 0);
    locked = 0;
    printf("@%d stopwait = %d\n", _pid, stopwait)
  };
  if
  :: found ->
    do
    :: atomic { stopnote -> stopnote = 0; break }
#if MUTANT != 1
    // Not for want of anything to do: only where somebody has not been asked.
    :: !stopnote && UNASKED -> preemptall()
#endif
    od
  :: else
  fi;
  found = 0;
  atomic {
    assert(status[0] == gcstop && status[1] == gcstop && status[2] == gcstop);
    stopped = 1;
    assert(user[0] + user[1] + user[2] + user[3] == 0);
    printf("@%d the world is stopped\n", _pid)
  };
  stopped = 0
}

inline startTheWorld() {
  atomic {
    !locked -> locked = 1;
    status[pp] = running;
    i = 0;
    do
    :: i < NP ->
      if
      :: i != pp -> status[i] = idle; pidle[i] = (runq[i] == 0);
        torun[i] = (runq[i] > 0)
      :: else
      fi;
      i++
    :: else -> i = 0; break
    od;
    gcwaiting = 0;
    stops++;
    locked = 0;
    printf("@%d starts the world\n", _pid)
  };
  do
  :: i < NP ->
    if
    :: atomic { torun[i] && !locked && MIDLE -> torun[i] = 0; q = i; startm(0) }
    :: !torun[i]
    fi;
    i++
  :: else -> i = 0; break
  od;
#if MUTANT != 4
  wakep()
#endif
}

active [NM] proctype M() {
  byte pp = NONE, q = NONE, k, i;
  bit spinning, found;
  if
  :: atomic { _pid == 0 -> pp = 0; pm[0] = 0; goto stopper }
  :: atomic { _pid == 1 -> pp = 1; pm[1] = 1; runq[1] = 1; goto execute }
  :: atomic { _pid == 2 -> pp = 2; pm[2] = 2; goto top }
  :: _pid == 3 -> goto stopm
  fi;

stopper: // A goroutine that stops the world.
  do
  :: stops < STOPS -> stopTheWorld(); startTheWorld()
  :: stops == STOPS -> break
  od;
  if
  :: goto top
  :: goto end_computes
  fi;

execute:
  if
  :: atomic { spinning -> spinning = 0; assert(nmspinning > 0); nmspinning-- }; wakep()
  :: !spinning
  fi;
  curg[_pid] = 1;
  atomic { preempt[_pid] = 0; printf("@%d execute: preempt = 0\n", _pid) };
  atomic { assert(!stopped && pm[pp] == _pid); user[_pid] = 1;
    printf("@%d runs a G\n", _pid) };
  if
  :: atomic { preempt[_pid] -> user[_pid] = 0; printf("@%d yields\n", _pid) };
    // gopreempt_m
    atomic { curg[_pid] = 0;
      if
      :: gcwaiting -> runq[pp]++
      :: else -> globq++
      fi }
  :: atomic { stops == STOPS || globq + runq[1] == 0 -> user[_pid] = 0; curg[_pid] = 0;
       printf("@%d its G ends\n", _pid) }
  :: atomic { stops == STOPS -> printf("@%d its G computes for ever\n", _pid);
       goto end_computes }
  fi;

top: // findRunnableOnce
  if
  :: gcwaiting ->
    // gcstopm
#if MUTANT != 3
    if
    :: atomic { spinning -> spinning = 0; assert(nmspinning > 0); nmspinning-- }
    :: !spinning
    fi;
#else
    spinning = 0;
#endif
#if MUTANT == 5
    atomic { pm[pp] = NONE; countdown() };
    atomic { status[pp] = gcstop; pp = NONE; goto stopm };
#endif
    lock();
    if
    :: atomic { !gcwaiting -> locked = 0; goto top }
    :: atomic { gcwaiting -> assert(pm[pp] == _pid);
         pm[pp] = NONE; status[pp] = gcstop; printf("@%d P%d = gcstop\n", _pid, pp);
         countdown(); pp = NONE; locked = 0; goto stopm }
    fi
  :: !gcwaiting
  fi;
  if
  :: atomic { runq[pp] > 0 -> runq[pp]--; goto execute }
  :: runq[pp] == 0
  fi;
  if
  :: atomic { !spinning -> spinning = 1; nmspinning++; printf("@%d spins\n", _pid) }
  :: spinning
  :: !spinning && nmspinning > 0
  fi;
  // Steals, from anybody, or takes from the global queue.
  if
  :: atomic { gcwaiting -> goto top }
  :: atomic { !gcwaiting && !locked && globq > 0 -> globq--; goto execute }
  :: atomic { !gcwaiting && spinning && runq[0] > 0 -> runq[0]--; goto execute }
  :: atomic { !gcwaiting && spinning && runq[1] > 0 -> runq[1]--; goto execute }
  :: atomic { !gcwaiting && spinning && runq[2] > 0 -> runq[2]--; goto execute }
  :: true
  fi;
  // Under sched.lock.
  atomic {
    !locked;
    if
#if MUTANT != 2
    :: gcwaiting -> goto top
#endif
    :: (MUTANT == 2 || !gcwaiting) && QUEUED > 0 -> goto top
    :: (MUTANT == 2 || !gcwaiting) && QUEUED == 0 -> assert(pm[pp] == _pid);
      pm[pp] = NONE; status[pp] = idle; pidle[pp] = 1;
      printf("@%d idles P%d\n", _pid, pp); pp = NONE
    fi
  };
  if
  :: atomic { spinning -> spinning = 0; assert(nmspinning > 0); nmspinning-- };
    // "Delicate dance": the last look. The stop of the world does not wait for this M.
    atomic {
      !locked;
      if
      :: QUEUED > 0 -> pidleget()
      :: else
      fi;
      pp = q; q = NONE;
      if
      :: pp != NONE -> assert(status[pp] == idle && pm[pp] == NONE);
        status[pp] = running; pm[pp] = _pid; spinning = 1; nmspinning++;
        printf("@%d last look: gets P%d\n", _pid, pp); goto top
      :: else
      fi
    }
  :: !spinning
  fi;

stopm:
  atomic { !locked -> midle[_pid] = 1; printf("@%d sleeps\n", _pid) };
end_sleeps:
  atomic { nextp[_pid] != NONE -> pp = nextp[_pid]; nextp[_pid] = NONE;
    spinning = spin0[_pid]; spin0[_pid] = 0;
    assert(status[pp] == idle && pm[pp] == NONE);
    status[pp] = running; pm[pp] = _pid; printf("@%d wakes with P%d\n", _pid, pp);
    goto top };

end_computes:
  false
}

active proctype quiescence() {
  timeout;
  assert(stops == STOPS && (QUEUED == 0 || NPIDLE == 0) && nmspinning == 0)
}
