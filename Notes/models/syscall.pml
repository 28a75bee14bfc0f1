// SPDX-License-Identifier: Apache-2.0
/*
 * System calls: a P that is lent out has one owner.                 syscall.swift, sysmon.swift
 *
 * entersyscall marks the P and goes. Whoever changes the mark by CAS owns the P: the M
 * when it comes back, sysmon when the call lasts, or who stops the world.
 *
 * Modelled: entersyscall with entersyscallgcwait, exitsyscallfast with wirep,
 *   exitsyscall0; retake and handoffp; findRunnableOnce as far as the stop of the world
 *   and the global queue go, gcstopm, stopm; stopTheWorldG and startTheWorldG by one
 *   without a P. The store buffer for the mark: the M stores it, then looks at
 *   gcwaiting, while the other side does the reverse; a processor may turn that round.
 * Left out: local queues and spinning (wakeup.pml): a goroutine waits on the global queue
 *   or not at all, and handoffp starts an M or does not, as it likes, where Go's
 *   rules ask who spins. The ticks of retake: it may take any marked P at any time.
 *   Preemption: a goroutine looks for the stop after each call.
 * Bounds: two Ps, three Ms, two goroutines of CALLS calls each, each of which ends or
 *   does not; the world is stopped once; sysmon retakes whenever it can, and may
 *   sleep while the world stops, as it does where it finds gcwaiting. In the variant
 *   RESIZE the world goes again with one P: the other is dead.
 *
 * Proves: a P is taken by an M only when idle and nobody's; stopwait counts each P once;
 *   when the world is stopped every P is in gcstop; it does come to a stop though a call
 *   never ends; at the end every goroutine whose calls end has ended.
 *
 * Stages: 08-15
 * Variant: RESIZE 13
 * Columns: M0 M1 M2 sysmon stopper
 * Mutant 1: mark without a barrier: the mark is stored with release, so gcwaiting is looked at first
 * Mutant 2: return without CAS: exitsyscallfast looks at the mark, then takes the P
 * Mutant 3: retake without CAS: sysmon looks at the mark, then takes the P
 * Mutant 4: stop without CAS: entersyscallgcwait stops a P that may be stopped already
 * Mutant 5: no look at gcwaiting: entersyscall leaves a marked P behind for a stopper that has already looked
 * Mutant 6: idled while stopping: handoffp does not look at gcwaiting under the lock
 */

#ifndef MUTANT
#define MUTANT 0
#endif
#ifndef CALLS
#define CALLS 2
#endif
#define NP 2
#define NM 3
#define GS 2
#define NONE 7

mtype = { idle, running, syscall, gcstop, dead };

mtype status[NP] = running;
byte pm[NP] = NONE;   // p.m
bit buffered[NP];     // the mark is still in the M's store buffer
bit pidle[NP];
bit midle[NM];
byte nextp[NM] = NONE;
byte globq;           // goroutines that have ended a call
byte left = GS * CALLS;
byte alive = GS;      // that have neither ended nor a call without end
bit locked;
bit gcwaiting;
byte stopwait;
bit stopnote;
bit started;          // the world goes again

inline lock() { atomic { !locked -> locked = 1 } }

inline wirep() {
  atomic { assert(status[pp] == idle && pm[pp] == NONE);
    status[pp] = running; pm[pp] = _pid; printf("@%d wirep P%d\n", _pid, pp) }
}

// One P fewer is waited for. sched.lock must be held.
inline stopped() {
  assert(stopwait > 0);
  stopwait--;
  printf("@%d stopwait = %d\n", _pid, stopwait);
  if
  :: stopwait == 0 -> assert(!stopnote); stopnote = 1
  :: else
  fi
}

// Puts an idle P into pp, or NONE. sched.lock must be held.
inline pidleget() {
  if
  :: pidle[0] -> pp = 0; pidle[0] = 0
  :: !pidle[0] && pidle[1] -> pp = 1; pidle[1] = 0
  :: else -> pp = NONE
  fi
}

#define MIDLE (midle[0] || midle[1] || midle[2])

