// SPDX-License-Identifier: Apache-2.0
/*
 * Thieves that take half: the chain of wake-ups reaches what a thief had in its hands.
 *                                              findrunnable.swift, steal.swift, idle.swift
 *
 * What a thief has taken is on no queue until it stores its tail. Whoever looks meanwhile
 * sees none, and may sleep. The thief has spun: it stops, and wakes the next one, after the
 * tail is stored.
 *
 * Modelled: as in wakeup.pml; and runqsteal in two steps, the one in which a thief takes half
 *   of a queue, rounded up, and the one in which it stores its tail.
 * Left out: as in wakeup.pml; and store buffers, handoffp, the global queue.
 * Bounds: NP Ps, NM Ms, of which one runs at first; it makes WORK goroutines, and others
 *   make none: each ends, or computes for ever.
 *
 * Proves: as wakeup.pml.
 *
 * Stages: 07-15
 * Columns: M0 M1 M2
 * Mutant 1: chain broken: a thief does not wake the next one
 * Mutant 2: tail after wake-up: a thief stores its tail when it has woken the next one
 * Mutant 3: no last look: after nmspinning went down the queues are not looked at again
 * Mutant 4: work found and no P forgotten: needspinning is never set
 */

#ifndef MUTANT
#define MUTANT 0
#endif
#ifndef NP
#define NP 3
#endif
#ifndef WORK
#define WORK 4
#endif
#define NM NP
#define NONE 7

byte runq[NP];          // Gs on each P's queue, as others see it
byte npidle = NP - 1;
byte nmspinning;
bit needspinning;
bit pidle[NP];          // sched.pidle and idlepMask
bit midle[NM];          // sched.midle
byte nextp[NM] = NONE;  // with it m.park: set means woken
bit spin0[NM];          // m.spinning, set by whoever starts it
bit locked;             // sched.lock, where it is held for more than one step
byte todo = WORK;       // goroutines yet to be made
#define QUEUED (runq[0] + runq[1] + runq[NP - 1])

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
  :: q == NONE && MUTANT != 4 ->
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
      needspinning = (MUTANT != 4);
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
    :: atomic { nmspinning == 0 -> nmspinning = 1;
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
  do
  :: atomic { i < NP && (pidle[i] || runq[i] == 0) -> i++ }
  :: atomic { i < NP && !(pidle[i] || runq[i] == 0) ->
       printf("@%d last look: work on P%d\n", _pid, i) };
    atomic { !locked -> pidlegetSpinning() };
    break
  :: atomic { i == NP -> printf("@%d last look: nothing\n", _pid); break }
  od;
  atomic { i = 0; pp = q; q = NONE }
}

// The thief puts all but the one that it runs on its own queue.
inline storeTail() {
  atomic {
    if
    :: n > 0 -> runq[pp] = runq[pp] + n; printf("@%d puts the other %d on P%d\n", _pid, n, pp)
    :: else
    fi;
    n = 0
  }
}

active [NM] proctype M() {
  byte pp = NONE, q = NONE, k, i, d, n;
  bit spinning, none;
  if
  :: atomic { _pid == 0 -> pp = 0; k = 1;
       do
       :: k < NP -> pidle[k] = 1; k++
       :: else -> k = 0; break
       od }
  :: _pid != 0 -> goto sleep
  fi;

running: // A goroutine: the first one makes others. It ends, or computes for ever.
  if
  :: atomic { todo > 0 && _pid == 0 -> todo--; runq[pp]++;
       printf("@%d puts a G on P%d\n", _pid, pp) };
    wakep();
    goto running
  :: atomic { printf("@%d its G ends\n", _pid) }
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
       n = runq[(pp + i * d) % NP]; n = n - n / 2;
       runq[(pp + i * d) % NP] = runq[(pp + i * d) % NP] - n;
       printf("@%d takes %d of P%d\n", _pid, n, (pp + i * d) % NP);
       i = 0; d = 0; n-- };
#if MUTANT != 2
    storeTail();
#endif
    goto execute
  :: atomic { i == NP -> i = 0; d = 0; break }
  od;

idle: // Under sched.lock.
  atomic { !locked -> locked = 1 };
  // releasep, pidleput
  atomic { assert(!pidle[pp] && runq[pp] == 0);
    pidle[pp] = 1; npidle++; printf("@%d idles P%d: npidle = %d\n", _pid, pp, npidle) };
  // Not before: wakep sets it, and then looks at npidle.
  if
  :: atomic { !spinning && needspinning -> printf("@%d sees needspinning\n", _pid);
       pidle[pp] = 0; npidle--; locked = 0 };
    becomeSpinning();
    goto top
  :: atomic { spinning || !needspinning }
  fi;
  atomic { pp = NONE; locked = 0 };

  // "Delicate dance"
  if
  :: spinning ->
    atomic { nmspinningDown() };
#if MUTANT != 3
    lastLook();
#endif
    if
    :: pp != NONE ->
      becomeSpinning();
      goto top
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
#if MUTANT != 1
    wakep()
#endif
  :: !spinning
  fi;
#if MUTANT == 2
  storeTail();
#endif
  goto running;

end_computes:
  false
}

// Looks when nothing moves any more.
active proctype quiescence() {
  timeout;
  assert(npidle == 0 || QUEUED == 0)
}
