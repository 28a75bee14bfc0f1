// SPDX-License-Identifier: Apache-2.0
/*
 * Worker thread parking: no work waits while a P idles.       proc.swift, idle.swift
 *
 * Whoever puts work on a queue wakes an M only if a P is idle and nobody spins. An M
 * that finds nothing gives up its P and sleeps. The two must not miss each other.
 *
 * Modelled: findRunnableOnce from runqget to stopm, the last look after nmspinning
 *   went down ("Delicate dance"), needspinning, schedule with resetspinning, wakep,
 *   pidleget, startm, notes; injectglist for one who has no P, as sysmon. Of the
 *   memory: the store buffer of each P's owner for runqtail, since a put and then
 *   a look at nmspinning is what a processor may turn round.
 * Left out: what a ring is (runq.pml): here a queue is a count and a take is one step.
 *   Timers, the network, the collector, the stop of the world: other ways to find
 *   work, after which the same steps follow. stealWork looks once at every queue,
 *   not four times: to look less can only miss more. Every other access to shared
 *   words is sequentially consistent in the code, or under sched.lock.
 * Bounds: NP Ps, NM Ms, WORK goroutines to be made by anybody who runs; each then
 *   makes others, ends, or computes for ever. An M that is to be made waits for one
 *   to go idle once there are NM.
 *
 * Proves: when nothing moves any more, there is no queued work or no idle P. (A
 *   goroutine that computes for ever does not count as moving.) nmspinning is never
 *   negative, no note is woken twice, a P has one M.
 *
 * Stages: 07-15
 * Columns: M0 M1 M2 sysmon
 * Variant: HANDOFF
 * Mutant 1: put without a barrier: runqtail is stored with release, so the look at nmspinning comes first
 * Mutant 2: no last look: after nmspinning went down the queues are not looked at again
 * Mutant 3: last look too early: the queues are looked at, then nmspinning goes down
 * Mutant 4: chain broken: an M that found work does not wake the next one
 * Mutant 5: needspinning looked at too early: before the P counts as idle, while wakep sets it without the lock
 * Mutant 6: work found and no P forgotten: needspinning is never set
 * Mutant 7: handoffp does not look: it idles a P without a look at needspinning, as in Go
 */

#ifndef MUTANT
#define MUTANT 0
#endif
#ifndef NP
#define NP 3
#endif
#if MUTANT == 7
#define HANDOFF
#endif
#ifdef HANDOFF
#define NM 4
#define SUBMITS (todo > 0 && _pid == 2)
#define ENDS (_pid != 2)
#else
#define SUBMITS (todo > 0)
#define ENDS true
#define NM 3
#endif
#ifndef WORK
#define WORK 2
#endif
#define NONE 7

byte runq[NP];          // Gs on each P's queue, as others see it
byte globq;             // sched.runq
byte npidle;
byte nmspinning;
bit needspinning;
bit pidle[NP];          // sched.pidle and idlepMask
bit midle[NM];          // sched.midle
byte nextp[NM] = NONE;  // with it m.park: set means woken
bit spin0[NM];          // m.spinning, set by whoever starts it
bit locked;             // sched.lock, where it is held for more than one step
byte todo = WORK;       // goroutines yet to be made
#if MUTANT == 1
byte buffered[NP];      // puts still in the owner's store buffer
#define DRAINED buffered[pp] == 0
#else
#define DRAINED true
#endif
#define QUEUED (globq + runq[0] + runq[1] + runq[NP - 1])

// sched.lock can be taken, and if an M is to be started there is one.
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

inline pidlegetSpinning() {
  pidleget();
  if
  :: q == NONE && MUTANT != 6 ->
    needspinning = 1; printf("@%d no P: needspinning = 1\n", _pid)
  :: else
  fi
}

// Gives q to an idle M. sched.lock must be held.
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

