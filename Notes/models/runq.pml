// SPDX-License-Identifier: Apache-2.0
/*
 * The local run queue: each G is run exactly once.                        runq.swift
 *
 * A ring, whose owner puts at the tail and takes at the head while thieves take half
 * from the head, and runnext, which only the owner fills and anybody may empty.
 *
 * Modelled: runqput (with runnext kicked out), runqputtail, runqputslow to the global
 *   queue, runqget, runqgrab into the thief's own ring, runqsteal. Each access to
 *   runqhead, runqtail, a slot or runnext is a step; so is each CAS or exchange.
 * Left out: memory order. Slots are written before the tail is stored with release,
 *   and read after it was loaded with acquire; a slot is reused after a head that was
 *   changed with release was loaded with acquire. So each step sees those before it,
 *   as here. The barrier after the store of runqtail concerns nmspinning: wakeup.pml.
 *   usleep before runnext is stolen: it only makes a step later. The wrap of indices
 *   at 2^32: here they wrap at 256, and are a multiple of the ring apart from it.
 * Bounds: a ring of SIZE slots; one owner that puts GS goroutines, each to be next or
 *   not, and takes some in between, so the ring overflows; two thieves, each of which
 *   steals TRIES times, with and without runnext, and runs what it got from its own
 *   ring, from which the other steals too.
 *
 * Proves: no G is run twice; at the end each was run, or lies in exactly one place;
 *   the ring never holds more than SIZE; the batch of an overflow is half a ring.
 *
 * Stages: 06-15
 * Columns: owner thief1 thief2
 * Mutant 1: head before copy: runqgrab advances runqhead, and only then copies the slots
 * Mutant 2: take without CAS: runqget stores runqhead instead of changing it by CAS
 * Mutant 3: kick-out without exchange: runqput loads the old runnext, then stores the new one
 * Mutant 4: overflow without CAS: runqputslow stores runqhead instead of changing it by CAS
 * Mutant 5: tail before slot: the tail is stored before the G is in its slot
 */

#ifndef MUTANT
#define MUTANT 0
#endif
#ifndef SIZE
#define SIZE 2
#endif
#ifndef GS
#define GS 4
#endif
#ifndef TRIES
#define TRIES 1
#endif

#define NP 3
#define SLOT(p, i) slots[(p) * SIZE + (i) % SIZE]

byte slots[NP * SIZE];  // 0: never written
byte head[NP] = 254;    // so that the indices wrap
byte tail[NP] = 254;
byte runnext[NP];       // 0: none
bit global[GS + 1];     // on the global queue
bit ran[GS + 1];
bit stop;

inline execute(gp) {
  assert(gp != 0 && !ran[gp] && !global[gp]);
  ran[gp] = 1;
  printf("@%d runs G%d\n", _pid, gp)
}

// The owner's part: _pid is its P.

inline runqputtail() {
  do
  :: atomic { h = head[_pid]; printf("@%d put: head is %d\n", _pid, h);
      t = tail[_pid]; n = t - h
    };
    if
    :: n < SIZE ->
#if MUTANT == 5
      tail[_pid] = t + 1;
      SLOT(_pid, t) = g;
#else
      atomic { SLOT(_pid, t) = g; printf("@%d G%d into slot %d\n", _pid, g, t % SIZE) };
      atomic { tail[_pid] = t + 1; printf("@%d tail = %d\n", _pid, tail[_pid]) };
#endif
      break
    :: else ->
      // runqputslow
      assert(n == SIZE);
      n = n / 2;
      i = 0;
      do
      :: i < n -> atomic { batch[i] = SLOT(_pid, h + i);
           printf("@%d overflow: reads G%d\n", _pid, batch[i]); i++ }
      :: else -> break
      od;
      atomic {
        if
        :: head[_pid] == h || MUTANT == 4 ->
          head[_pid] = h + n;
          printf("@%d overflow: head = %d\n", _pid, head[_pid]);
          i = 0;
          // Under sched.lock, so one step.
          do
          :: i < n -> assert(!ran[batch[i]] && !global[batch[i]]);
            global[batch[i]] = 1; batch[i] = 0; i++
          :: else -> break
          od;
          global[g] = 1;
          i = 0; n = 0;
          break
        :: else -> i = 0; batch[0] = 0
        fi
      }
    fi
  od;
  atomic { h = 0; t = 0; n = 0; g = 0 }
}

inline runqput(next) {
  if
  :: next ->
#if MUTANT == 3
    atomic { old = runnext[_pid]; printf("@%d runnext is G%d\n", _pid, old) };
    atomic { runnext[_pid] = g; printf("@%d runnext = G%d\n", _pid, g);
      g = old; old = 0 }
#else
    atomic { old = runnext[_pid]; runnext[_pid] = g;
      printf("@%d runnext = G%d, kicks out G%d\n", _pid, g, old); g = old; old = 0 }
#endif
  :: else
  fi;
  if
  :: g != 0 -> runqputtail()
  :: else
  fi
}