// Gives pp to an idle M; sched.lock is held.
inline startm() {
  k = 0;
  do
  :: midle[k] -> break
  :: else -> k++
  od;
  midle[k] = 0;
  assert(nextp[k] == NONE);
  nextp[k] = pp;
  printf("@%d startm: M%d gets P%d\n", _pid, k, pp);
  k = 0; pp = NONE
}

active [NM] proctype M() {
  byte pp = NONE, oldp = NONE;
  bit mine;
  if
  :: atomic { _pid < NP -> pp = _pid; pm[pp] = _pid }
  :: _pid >= NP -> goto stopm
  fi;

goes: // A goroutine that makes calls.
  if
  :: left == 0 -> alive--; goto top
  :: atomic { left > 0 -> left-- }
  fi;

  // entersyscall
  atomic { assert(pm[pp] == _pid); pm[pp] = NONE; oldp = pp; pp = NONE };
#if MUTANT == 1
  atomic { buffered[oldp] = 1; printf("@%d marks P%d, in the buffer\n", _pid, oldp) };
#else
  atomic { status[oldp] = syscall; printf("@%d marks P%d\n", _pid, oldp) };
#endif
#if MUTANT != 5
  if
  :: atomic { gcwaiting && !buffered[oldp] -> printf("@%d sees gcwaiting\n", _pid) };
    atomic {
      !locked;
      if
      :: stopwait > 0 && (status[oldp] == syscall || MUTANT == 4) ->
        status[oldp] = gcstop; printf("@%d P%d = gcstop\n", _pid, oldp); stopped()
      :: else
      fi
    }
  :: atomic { !gcwaiting -> printf("@%d gcwaiting is 0\n", _pid) }
  fi;
#endif

  // In the kernel.
  if
  :: true
  :: atomic { alive--; printf("@%d the call does not end\n", _pid) };
end_kernel:
    false
  fi;

  // exitsyscallfast
  !buffered[oldp];
#if MUTANT == 2
  atomic { mine = (status[oldp] == syscall) };
  if
  :: mine -> status[oldp] = idle
  :: else
  fi;
#else
  atomic {
    mine = (status[oldp] == syscall);
    if
    :: mine -> status[oldp] = idle; printf("@%d takes P%d back\n", _pid, oldp)
    :: else -> printf("@%d P%d is lost\n", _pid, oldp)
    fi
  };
#endif
  if
  :: mine -> mine = 0; pp = oldp; oldp = NONE; wirep(); goto safepoint
  :: else -> oldp = NONE
  fi;
  // Another one, or the queue; exitsyscallfast and exitsyscall0 in one.
  atomic {
    !locked;
    if
    :: !gcwaiting -> pidleget()
    :: else -> pp = NONE
    fi;
    if
    :: pp == NONE -> globq++; printf("@%d queues its G\n", _pid)
    :: else
    fi
  };
  if
  :: pp == NONE -> goto stopm
  :: else -> wirep()
  fi;

safepoint:
  if
  :: atomic { gcwaiting -> printf("@%d yields\n", _pid) };
    // gopreempt_m
    atomic { !locked -> globq++ };
    goto top
  :: goto goes
  fi;

top: // findRunnableOnce
  if
  :: gcwaiting ->
    // gcstopm
    lock();
    if
    :: atomic { !gcwaiting -> locked = 0; goto top }
    :: atomic { gcwaiting -> assert(pm[pp] == _pid);
         pm[pp] = NONE; status[pp] = gcstop; printf("@%d P%d = gcstop\n", _pid, pp);
         stopped(); pp = NONE; locked = 0; goto stopm }
    fi
  :: !gcwaiting
  fi;
  atomic {
    !locked;
    if
    :: gcwaiting -> goto top
    :: !gcwaiting && globq > 0 -> globq--; printf("@%d takes a G\n", _pid); goto goes
    :: else -> assert(pm[pp] == _pid);
      pm[pp] = NONE; status[pp] = idle; pidle[pp] = 1;
      printf("@%d idles P%d\n", _pid, pp); pp = NONE
    fi
  };

stopm:
  atomic { !locked -> midle[_pid] = 1; printf("@%d sleeps\n", _pid) };
end_sleeps:
  atomic { nextp[_pid] != NONE -> pp = nextp[_pid]; nextp[_pid] = NONE };
  wirep();
  goto top
}

