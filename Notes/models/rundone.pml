// SPDX-License-Identifier: Apache-2.0
/*
 * The end of a run: run returns, and what is left of it does not run again.
 *                                         boot.swift, syscall.swift, stw.swift, lockedm.swift
 *
 * When the main goroutine returns the world is stopped, every goroutine is abandoned, and
 * m0, the M of the thread that called run, is to go back there, wherever it is. What
 * nobody can take hold of is a goroutine in a system call. It comes back when the
 * world is stopped, or in another run, whose Ps may be fewer. epoch tells.
 *
 * Modelled: stopTheWorldG of the main goroutine; rundone with abandon, netpollreset and
 *   takem0; rundone2, and run again: schedinit with procresize; exitsyscall,
 *   exitsyscall0, abandonm, mabandon, handoffp; stopm, gcstopm, stoplockedm, mexit of
 *   m0, findRunnableOnce as far as the stop, the global queue and the poller go.
 * Left out: entersyscall and sysmon (syscall.pml): a call begins before the run ends. What
 *   is queued on a P: rundone empties it with the world stopped. startlockedm: nobody
 *   finds a locked goroutine before the run ends. Timers, descriptors. Memory order:
 *   what decides is looked at under sched.lock, or with a P in hand.
 * Bounds: two Ps, two runs, the second with two Ps or one; M1 runs the first main
 *   goroutine, m0 the second, which starts another one. At first m0 sleeps, or polls,
 *   perhaps with a goroutine in its hands, or waits for a goroutine that is locked to
 *   it, or is in a call with it, or is about to be wedged after its end, or has a P. M2 is
 *   in a call, with a goroutine that is locked to it or not.
 *
 * Proves: run returns, each time; no goroutine runs in a run that is not its own; nobody
 *   is woken twice; at the end no P is missing, and every M sleeps, or its thread has
 *   ended.
 *
 * Stages: 10-15
 * Columns: m0 M1 M2
 * Mutant 1: no look at epoch: exitsyscall goes on with whatever P it gets
 * Mutant 2: look without the lock: exitsyscall0 looks at epoch before it takes sched.lock
 * Mutant 3: look without a P: exitsyscall looks at epoch, and then for a P
 * Mutant 4: P kept: exitsyscall0 abandons its M with the P of another run
 * Mutant 5: not broken: rundone leaves m0 asleep in the poller
 * Mutant 6: flag after the look: rundone looks for m0 on the idle list, and then sets m0.rundone
 * Mutant 7: not let go: abandon does not wake the M that a goroutine is locked to
 * Mutant 8: wedged forgotten: rundone does not wake m0 whose goroutine has ended while locked to it
 * Mutant 9: poller forgotten: netpollreset does not wait for what a poller has in its hands
 * Mutant 10: look after the sleep: stopm puts itself on the idle list without a look at rundone
 */

#ifndef MUTANT
#define MUTANT 0
#endif
#define NP 2
#define NM 3
#define NONE 7

mtype = { idle, running, syscall, gcstop, dead };
mtype status[NP];
byte pm[NP] = NONE;      // p.m
bit pidle[NP];
byte procs = NP;         // gomaxprocs

bit midle[NM];
bit park[NM];            // the note
byte nextp[NM] = NONE;
bit lockedg[NM];         // a goroutine is locked to the M
bit queued[NM];          // that one is runnable
bit rundone;             // of m0
bit wedged;              // of m0
short nmidlelocked;

byte globq;              // of this run
byte stale;              // of an earlier one
byte epoch = 1;
bit locked;              // sched.lock, where it is held for more than one step
bit gcwaiting;
byte stopwait;
bit stopnote;
bit broken;              // netpollBreak
byte waiters;            // in a poller's hands
bit polled;              // somebody waits in the poller
bit begun;
byte returned;           // how often run has

inline lock() { atomic { !locked -> locked = 1 } }

inline notewakeup(m) {
  assert(!park[m]); park[m] = 1; printf("@%d wakes M%d\n", _pid, m)
}

