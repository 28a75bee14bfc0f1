// SPDX-License-Identifier: Apache-2.0
/*
 * Stealing without spinning: whoever makes work ready wakes an M while a P is idle.
 *                                              idle.swift, findrunnable.swift, steal.swift
 *
 * An M that finds nothing puts its P on the idle list, and looks at all queues once more; who
 * puts work on a queue looks at npidle afterwards. One of them sees the other. But what a
 * thief has in its hands is on no queue, and it wakes nobody for what it does not run.
 *
 * Modelled: runqput and wakep, wakepslow, pidleget, startm, notes; findRunnableOnce from
 *   runqget to stopm, with stealWork and checkRunqsNoP; runqsteal in two steps, the one in
 *   which a thief takes, and the one in which it stores its tail; handoffp, and who comes back
 *   from a call and finds no P. The store buffer of each P's owner for runqtail (mutant 1).
 * Left out: what a ring is (runq.pml): a queue is a count. stealWork looks once at every
 *   queue, not four times: to look less can only miss more. Other accesses to shared words
 *   are sequentially consistent in the code, or under sched.lock.
 * Bounds: NP Ps, NM Ms, of which one runs at first; 2 goroutines, or 3, to be made by anybody
 *   who runs, each of which then makes others, ends, makes a call, or computes for ever; one
 *   call. A thief takes one at a time: in the gap HALF, half of what there is, rounded up.
 *
 * Proves: when nothing moves any more no work is queued, or no P is idle; a P on the idle
 *   list has an empty queue; a P has one M.
 *
 * Stages: 06
 * Columns: M0 M1 M2 M3
 * Gap HALF: no work waits while a P idles, though thieves take half: an M sleeps beside a queue that a thief is about to fill
 * Mutant 1: put without a barrier: runqtail is stored with release, so the look at npidle comes first
 * Mutant 2: no last look: an M that has given up its P sleeps at once
 * Mutant 3: last look too early: the queues are looked at, then the P counts as idle
 * Mutant 4: wakep before put: the M is woken, and then the work is put
 * Mutant 5: handoffp does not look: it idles a P, and nobody looks at the queues again
 */

#ifndef MUTANT
#define MUTANT 0
#endif
#ifndef NP
#define NP 3
#endif
#if defined(HALF) || MUTANT == 5
#define WORK 3
#else
#define WORK 2
#endif
#define NM (NP + 1)
#define NONE 7

byte runq[NP];          // Gs on each P's queue, as others see it
byte globq;             // sched.runq
byte npidle = NP - 1;
bit pidle[NP];          // sched.pidle and idlepMask
bit midle[NM];          // sched.midle
byte nextp[NM] = NONE;  // with it m.park: set means woken
bit locked;             // sched.lock, where it is held for more than one step
byte todo = WORK;       // goroutines yet to be made
bit called;
#if MUTANT == 1
byte buffered[NP];      // puts still in the owner's store buffer
#define DRAINED buffered[pp] == 0
#else
#define DRAINED true
#endif
#define QUEUED (globq + runq[0] + runq[1] + runq[NP - 1])
#define MIDLE (midle[0] || midle[1] || midle[2] || midle[NM - 1])
#define CANSTART (!locked && (npidle == 0 || MIDLE))

// Puts an idle P into q, or NONE. sched.lock must be held.
inline pidleget() {
  q = 0;
  do
  :: q < NP && !pidle[q] -> q++
  :: q < NP && pidle[q] -> pidle[q] = 0; npidle--; break
  :: q == NP -> q = NONE; break
  od
}

// Gives q to an idle M. sched.lock must be held.
inline startm() {
  k = 0;
  do
  :: midle[k] -> break
  :: else -> k++
  od;
  midle[k] = 0;
  assert(nextp[k] == NONE);
  nextp[k] = q;
  printf("@%d startm: M%d gets P%d\n", _pid, k, q);
  k = 0; q = NONE
}

inline put() {
  atomic {
#if MUTANT == 1
    buffered[pp]++;
#else
    // seq-cst: a store and a barrier.
    runq[pp]++;
#endif
    printf("@%d puts a G on P%d\n", _pid, pp)
  }
}

// The submitter's step 3.
inline wakep() {
  if
  :: atomic { npidle == 0 -> printf("@%d wakep: npidle is 0\n", _pid) }
  :: atomic { npidle != 0 -> printf("@%d wakep: npidle is %d\n", _pid, npidle) };
    atomic {
      CANSTART && DRAINED -> pidleget();
      if
      :: q != NONE -> startm()
      :: else
      fi
    }
  fi
}

// checkRunqsNoP: leaves in q a P to run what is queued somewhere, or NONE.
inline lastLook() {
  i = 0;
  do
  :: atomic { i < NP && (pidle[i] || runq[i] == 0) -> i++ }
  :: atomic { i < NP && !(pidle[i] || runq[i] == 0) ->
       printf("@%d last look: work on P%d\n", _pid, i) };
    atomic { !locked -> pidleget(); i = 0 };
    break
  :: atomic { i == NP -> i = 0; printf("@%d last look: nothing\n", _pid); break }
  od
}

inline pidleput() {
  atomic { !locked -> assert(!pidle[pp] && runq[pp] == 0 && DRAINED);
    pidle[pp] = 1; npidle++; printf("@%d idles P%d: npidle = %d\n", _pid, pp, npidle);
    pp = NONE }
}