// retake, of any P.
active proctype sysmon() {
  byte pp = NONE, k;
end_sysmon:
  do
  :: atomic { status[0] == syscall -> pp = 0 }; goto take
  :: atomic { status[1] == syscall -> pp = 1 }; goto take
  :: atomic { gcwaiting -> printf("@%d sleeps until the world goes again\n", _pid) };
end_deep:
    !gcwaiting
  od;

take:
#if MUTANT == 3
  atomic { status[pp] = idle; printf("@%d retakes P%d\n", _pid, pp) };
#else
  if
  :: atomic { status[pp] == syscall -> status[pp] = idle;
       printf("@%d retakes P%d\n", _pid, pp) }
  :: atomic { status[pp] != syscall -> pp = NONE; goto end_sysmon }
  fi;
#endif

  // handoffp
  if
  :: atomic { !locked && MIDLE -> startm(); goto end_sysmon }
  :: globq == 0
  fi;
  atomic {
    !locked;
    if
#if MUTANT != 6
    :: gcwaiting -> status[pp] = gcstop; printf("@%d P%d = gcstop\n", _pid, pp);
      stopped(); pp = NONE; goto end_sysmon
#endif
    :: else
    fi;
    if
    :: globq == 0 -> pidle[pp] = 1; printf("@%d idles P%d\n", _pid, pp); pp = NONE;
      goto end_sysmon
    :: else
    fi
  };
  atomic { !locked && MIDLE -> startm(); goto end_sysmon }
}

// One who stops the world and has no P.
active proctype stopper() {
  byte pp, k;
  atomic { !locked -> locked = 1; stopwait = NP };
  atomic { gcwaiting = 1; printf("@%d gcwaiting = 1\n", _pid) };
  do
  :: atomic { pp < NP && status[pp] == syscall ->
       status[pp] = gcstop; printf("@%d P%d = gcstop\n", _pid, pp);
       assert(stopwait > 0); stopwait--; pp++ }
  :: atomic { pp < NP && status[pp] != syscall ->
       printf("@%d P%d is not in a call\n", _pid, pp); pp++ }
  :: pp == NP -> break
  od;
  atomic {
    do
    :: pidleget();
      if
      :: pp == NONE -> break
      :: else -> status[pp] = gcstop; assert(stopwait > 0); stopwait--
      fi
    od;
    k = (stopwait > 0);
    locked = 0;
    printf("@%d stopwait = %d\n", _pid, stopwait)
  };
  atomic { k == 0 || stopnote -> stopnote = 0; k = 0 };
  assert(status[0] == gcstop && status[1] == gcstop);

  // startTheWorldG
  atomic { !locked -> locked = 1; status[0] = idle; pidle[0] = 1; pp = NONE;
#ifdef RESIZE
    // procresize, pdestroy
    status[1] = dead;
#else
    status[1] = idle; pidle[1] = 1;
#endif
    gcwaiting = 0; locked = 0; started = 1; printf("@%d starts the world\n", _pid) };
  // wakep, and what follows from it.
  do
  :: atomic { !locked && globq > 0 && (pidle[0] || pidle[1]) && MIDLE ->
       pidleget(); startm() }
  :: atomic { globq == 0 || !(pidle[0] || pidle[1]) -> break }
  od
}

#if MUTANT == 1
active proctype memory() {
end_memory:
  do
  :: atomic { buffered[0] -> buffered[0] = 0; status[0] = syscall;
       printf("@%d P0's mark is seen\n", _pid) }
  :: atomic { buffered[1] -> buffered[1] = 0; status[1] = syscall;
       printf("@%d P1's mark is seen\n", _pid) }
  od
}
#endif

active proctype quiescence() {
  timeout;
  assert(started && alive == 0)
}
