// SPDX-License-Identifier: Apache-2.0
/*
 * Who waits in the poller, and until when.       proc.swift, netpoll_epoll.swift, sysmon.swift
 *
 * One M without a P waits in netpoll, until a descriptor is ready or the next timer is
 * due. Who adds an earlier timer breaks its wait, or wakes an M to wait. When nobody
 * waits there, since the M that did has work, sysmon looks now and then; but sysmon
 * sleeps while all Ps are idle, and must be woken in time.
 *
 * Modelled: findRunnableOnce as far as timers and the network go, with timerscheck of
 *   the own P, and of others in stealWork, and checkTimersNoP; lastpoll, pollUntil;
 *   netpoll, which waits or does not; wakeSig and the eventfd, with netpollBreak and
 *   netpollconsume; addHeap and wakeNetPoller; injectglist and startIdle of one without
 *   a P; handoffp; sysmon's deep sleep with wakesysmon, and pollLate.
 * Left out: what wakeup.pml has, the steps within wakep, in which a P is idled, and of the
 *   last look at queues; queues are counts. Descriptors (netpoll.pml): a report is one
 *   for a goroutine that waits, and each netpoll takes one; others come later. Stopped
 *   timers (time.pml): a poller who wakes too early looks again. sysmon where it would
 *   only hide what is late: its look at overdue timers, the limit of its deep sleep,
 *   and pollLate while all Ps are idle. Weak memory: minWhen, lastpoll, pollUntil,
 *   wakeSig and the counts are sequentially consistent in the code.
 * Bounds: two Ps, three Ms: one has a goroutine, one nothing to do, one sleeps; an M that is
 *   to be made is the one that asks for it, if that has no P. WAITERS goroutines wait for
 *   a report each; TIMERS timers, due at one of LAST moments, are started by any that runs,
 *   and ready one each. Each goroutine ends, or computes for ever; one of M0's may block.
 *   REPORTS: two reports, no timer. TIMERS2: two timers, and a report that never comes.
 *
 * Proves: when nothing moves any more, and all moments have passed, every report has been
 *   taken, every timer has been fired, and no work waits beside an idle P. There are two
 *   exceptions, both with sysmon awake, which sees that a timer is overdue: no P is
 *   idle; or the poller has given a goroutine to an M that did not spin, which runs it
 *   and looks at no timer. And: a wake-up of the poller that is under way arrives.
 *
 * Stages: 10-15
 * Columns: M0 M1 M2 sysmon
 * Variant: REPORTS TIMERS2
 * Mutant 1: nobody left to poll: an M leaves the poller with a P, and does not wake sysmon
 * Mutant 2: look, then add: whether the poller sleeps too long is asked before the timer is in the heap
 * Mutant 3: no last look at timers: checkTimersNoP is left out
 * Mutant 4: not broken: an M that goes idle with a timer leaves the poller asleep
 * Mutant 5: flag, then eventfd: netpollconsume clears wakeSig before it reads the eventfd
 * Mutant 6: taken in passing: a netpoll that does not wait consumes the wake-up too
 * Mutant 7: nobody polls, nobody wakes: wakeNetPoller does nothing if nobody waits in the poller
 * Mutant 8: no limit, no need: wakeNetPoller takes pollUntil 0 for a poller that wakes in time
 * Mutant 9: timers given away: handoffp idles a P with timers, and tells nobody
 * Mutant 10: the last P given away: handoffp idles the last P although nobody polls
 * Mutant 11: due, and no P: an M that leaves the poller for a timer and gets no P does not say so
 */

#ifndef MUTANT
#define MUTANT 0
#endif
#if MUTANT == 1 || MUTANT == 10
#define REPORTS
#endif
#if MUTANT == 11
#define WAITERS 0
#define TIMERS 2
#endif
#ifdef REPORTS
#define WAITERS 2
#define TIMERS 0
#endif
#ifdef TIMERS2
#define ARRIVALS 0
#define TIMERS 2
#define LAST 2
#endif
#ifndef WAITERS
#define WAITERS 1
#endif
#ifndef ARRIVALS
#define ARRIVALS WAITERS
#endif
#ifndef TIMERS
#define TIMERS 1
#endif
#ifndef LAST
#define LAST 1
#endif
#define NP 2
#define NM 3
#define NONE 7

byte runq[NP];
byte globq;              // sched.runq
byte npidle;
byte nmspinning;
bit needspinning;
bit pidle[NP];
bit midle[NM];
byte nextp[NM] = NONE;
bit spin0[NM];

byte now;                // 0 to LAST
byte heap[NP * 2];       // timers of each P that are due at 1, and at 2
byte timers = TIMERS;    // yet to be started
#define AT(p, when) heap[(p) * 2 + (when) - 1]
#define MINWHEN(p) (AT(p, 1) > 0 -> 1 : (AT(p, 2) > 0 -> 2 : 0))
#define DUE(p) (MINWHEN(p) != 0 && MINWHEN(p) <= now)