inline wirep() {
  assert(status[pp] == idle && pm[pp] == NONE);
  status[pp] = running; pm[pp] = _pid; printf("@%d has P%d\n", _pid, pp)
}

// One P fewer is waited for. sched.lock must be held.
inline stopped() {
  status[pp] = gcstop; pm[pp] = NONE;
  printf("@%d P%d = gcstop\n", _pid, pp);
  pp = NONE;
  assert(stopwait > 0); stopwait--;
  if
  :: stopwait == 0 -> stopnote = 1
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

// Gives pp to an idle M. sched.lock must be held.
inline startm1(m) {
  midle[m] = 0;
  assert(nextp[m] == NONE);
  nextp[m] = pp;
  pp = NONE;
  notewakeup(m)
}

inline startm() {
  if
  :: midle[0] -> startm1(0)
  :: !midle[0] && midle[1] -> startm1(1)
  :: else -> startm1(2)
  fi
}

// Of a goroutine of this run, unless it is an old one.
inline queue(e) {
  if
  :: e == epoch -> globq++; printf("@%d queues a G\n", _pid)
  :: else -> stale++; printf("@%d queues a G of an earlier run\n", _pid)
  fi
}

inline stopTheWorld() {
  atomic { !locked -> locked = 1; stopwait = procs };
  atomic { gcwaiting = 1; status[pp] = gcstop; stopwait--;
    printf("@%d gcwaiting = 1\n", _pid) };
  do
  :: atomic { i < procs && status[i] == syscall -> status[i] = gcstop; stopwait--;
       printf("@%d P%d = gcstop\n", _pid, i); i++ }
  :: atomic { i < procs && status[i] != syscall -> i++ }
  :: atomic { i == procs -> i = 0; break }
  od;
  atomic {
    if
    :: pidle[0] -> pidle[0] = 0; status[0] = gcstop; stopwait--
    :: else
    fi;
    if
    :: pidle[1] -> pidle[1] = 0; status[1] = gcstop; stopwait--
    :: else
    fi;
    if
    :: stopwait == 0 -> stopnote = 1
    :: else
    fi;
    locked = 0
  };
  atomic { stopnote -> stopnote = 0; assert(stopwait == 0);
    assert(status[0] == gcstop && (procs == 1 || status[1] == gcstop));
    printf("@%d the world is stopped\n", _pid) }
}

// abandon, of the goroutine that is locked to M m.
inline abandon(m) {
  atomic {
    if
    :: queued[m] ->
      queued[m] = 0; lockedg[m] = 0; printf("@%d abandons M%d's G\n", _pid, m);
#if MUTANT != 7
      nmidlelocked--;
      notewakeup(m)
#endif
    :: else
    fi
  }
}

inline rundoneImpl() {
  atomic { !locked -> epoch++; stale = stale + globq; globq = 0;
    printf("@%d epoch = %d\n", _pid, epoch) };
#if MUTANT != 9
  // netpollreset
  waiters == 0;
#endif
  atomic { !locked -> stale = 0 };
  abandon(0);
  abandon(1);
  abandon(2);
  atomic { pm[pp] = NONE; pp = NONE };
#if MUTANT != 5
  atomic { broken = 1; printf("@%d netpollBreak\n", _pid) };
#endif
  if
  :: _pid == 0 -> goto returns
  :: _pid != 0
  fi;
#if MUTANT == 6
  atomic { !locked -> found = midle[0] || wedged; midle[0] = 0 };
  atomic { rundone = 1; printf("@%d m0.rundone = true\n", _pid) };
#else
  atomic { !locked -> rundone = 1;
    found = midle[0]; midle[0] = 0;
#if MUTANT != 8
    found = found || wedged;
#endif
    printf("@%d m0.rundone = true\n", _pid) };
#endif
  if
  :: atomic { found -> found = 0; notewakeup(0) }
  :: !found
  fi
}

active [NM] proctype M() {
  byte pp = NONE, oldp = NONE, i;
  bit found, list;
  byte e = 1;            // of the goroutine in its hands
  if
  :: atomic { _pid == 0 ->
       status[0] = running; pm[0] = 1; status[1] = syscall; begun = 1;
       if
       :: goto stopm
       :: polled = 1; goto poll
       :: polled = 1; waiters = 1; list = 1; goto reported
       :: lockedg[0] = 1; queued[0] = 1; goto stoplockedm
       :: lockedg[0] = 1; oldp = 1; goto kernel
       :: goto mexit
       :: status[1] = running; pm[1] = 0; pp = 1; goto top
       fi }
  :: atomic { _pid == 1 && begun -> pp = 0; goto ends }
  :: atomic { _pid == 2 && begun -> oldp = 1;
       if
       :: lockedg[2] = 1
       :: true
       fi;
       goto kernel }
  fi;

ends: // The main goroutine returns.
  stopTheWorld();
  rundoneImpl();
  goto stopm;

top: // findRunnableOnce
  if
  :: gcwaiting ->
    // gcstopm
    if
    :: atomic { !locked && gcwaiting -> stopped(); goto stopm }
    :: atomic { !locked && !gcwaiting -> goto top }
    fi
  :: !gcwaiting
  fi;
  atomic {
    !locked;
    if
    :: gcwaiting -> goto top
    :: !gcwaiting && stale > 0 -> stale--; e = 0; printf("@%d takes a G\n", _pid)
    :: !gcwaiting && stale == 0 && globq > 0 -> globq--; e = epoch;
      printf("@%d takes a G\n", _pid)
    :: else -> status[pp] = idle; pm[pp] = NONE; pidle[pp] = 1;
      printf("@%d idles P%d\n", _pid, pp); pp = NONE;
      if
      :: !polled -> polled = 1; goto poll
      :: goto stopm
      fi
    fi
  };

execute: // A goroutine, which ends.
  atomic { assert(e == epoch); e = 0; printf("@%d runs a G\n", _pid); goto top };

poll: // netpoll
end_polls:
  atomic { broken -> broken = 0; printf("@%d leaves the poller\n", _pid) };
reported:
  atomic {
    !locked -> polled = 0;
    if
    :: !gcwaiting -> pidleget()
    :: else
    fi;
    if
    :: pp != NONE -> wirep()
    :: else
    fi
  };
  if
  :: atomic { pp != NONE && list -> list = 0; waiters--; goto execute }
  :: atomic { pp != NONE && !list -> goto top }
  :: atomic { pp == NONE && list && !locked -> list = 0; queue(e) }; // injectglist
    atomic { waiters--; goto stopm }
  :: atomic { pp == NONE && !list -> goto stopm }
  fi;

kernel: // In a system call, with a goroutine of run e. exitsyscall, exitsyscallfast.
#if MUTANT == 3
  found = (e == epoch);
#endif
  if
  :: atomic { status[oldp] == syscall -> status[oldp] = idle; pp = oldp;
       printf("@%d takes P%d back\n", _pid, pp) };
    atomic { wirep() }
  :: atomic { status[oldp] != syscall -> printf("@%d P%d is lost\n", _pid, oldp) };
    atomic {
      !locked;
      if
      :: !gcwaiting -> pidleget()
      :: else
      fi;
      if
      :: pp != NONE -> wirep()
      :: else
      fi
    }
  fi;
  oldp = NONE;
#if MUTANT == 1
  found = 1;
#elif MUTANT != 3
  found = (e == epoch);
#endif
  if
  :: atomic { pp != NONE && found -> found = 0; lockedg[_pid] = 0; goto execute }
  :: atomic { pp != NONE && !found }; goto strange
  :: pp == NONE -> found = 0
  fi;
  // exitsyscall0
#if MUTANT == 2
  atomic { found = (e == epoch); printf("@%d epoch is %d\n", _pid, epoch) };
  !locked;
#endif
  atomic {
    !locked;
#if MUTANT != 2
    found = (e == epoch);
#endif
    if
    :: !found -> printf("@%d its run is over\n", _pid); goto abandonm
    :: else -> found = 0
    fi;
    if
    :: !gcwaiting -> pidleget()
    :: else
    fi;
    if
    :: pp != NONE -> wirep(); lockedg[_pid] = 0; goto execute
    :: pp == NONE && lockedg[_pid] -> queued[_pid] = 1; printf("@%d queues its G\n", _pid);
      goto stoplockedm
    :: pp == NONE && !lockedg[_pid] -> queue(e); goto stopm
    fi
  };

strange: // A P of another run: handoffp(releasep).
#if MUTANT != 4
  atomic { status[pp] = idle; pm[pp] = NONE; printf("@%d P%d is of another run\n", _pid, pp) };
  if
  :: atomic { globq > 0 && !locked && MIDLE -> startm(); goto abandonm }
  :: globq == 0 || !MIDLE
  fi;
  atomic {
    !locked;
    if
    :: gcwaiting -> stopped(); goto abandonm
    :: !gcwaiting && globq > 0 && MIDLE -> startm(); goto abandonm
    :: else -> pidle[pp] = 1; pp = NONE
    fi
  };
#else
  pp = NONE;
#endif

abandonm:
  atomic { found = lockedg[_pid]; lockedg[_pid] = 0 };

mabandon: // found: a goroutine was locked to it.
  if
  :: atomic { found && _pid != 0 -> printf("@%d its thread ends\n", _pid); goto end_thread }
  :: atomic { !found || _pid == 0 -> found = 0; goto stopm }
  fi;

stoplockedm:
  atomic { !locked -> nmidlelocked++ };
  atomic { park[_pid] -> park[_pid] = 0; printf("@%d is let go\n", _pid) };
  if
  :: _pid == 0 && rundone -> goto rundone2
  :: atomic { !(_pid == 0 && rundone) -> assert(!lockedg[_pid]); found = 1; goto mabandon }
  fi;

mexit: // Of m0, which has given its P away.
  atomic {
    !locked -> wedged = 1;
    if
    :: rundone -> goto rundone2
    :: else -> printf("@%d is wedged\n", _pid)
    fi
  };
  atomic { park[0] -> park[0] = 0; goto rundone2 };

stopm:
  atomic {
    !locked;
    if
    :: _pid == 0 && rundone && MUTANT != 10 -> goto rundone2
    :: else -> midle[_pid] = 1; printf("@%d sleeps\n", _pid)
    fi
  };
end_sleeps:
  atomic { park[_pid] -> park[_pid] = 0; printf("@%d wakes\n", _pid) };
  if
  :: _pid == 0 && rundone -> goto rundone2
  :: else
  fi;
  atomic { pp = nextp[_pid]; nextp[_pid] = NONE; wirep(); goto top };

rundone2:
  atomic { rundone = 0; wedged = 0; park[0] = 0 };

returns: // run does; and is called again, once.
  atomic { returned++; pp = NONE; printf("@%d run returns\n", _pid) };
  if
  :: returned == 1
  :: returned == 2 -> goto end_thread
  fi;
  // schedinit
  lock();
  atomic {
    if
    :: status[1] = idle; pidle[1] = 1
    :: status[1] = dead; procs = 1
    fi;
    status[0] = idle; pp = 0; wirep(); gcwaiting = 0;
    printf("@%d runs again, with %d Ps\n", _pid, procs)
  };
  locked = 0;
  // The main goroutine starts another one.
  atomic { !locked -> globq++; printf("@%d starts a G\n", _pid) };
  if
  :: atomic { !locked && pidle[1] && MIDLE -> i = pp; pidle[1] = 0; pp = 1; startm();
       pp = i; i = 0 }
  :: atomic { !pidle[1] || !MIDLE -> i = 0 }
  fi;
  goto ends;

end_thread:
  false
}

active proctype quiescence() {
  timeout;
  assert(returned == 2 && !rundone && nmidlelocked == 0 && waiters == 0);
  assert(!park[0] && !park[1] && !park[2] && !queued[0] && !queued[2])
}