inline runqget() {
  atomic { g = runnext[_pid]; printf("@%d get: runnext is G%d\n", _pid, g) };
  atomic {
    if
    :: g != 0 && runnext[_pid] == g -> runnext[_pid] = 0; execute(g)
    :: else -> g = 0
    fi
  };
  do
  :: g == 0 ->
    atomic { h = head[_pid]; printf("@%d get: head is %d\n", _pid, h) };
    if
    :: tail[_pid] == h -> break
    :: else
    fi;
    atomic { g = SLOT(_pid, h); printf("@%d get: reads G%d\n", _pid, g) };
    atomic {
      if
      :: head[_pid] == h || MUTANT == 2 -> head[_pid] = h + 1; execute(g)
      :: else -> g = 0
      fi
    }
  :: else -> break
  od;
  atomic { g = 0; h = 0 }
}

// runqgrab from P v into P _pid's ring at t; leaves in n how many.
inline runqgrab(stealRunNext) {
  do
  :: atomic { h = head[v]; printf("@%d grab: P%d's head is %d\n", _pid, v, h) };
    atomic { n = tail[v]; printf("@%d grab: P%d's tail is %d\n", _pid, v, n); n = n - h;
      n = n - n / 2 };
    if
    :: n == 0 ->
      if
      :: !stealRunNext -> break
      :: else ->
        atomic { g = runnext[v]; printf("@%d grab: runnext is G%d\n", _pid, g) };
        if
        :: g == 0 -> break
        :: atomic { g != 0 && runnext[v] == g -> runnext[v] = 0;
             printf("@%d grab: takes G%d\n", _pid, g);
             SLOT(_pid, t) = g; g = 0; n = 1 };
          break
        :: g != 0 && runnext[v] != g -> g = 0
        fi
      fi
    :: n > (SIZE + 1) / 2
    :: n > 0 && n <= (SIZE + 1) / 2 ->
#if MUTANT == 1
      atomic {
        if
        :: head[v] == h -> head[v] = h + n; i = 0;
           printf("@%d grab: P%d's head = %d\n", _pid, v, head[v])
        :: else -> i = 99
        fi
      };
      if
      :: i == 0 ->
        do
        :: i < n -> atomic { SLOT(_pid, t + i) = SLOT(v, h + i);
             printf("@%d grab: copies G%d\n", _pid, SLOT(v, h + i)); i++ }
        :: else -> break
        od;
        i = 0;
        break
      :: else -> i = 0
      fi
#else
      i = 0;
      do
      :: i < n -> atomic { SLOT(_pid, t + i) = SLOT(v, h + i);
           printf("@%d grab: copies G%d\n", _pid, SLOT(v, h + i)); i++ }
      :: else -> i = 0; break
      od;
      if
      :: atomic { head[v] == h -> head[v] = h + n;
           printf("@%d grab: P%d's head = %d\n", _pid, v, head[v]) }; break
      :: head[v] != h
      fi
#endif
    fi
  od
}

inline runqsteal(stealRunNext) {
  t = tail[_pid];
  runqgrab(stealRunNext);
  if
  :: n == 0
  :: n > 0 ->
    n--;
    atomic { g = SLOT(_pid, t + n); execute(g); g = 0 };
    if
    :: n > 0 -> h = head[_pid]; h = t - h;
      assert(h + n < SIZE + 1);
      atomic { tail[_pid] = t + n; printf("@%d tail = %d\n", _pid, tail[_pid]) }
    :: else
    fi
  fi;
  atomic { h = 0; t = 0; n = 0 }
}

active proctype owner() {
  byte g, old, h, t, n, i, made;
  byte batch[SIZE];
  do
  :: made < GS ->
    made++;
    g = made;
    if
    :: true -> runqput(1)
    :: true -> runqput(0)
    fi
  :: made > 0 -> runqget();
    if
    :: made == GS -> break
    :: else
    fi
  od;
  stop = 1
}

active [2] proctype thief() {
  byte g, h, t, n, i, v, tries;
  do
  :: tries < TRIES ->
    tries++;
    if
    :: v = 0
    :: v = 3 - _pid
    fi;
    if
    :: runqsteal(1)
    :: runqsteal(0)
    fi;
    v = 0;
    // What else was stolen.
    runqget()
  :: break
  od
}

// Each G is in one place.
active proctype quiescence() {
  byte g, p, i, k;
  timeout;
  d_step {
    g = 1;
    do
    :: g <= GS ->
      k = ran[g] + global[g];
      p = 0;
      do
      :: p < NP ->
        k = k + (runnext[p] == g);
        i = head[p];
        do
        :: i != tail[p] -> k = k + (SLOT(p, i) == g); i++
        :: else -> break
        od;
        p++
      :: else -> break
      od;
      assert(k == 1);
      g++
    :: else -> break
    od
  }
}