byte waiters = WAITERS;  // netpollstate.waiters
byte reports;            // the kernel's
byte arrivals = ARRIVALS;  // yet to come
bit polled = 1;          // lastpoll is not 0: nobody waits in the poller
byte pollUntil;
bit wakeSig;
bit eventfd;
bit breaking;            // wakeSig is set, and eventfd is about to be
bit sysmonwait;
bit given;               // the poller gave a goroutine to an M that did not spin

#define MIDLE (midle[0] || midle[1] || midle[2])
#define CANSTART (npidle == 0 || MIDLE || (_pid < NM && pp == NONE))

inline wakesysmon() {
  if
  :: sysmonwait -> sysmonwait = 0; printf("@%d wakesysmon\n", _pid)
  :: else
  fi
}

// Puts an idle P into q, or NONE. sched.lock must be held.
inline pidleget() {
  if
  :: pidle[0] -> q = 0; pidle[0] = 0; npidle--
  :: !pidle[0] && pidle[1] -> q = 1; pidle[1] = 0; npidle--
  :: else -> q = NONE
  fi;
  if
  :: q != NONE && npidle == 0 -> wakesysmon()
  :: else
  fi
}

inline pidlegetSpinning() {
  pidleget();
  if
  :: q == NONE -> needspinning = 1
  :: else
  fi
}

// Gives q to an idle M; sched.lock must be held. If there is none, the M that is made is
// this one, which has no P.
inline startm1(m, spins) {
  assert(nextp[m] == NONE);
  midle[m] = 0;
  spin0[m] = spins;
  nextp[m] = q;
  printf("@%d startm: M%d gets P%d\n", _pid, m, q)
}

inline startm(spins) {
  if
  :: midle[0] -> startm1(0, spins)
  :: !midle[0] && midle[1] -> startm1(1, spins)
  :: !midle[0] && !midle[1] && midle[2] -> startm1(2, spins)
  :: else -> pp = q; spinning = spins; printf("@%d has P%d\n", _pid, pp)
  fi;
  q = NONE
}

inline wakep() {
  atomic {
    if
    :: npidle == 0 -> needspinning = 1; printf("@%d wakep: npidle is 0\n", _pid)
    :: npidle > 0 && nmspinning > 0 -> printf("@%d wakep: somebody spins\n", _pid)
    :: npidle > 0 && nmspinning == 0 && CANSTART -> nmspinning = 1; pidleget(); startm(1)
    fi
  }
}

inline becomeSpinning() {
  spinning = 1; nmspinning++; needspinning = 0;
  printf("@%d becomeSpinning: nmspinning = %d\n", _pid, nmspinning)
}

inline nmspinningDown() {
  spinning = 0; assert(nmspinning > 0); nmspinning--;
  printf("@%d nmspinning = %d\n", _pid, nmspinning)
}

// netpollBreak, unless the poller wakes at t anyway.
inline breakPoller(t) {
  atomic {
    none = (pollUntil > t || (pollUntil == 0 && MUTANT != 8));
    printf("@%d pollUntil is %d\n", _pid, pollUntil);
    if
    :: none -> none = !wakeSig; breaking = breaking || none; wakeSig = 1;
      printf("@%d netpollBreak: wakeSig was %d\n", _pid, !none)
    :: else
    fi
  };
  if
  :: atomic { none -> none = 0; breaking = 0; eventfd = 1;
       printf("@%d eventfd = 1\n", _pid) }
  :: !none
  fi
}

// For a timer that is due at w.
inline wakeNetPoller() {
  atomic { none = polled;
    printf("@%d wakeNetPoller: somebody waits there: %d\n", _pid, !polled) };
  if
  :: none -> none = 0;
#if MUTANT != 7
    wakep()
#endif
  :: !none -> breakPoller(w)
  fi
}

// until is to be no later than what P p's timers need.
inline earliest(p) {
  printf("@%d P%d: minWhen is %d\n", _pid, p, MINWHEN(p));
  if
  :: MINWHEN(p) != 0 && (until == 0 || MINWHEN(p) < until) -> until = MINWHEN(p)
  :: else
  fi
}

// Of P p's heap: a timer that is due. Its goroutine is put on the M's own P.
inline runTimer(p) {
  if
  :: AT(p, 1) > 0 -> AT(p, 1)--
  :: else -> AT(p, 2)--
  fi;
  runq[pp]++;
  until = 0;
  printf("@%d runs a timer of P%d\n", _pid, p)
}

// injectglist of one goroutine, without a P.
inline injectglist() {
  atomic { globq++; printf("@%d injectglist\n", _pid) };
  atomic {
    CANSTART -> pidlegetSpinning();
    if
    :: q != NONE -> startm(0)
    :: else
    fi;
    waiters--
  }
}