// The submitter's step 3. Every access to a shared word is a step of its own.
inline wakep() {
  atomic { none = (npidle == 0); printf("@%d wakep: npidle is %d\n", _pid, npidle) };
  if
  :: none ->
    atomic {
      needspinning = (MUTANT != 6);
      printf("@%d wakep: needspinning = %d\n", _pid, needspinning)
    };
    atomic { none = (npidle == 0); printf("@%d wakep: npidle is %d\n", _pid, npidle) }
  :: else
  fi;
  if
  :: none -> none = 0
  :: !none ->
    if
    :: atomic { nmspinning != 0 -> printf("@%d wakep: somebody spins\n", _pid) }
    :: atomic { nmspinning == 0 && DRAINED -> nmspinning = 1;
         printf("@%d wakep: nmspinning 0 to 1\n", _pid) };
      atomic {
        CANSTART -> pidlegetSpinning();
        if
        :: q == NONE -> assert(nmspinning > 0); nmspinning--
        :: else -> startm(1)
        fi
      }
    fi
  fi
}

inline becomeSpinning() {
  atomic { spinning = 1; nmspinning++;
    printf("@%d becomeSpinning: nmspinning = %d\n", _pid, nmspinning) };
  needspinning = 0
}

inline nmspinningDown() {
  spinning = 0;
  assert(nmspinning > 0);
  nmspinning--;
  printf("@%d nmspinning = %d\n", _pid, nmspinning)
}

// The last look: at all queues. Leaves in pp a P to run what is there, or NONE.
inline lastLook() {
  atomic {
    !locked;
    if
    :: globq > 0 -> pidlegetSpinning(); found = (q != NONE); globq = globq - found
    :: else
    fi
  };
  if
  :: q == NONE ->
    do
    :: atomic { i < NP && (pidle[i] || runq[i] == 0) -> i++ }
    :: atomic { i < NP && !(pidle[i] || runq[i] == 0) ->
         printf("@%d last look: work on P%d\n", _pid, i) };
      atomic { !locked -> pidlegetSpinning() };
      break
    :: atomic { i == NP -> printf("@%d last look: nothing\n", _pid); break }
    od
  :: else
  fi;
  atomic { i = 0; pp = q; q = NONE }
}

active [NM] proctype M() {
  byte pp = NONE, q = NONE, k, i, d;
  bit spinning, found, none;
#ifdef HANDOFF
  if
  :: _pid == 0 -> pp = 0; goto blocks
  :: else
  fi;
#endif
  if
  :: _pid < NP -> pp = _pid
  :: else -> goto sleep
  fi;

running: // A goroutine: makes another one, ends, or computes for ever.
  if
  :: atomic { SUBMITS -> todo--; printf("@%d puts a G on P%d\n", _pid, pp);
#if MUTANT == 1
       buffered[pp]++ };
#else
       // seq-cst: a store and a barrier.
       runq[pp]++ };
#endif
    wakep();
    goto running
  :: atomic { ENDS && DRAINED -> printf("@%d its G ends\n", _pid) }
  :: atomic { printf("@%d its G computes for ever\n", _pid); goto end_computes }
  fi;

top: // findRunnableOnce
  if
  :: atomic { runq[pp] > 0 -> runq[pp]--; printf("@%d takes a G of P%d\n", _pid, pp) };
    goto execute
  :: runq[pp] == 0
  fi;
  if
  :: spinning
  :: atomic { !spinning && 2 * nmspinning < NP - npidle } -> becomeSpinning()
  :: atomic { !spinning && 2 * nmspinning >= NP - npidle ->
       printf("@%d does not spin\n", _pid); goto idle }
  fi;

  // stealWork: all other Ps, in one of the two orders that there are for three.
  if
  :: atomic { d = 1; i = 1 }
  :: atomic { d = NP - 1; i = 1 }
  fi;
  do
  :: atomic { i < NP && runq[(pp + i * d) % NP] == 0 -> i++ }
  :: atomic { i < NP && runq[(pp + i * d) % NP] > 0 ->
       runq[(pp + i * d) % NP]--;
       printf("@%d steals a G of P%d\n", _pid, (pp + i * d) % NP);
       i = 0; d = 0; goto execute }
  :: atomic { i == NP -> i = 0; d = 0; break }
  od;

idle: // Under sched.lock.
  atomic {
    !locked;
    if
    :: globq > 0 -> globq--; printf("@%d takes a G of all\n", _pid); goto execute
    :: else -> locked = 1
    fi
  };
