// SPDX-License-Identifier: Apache-2.0
/*
 * Sharing: while a P idles nothing lies on the global queue.
 *                                      runq.swift, findrunnable.swift, idle.swift, syscall.swift
 *
 * Nobody takes from another's queue. So who makes work ready while a P is idle puts it on the
 * global queue, and wakes an M for it. An M that finds nothing gives up its P. Work is put
 * there, and a P idled for want of it, under sched.lock.
 *
 * Modelled: runqput with runqshare; wakep, which looks at npidle and at the queue without the
 *   lock, wakepslow, pidleget, startm, notes; findRunnableOnce from runqget to stopm, with
 *   globrunqgetbatch, which may leave some on the own queue; gosched_m; handoffp and
 *   exitsyscall0 for a goroutine in a call.
 * Left out: runnext and the order of queues, every 61st time: a queue is a count. runqputslow:
 *   one more put under the lock. Stopping. Memory order: what decides is under sched.lock;
 *   the looks of wakep without it come after its own M has had the lock.
 * Bounds: NP Ps, NM Ms, WORK goroutines to be made by anybody who runs, each of which then
 *   makes others, yields, ends, makes a call, or computes for ever; CALLS calls. An M that
 *   is to be made waits for one to go idle.
 *
 * Proves: when nothing moves any more the global queue is empty, or no P is idle; a P on
 *   the idle list has an empty queue; a P has one M.
 *
 * Stages: 05
 * Columns: M0 M1 M2 M3
 * Gap OWN: no work waits anywhere while a P idles: what was put on a P's own queue while all were busy waits there
 * Mutant 1: wakep before put: the M is woken, and then the work is put
 * Mutant 2: no look under the lock: an M idles its P after a look at the global queue without it
 * Mutant 3: handoffp does not look: it idles a P without a look under the lock
 * Mutant 4: two looks: exitsyscall0 asks for a P, drops the lock, and then queues its G
 * Mutant 5: yield without wakep: gosched_m wakes nobody for what it puts on the global queue
 */

#ifndef MUTANT
#define MUTANT 0
#endif
#ifndef NP
#define NP 2
#endif
#ifndef WORK
#define WORK 3
#endif
#ifndef CALLS
#define CALLS 1
#endif
#define NM (NP + CALLS + 1)
#define NONE 7

byte runq[NP];          // Gs on each P's queue
byte globq;
byte npidle = NP - 1;
bit pidle[NP];
bit midle[NM];
byte nextp[NM] = NONE;  // with it m.park: set means woken
bit locked;
byte todo = WORK;
byte calls = CALLS;
byte yields = 1;

inline lock() { atomic { !locked -> locked = 1 } }

#define MIDLE (midle[0] || midle[1] || midle[2] || midle[NM - 1])

// Puts an idle P into q, or NONE. sched.lock must be held.
inline pidleget() {
  q = 0;
  do
  :: q < NP && !pidle[q] -> q++
  :: q < NP && pidle[q] -> pidle[q] = 0; npidle--; break
  :: q == NP -> q = NONE; break
  od
}

inline pidleput(p) {
  assert(!pidle[p] && runq[p] == 0);
  pidle[p] = 1; npidle++;
  printf("@%d idles P%d: npidle = %d\n", _pid, p, npidle)
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

inline wakep() {
  if
  :: atomic { npidle == 0 -> printf("@%d wakep: npidle is 0\n", _pid) }
  :: atomic { npidle != 0 };
    if
    :: atomic { globq == 0 -> printf("@%d wakep: nothing to run\n", _pid) }
    :: atomic { globq != 0 };
      atomic {
        !locked && (npidle == 0 || MIDLE) -> pidleget();
        if
        :: q != NONE -> startm()
        :: else
        fi
      }
    fi
  fi
}

// Puts a G on the own queue, or on the global one while a P is idle.
inline runqput() {
  if
  :: atomic { npidle == 0 -> printf("@%d npidle is 0\n", _pid) };
    atomic { runq[pp]++; printf("@%d puts a G on P%d\n", _pid, pp) }
  :: atomic { npidle != 0 };
    atomic { !locked -> globq++; printf("@%d shares a G\n", _pid) }
  fi
}

// Takes one, and may take others to the own queue. sched.lock must be held.
inline globrunqgetbatch() {
  globq--;
  printf("@%d takes a G of all\n", _pid);
  if
  :: globq > 0 && globq + 1 >= NP -> globq--; runq[pp]++;
    printf("@%d and another one to P%d\n", _pid, pp)
  :: else
  fi
}

active [NM] proctype M() {
  byte pp = NONE, q = NONE, k;
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
#if MUTANT == 1
    wakep();
    runqput();
#else
    runqput();
    wakep();
#endif
    goto running
  :: atomic { yields > 0 -> yields--; printf("@%d its G yields\n", _pid) };
    atomic { !locked -> globq++ };
#if MUTANT != 5
    wakep();
#endif
    goto top
  :: atomic { printf("@%d its G ends\n", _pid) }
  :: atomic { calls > 0 -> calls--; printf("@%d its G makes a call\n", _pid); goto call }
  :: atomic { printf("@%d its G computes for ever\n", _pid); goto end_computes }
  fi;

top: // findRunnableOnce
  if
  :: atomic { runq[pp] > 0 -> runq[pp]--; printf("@%d takes a G of P%d\n", _pid, pp) };
    goto running
  :: runq[pp] == 0
  fi;
  if
  :: globq > 0 ->
    atomic {
      !locked;
      if
      :: globq > 0 -> globrunqgetbatch(); goto running
      :: else
      fi
    }
  :: atomic { globq == 0 -> printf("@%d nothing on the global queue\n", _pid) }
  fi;
  atomic {
    !locked;
    if
    :: globq > 0 && MUTANT != 2 -> globrunqgetbatch(); goto running
    :: else -> pidleput(pp); pp = NONE
    fi
  };

sleep: // stopm
  atomic { !locked -> midle[_pid] = 1; printf("@%d sleeps\n", _pid) };
end_sleeps:
  atomic { nextp[_pid] != NONE -> pp = nextp[_pid]; nextp[_pid] = NONE;
    printf("@%d wakes with P%d\n", _pid, pp); goto top };

call: // entersyscall: handoffp
  if
  :: atomic { globq > 0 || runq[pp] > 0 -> printf("@%d handoffp: work\n", _pid); goto giveaway }
  :: atomic { globq == 0 && runq[pp] == 0 -> printf("@%d handoffp: no work\n", _pid) }
  fi;
  atomic {
    !locked;
    if
    :: globq > 0 && MUTANT != 3 -> goto giveaway
    :: else -> pidleput(pp); pp = NONE; goto kernel
    fi
  };
giveaway: // startm
  atomic { !locked && MIDLE -> q = pp; pp = NONE; startm() };

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
#if MUTANT != 4
    :: else -> globq++; printf("@%d its call ends: queues its G\n", _pid); goto sleep
#else
    :: else -> printf("@%d its call ends: no P\n", _pid)
#endif
    fi
  };
  atomic { !locked -> globq++; printf("@%d queues its G\n", _pid); goto sleep };

end_computes:
  false
}

// When nothing moves any more.
active proctype quiescence() {
  timeout;
  assert(npidle == 0 || globq == 0);
#ifdef OWN
  assert(npidle == 0 || runq[0] + runq[1] + runq[NP - 1] == 0)
#endif
}