// netpoll's report, if there is one.
inline report() {
  list = (reports > 0);
  reports = reports - list
}

// The M has found a goroutine.
inline runG() {
  until = 0;
  if
  :: spinning -> goto execute
  :: else -> goto running
  fi
}

active [NM] proctype M() {
  byte pp = NONE, q = NONE, w, until;
  bit spinning, was, none, list, broken;
  if
  :: atomic { _pid == 0 -> pp = 0 }
  :: atomic { _pid == 1 -> pp = 1; goto top }
  :: _pid == 2 -> goto stopm
  fi;

running: // A goroutine: starts a timer, ends, blocks, or computes for ever.
  if
  :: atomic { timers > 0 -> timers--;
       if
       :: w = 1
       :: LAST == 2 -> w = 2
       fi };
#if MUTANT == 2
    wakeNetPoller();
    atomic { AT(pp, w)++; printf("@%d adds the timer to P%d\n", _pid, pp) };
#else
    // addHeap
    atomic { none = (MINWHEN(pp) == 0 || w < MINWHEN(pp)); AT(pp, w)++;
      printf("@%d adds a timer to P%d, due at %d\n", _pid, pp, w) };
    if
    :: none -> wakeNetPoller()
    :: !none
    fi;
#endif
    atomic { w = 0; goto running }
  :: atomic { printf("@%d its G ends\n", _pid); goto top }
  :: atomic { _pid == 0 -> printf("@%d its G blocks\n", _pid); goto blocks }
  :: atomic { printf("@%d its G computes for ever\n", _pid); goto end_computes }
  fi;

fired: // A timer has readied a goroutine.
  wakep();

top: // findRunnableOnce
  if
  :: atomic { DUE(pp) -> runTimer(pp); goto fired }
  :: atomic { !DUE(pp) && runq[pp] > 0 -> runq[pp]--; runG() }
  :: atomic { !DUE(pp) && runq[pp] == 0 && globq > 0 -> globq--; runG() }
  :: atomic { !DUE(pp) && runq[pp] == 0 && globq == 0 -> earliest(pp);
       // netpoll(0)
       if
       :: waiters > 0 && polled -> report(); printf("@%d netpoll(0): %d\n", _pid, list);
         if
         :: list -> given = given || !spinning; list = 0; waiters--; runG()
         :: else
         fi
       :: else
       fi }
  fi;
  atomic {
    if
    :: spinning
    :: !spinning && 2 * nmspinning < NP - npidle -> becomeSpinning()
    :: else -> printf("@%d does not spin\n", _pid); goto idle
    fi;
    // stealWork
    if
    :: DUE(1 - pp) -> runTimer(1 - pp); goto fired
    :: !DUE(1 - pp) && runq[1 - pp] > 0 -> runq[1 - pp]--;
      printf("@%d steals a G of P%d\n", _pid, 1 - pp); runG()
    :: else -> earliest(1 - pp)
    fi
  };

idle: // Under sched.lock.
  atomic {
    if
    :: globq > 0 -> globq--; runG()
    :: else
    fi;
    if
    :: !spinning && needspinning -> becomeSpinning(); until = 0; goto top
    :: else
    fi;
    assert(!pidle[pp] && runq[pp] == 0);
    pidle[pp] = 1; npidle++; printf("@%d idles P%d: npidle = %d\n", _pid, pp, npidle);
    pp = NONE; was = spinning
  };

  // "Delicate dance"
  if
  :: atomic { spinning -> nmspinningDown() };
    atomic {
      if
      :: globq > 0 || (!pidle[0] && runq[0] > 0) || (!pidle[1] && runq[1] > 0) ->
        pidlegetSpinning()
      :: else
      fi;
      if
      :: q != NONE -> pp = q; q = NONE; was = 0; until = 0; becomeSpinning(); goto top
      :: else
      fi;
#if MUTANT != 3
      // checkTimersNoP
      earliest(0); earliest(1)
#endif
    }
  :: !spinning
  fi;

  // The poller.
  if
  :: atomic { waiters == 0 && until == 0 -> goto stopm }
  :: atomic { (waiters > 0 || until != 0) && polled -> polled = 0;
       printf("@%d lastpoll = 0\n", _pid) }
  :: atomic { (waiters > 0 || until != 0) && !polled };
#if MUTANT != 4
    if
    :: until != 0 -> breakPoller(until)
    :: until == 0
    fi;
#endif
    goto stopm
  fi;
  atomic { pollUntil = until; printf("@%d pollUntil = %d\n", _pid, until) };
end_polls:
  atomic {
    reports > 0 || eventfd || (until != 0 && until <= now) -> report();
    if
    :: broken = eventfd
    :: until != 0 && until <= now // It was not to wait.
    fi;
    printf("@%d netpoll: %d reports, broken: %d\n", _pid, list, broken)
  };
  if
  :: broken ->
    // netpollconsume
#if MUTANT == 5
    wakeSig = 0;
    atomic { eventfd = 0; broken = 0; printf("@%d eventfd = 0\n", _pid) }
#else
    eventfd = 0;
    atomic { wakeSig = 0; broken = 0; printf("@%d wakeSig = 0\n", _pid) }
#endif
  :: !broken
  fi;
  atomic { assert(!wakeSig || eventfd || breaking); until = 0; pollUntil = 0;
    printf("@%d pollUntil = 0\n", _pid) };
  atomic { polled = 1; printf("@%d lastpoll = now\n", _pid) };
  atomic {
#if MUTANT == 11
    pidleget();
#else
    pidlegetSpinning();
#endif
#if MUTANT != 1
    if
    :: q != NONE -> wakesysmon()
    :: else
    fi;
#endif
    pp = q; q = NONE;
    if
    :: pp != NONE -> printf("@%d leaves the poller with P%d\n", _pid, pp);
      if
      :: list -> given = 1; list = 0; was = 0; waiters--; runG()
      :: !list && was -> was = 0; becomeSpinning(); goto top
      :: !list && !was -> goto top
      fi
    :: else
    fi
  };
  if
  :: list -> list = 0; injectglist();
    if
    :: atomic { pp != NONE -> was = 0; goto top }
    :: pp == NONE
    fi
  :: !list
  fi;

stopm:
  atomic { was = 0; until = 0; midle[_pid] = 1; printf("@%d sleeps\n", _pid) };
end_sleeps:
  atomic { nextp[_pid] != NONE -> pp = nextp[_pid]; nextp[_pid] = NONE;
    spinning = spin0[_pid]; spin0[_pid] = 0;
    printf("@%d wakes with P%d\n", _pid, pp); goto top };

execute: // schedule, after findRunnable: resetspinning
  atomic { nmspinningDown(); wakep(); goto running };

blocks: // handoffp. The M that is started, or made, is this one.
  if
  :: atomic { globq > 0 || runq[pp] > 0 -> goto top }
  :: atomic { globq == 0 && runq[pp] == 0 && nmspinning + npidle == 0 -> becomeSpinning();
       goto top }
  :: globq == 0 && runq[pp] == 0 && nmspinning + npidle != 0
  fi;
  atomic {
    if
    :: globq > 0 -> goto top
#if MUTANT != 10
    // The last P, and nobody waits for the network.
    :: globq == 0 && npidle == NP - 1 && polled -> goto top
#endif
    :: else
    fi;
    w = MINWHEN(pp);
    if
    :: needspinning -> w = 0; becomeSpinning(); goto top
    :: else
    fi;
    pidle[pp] = 1; npidle++; pp = NONE;
    printf("@%d handoffp: npidle = %d\n", _pid, npidle)
  };
#if MUTANT != 9
  if
  :: w != 0 -> wakeNetPoller()
  :: w == 0
  fi;
#endif
  atomic { w = 0;
    if
    :: pp != NONE -> goto top
    :: else -> goto stopm
    fi };

end_computes:
  false
}