#if MUTANT == 5
  if
  :: atomic { !spinning && needspinning -> locked = 0 }; becomeSpinning(); goto top
  :: atomic { spinning || !needspinning }
  fi;
#endif
  // releasep, pidleput
  atomic { assert(!pidle[pp] && runq[pp] == 0);
    pidle[pp] = 1; npidle++; printf("@%d idles P%d: npidle = %d\n", _pid, pp, npidle) };
#if MUTANT != 5
  // Not before: wakep sets it, and then looks at npidle.
  if
  :: atomic { !spinning && needspinning -> printf("@%d sees needspinning\n", _pid);
       pidle[pp] = 0; npidle--; locked = 0 };
    becomeSpinning();
    goto top
  :: atomic { spinning || !needspinning }
  fi;
#endif
  atomic { pp = NONE; locked = 0 };

  // "Delicate dance"
  if
  :: spinning ->
#if MUTANT == 3
    lastLook();
    atomic { nmspinningDown() };
#else
    atomic { nmspinningDown() };
#if MUTANT != 2
    lastLook();
#endif
#endif
    if
    :: pp != NONE ->
      becomeSpinning();
      if
      :: atomic { found -> found = 0; goto execute }
      :: atomic { !found -> goto top }
      fi
    :: pp == NONE
    fi
  :: !spinning
  fi;

sleep: // stopm
  atomic { !locked -> midle[_pid] = 1; printf("@%d sleeps\n", _pid) };
end_sleeps:
  atomic { nextp[_pid] != NONE -> pp = nextp[_pid]; nextp[_pid] = NONE;
    spinning = spin0[_pid]; spin0[_pid] = 0;
    printf("@%d wakes with P%d\n", _pid, pp); goto top };

execute: // schedule, after findRunnable
  if
  :: spinning ->
    atomic { nmspinningDown() };
#if MUTANT != 4
    wakep()
#endif
  :: !spinning
  fi;
  goto running;

#ifdef HANDOFF
blocks: // handoffp, of an M that blocks and afterwards has nothing to run.
  if
  :: atomic { globq > 0 || runq[pp] > 0 -> printf("@%d handoffp: work\n", _pid);
       goto giveaway }
  :: globq == 0 && runq[pp] == 0
  fi;
  if
  :: atomic { nmspinning + npidle == 0 ->
       printf("@%d handoffp: nmspinning and npidle are 0\n", _pid) };
    // A CAS; it may be too late.
    if
    :: atomic { nmspinning == 0 -> nmspinning = 1; spinning = 1 };
      needspinning = 0;
      goto giveaway
    :: nmspinning != 0
    fi
  :: atomic { nmspinning + npidle != 0 ->
       printf("@%d handoffp: others look for work\n", _pid) }
  fi;
  atomic {
    !locked;
    if
    :: globq > 0 -> goto giveaway
    :: else -> locked = 1; pidle[pp] = 1; npidle++;
      printf("@%d handoffp: idles P%d: npidle = %d\n", _pid, pp, npidle)
    fi
  };
#if MUTANT != 7
  // Not before, as in idle above.
  if
  :: atomic { needspinning -> printf("@%d sees needspinning\n", _pid);
       pidle[pp] = 0; npidle--; locked = 0; nmspinning++; spinning = 1 };
    needspinning = 0;
    goto giveaway
  :: !needspinning
  fi;
#endif
  atomic { locked = 0; pp = NONE; goto sleep };

giveaway: // startm
  atomic {
    !locked && MIDLE -> q = pp; pp = NONE; startm(spinning); spinning = 0;
    goto sleep
  };
#endif

end_computes:
  false
}

#ifndef HANDOFF
// injectglist by one who has no P.
active proctype sysmon() {
  byte q = NONE, k;
end_none:
  do
  :: atomic { !locked && todo > 0 -> todo--; globq++;
       printf("@%d puts a G on the global queue\n", _pid) };
    atomic {
      CANSTART -> pidlegetSpinning();
      if
      :: q != NONE -> startm(0)
      :: else
      fi
    }
  od
}
#endif

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

// Looks when nothing moves any more.
active proctype quiescence() {
  timeout;
  assert(npidle == 0 || QUEUED == 0)
}