active [NM] proctype M() {
  byte pp = NONE, q = NONE, k, i, d, n;
  if
  :: atomic { _pid == 0 -> pp = 0; k = 1;
       do
       :: k < NP -> pidle[k] = 1; k++
       :: else -> k = 0; break
       od }
  :: _pid != 0 -> goto sleep
  fi;

running: // A goroutine.
  if
  :: atomic { todo > 0 -> todo-- };
#if MUTANT == 4
    wakep();
    put();
#else
    put();
    wakep();
#endif
    goto running
  :: atomic { DRAINED -> printf("@%d its G ends\n", _pid) }
  :: atomic { !called && DRAINED -> called = 1; printf("@%d its G makes a call\n", _pid);
       goto call }
  :: atomic { printf("@%d its G computes for ever\n", _pid); goto end_computes }
  fi;

top: // findRunnableOnce
  if
  :: atomic { runq[pp] > 0 -> runq[pp]--; printf("@%d takes a G of P%d\n", _pid, pp) };
    goto running
  :: runq[pp] == 0
  fi;

  // stealWork: all other Ps, in one of the two orders that there are for three.
  if
  :: atomic { d = 1; i = 1 }
  :: atomic { d = NP - 1; i = 1 }
  fi;
  do
  :: atomic { i < NP && runq[(pp + i * d) % NP] == 0 -> i++ }
  :: atomic { i < NP && runq[(pp + i * d) % NP] > 0 ->
#ifdef HALF
       n = runq[(pp + i * d) % NP]; n = n - n / 2;
#else
       n = 1;
#endif
       runq[(pp + i * d) % NP] = runq[(pp + i * d) % NP] - n;
       printf("@%d takes %d of P%d\n", _pid, n, (pp + i * d) % NP);
       i = 0; d = 0 };
    // Its own tail, if there is more than the one that it runs.
    atomic {
      if
      :: n > 1 -> runq[pp] = runq[pp] + n - 1;
        printf("@%d puts the other %d on P%d\n", _pid, n - 1, pp)
      :: else
      fi;
      n = 0; goto running
    }
  :: atomic { i == NP -> i = 0; d = 0; break }
  od;

  // Under sched.lock.
  if
  :: atomic { !locked && globq > 0 -> globq--; printf("@%d takes a G of all\n", _pid);
       goto running }
  :: atomic { !locked && globq == 0 -> locked = 1 }
  fi;
#if MUTANT == 3
  locked = 0;
  lastLook();
  if
  :: q != NONE -> // Another P than its own: give that one back.
    atomic { !locked -> pidle[q] = 1; npidle++; q = NONE };
    goto top
  :: else
  fi;
  pidleput();
#else
  atomic { locked = 0; pidleput() };
#if MUTANT != 2
  lastLook();
#endif
#endif
  if
  :: atomic { q != NONE -> pp = q; q = NONE; goto top }
  :: q == NONE
  fi;

sleep: // stopm
  atomic { !locked -> midle[_pid] = 1; printf("@%d sleeps\n", _pid) };
end_sleeps:
  atomic { nextp[_pid] != NONE -> pp = nextp[_pid]; nextp[_pid] = NONE;
    printf("@%d wakes with P%d\n", _pid, pp); goto top };

call: // entersyscall: handoffp
  if
  :: atomic { globq > 0 || runq[pp] > 0 -> printf("@%d handoffp: work\n", _pid) };
    atomic { !locked && MIDLE -> q = pp; pp = NONE; startm(); goto kernel }
  :: globq == 0 && runq[pp] == 0
  fi;
  atomic {
    !locked;
    if
    :: globq > 0 -> MIDLE; q = pp; pp = NONE; startm(); goto kernel
    :: else -> pidleput()
    fi
  };
#if MUTANT != 5
  lastLook();
  if
  :: q != NONE -> atomic { !locked && MIDLE -> startm() }
  :: q == NONE
  fi;
#endif

kernel:
  if
  :: true
  :: atomic { printf("@%d the call does not end\n", _pid); goto end_computes }
  fi;
  // exitsyscall0
  atomic {
    !locked -> pidleget(); pp = q; q = NONE;
    if
    :: pp != NONE -> printf("@%d its call ends, with P%d\n", _pid, pp); goto running
    :: else -> globq++; printf("@%d its call ends: queues its G\n", _pid); goto sleep
    fi
  };

end_computes:
  false
}

#if MUTANT == 1
// A store buffer empties itself at any time.
active proctype memory() {
end_memory:
  do
  :: atomic { buffered[0] > 0 -> buffered[0]--; runq[0]++;
       printf("@%d the put on P0 is seen\n", _pid) }
  :: atomic { buffered[1] > 0 -> buffered[1]--; runq[1]++;
       printf("@%d the put on P1 is seen\n", _pid) }
  :: atomic { buffered[NP - 1] > 0 -> buffered[NP - 1]--; runq[NP - 1]++;
       printf("@%d the put on P2 is seen\n", _pid) }
  od
}
#endif

// When nothing moves any more.
active proctype quiescence() {
  timeout;
  assert(npidle == 0 || QUEUED == 0)
}