active proctype sysmon() {
#ifdef TIMERS2
  skip
#else
  byte q = NONE, pp = NONE;
  bit spinning, list, vain;
end_sysmon:
  do
#if MUTANT == 6
  :: atomic { polled && npidle < NP && (reports > 0 || !vain) -> vain = 1 };
#else
  :: polled && npidle < NP && reports > 0 ->
#endif
    // netpoll(0)
    atomic { report(); printf("@%d pollLate: %d reports\n", _pid, list);
#if MUTANT == 6
      if
      :: eventfd -> eventfd = 0; wakeSig = 0; printf("@%d eventfd = 0\n", _pid)
      :: else
      fi
#endif
    };
    if
    :: list -> list = 0; injectglist()
    :: !list
    fi
  :: atomic { npidle == NP -> sysmonwait = 1;
       printf("@%d all Ps idle: sysmon sleeps\n", _pid) };
end_deep:
    !sysmonwait
  od
#endif
}

active proctype world() {
end_world:
  do
  :: atomic { arrivals > 0 -> arrivals--; reports++; printf("@%d a report arrives\n", _pid) }
  :: atomic { now < LAST && TIMERS > 0 -> now++; printf("@%d the time is %d\n", _pid, now) }
  od
}

active proctype quiescence() {
  timeout;
  assert(reports == 0);
  assert(npidle == 0 || globq + runq[0] + runq[1] == 0);
  assert(heap[0] + heap[1] + heap[2] + heap[3] == 0 ||
    (!sysmonwait && (npidle == 0 || (npidle < NP && given))))
}
