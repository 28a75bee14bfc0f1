// SPDX-License-Identifier: Apache-2.0
/*
 * Waiting for a descriptor: no report, close or deadline is slept through.
 *                                                  netpoll.swift, deadline.swift, fd.swift
 *
 * A word, rg, is pdNil (nothing known), pdReady (a report that nobody has used), pdWait
 * (a goroutine is about to park) or the goroutine. Who reads parks on it when the system
 * call finds nothing. The poller, whoever closes, and a deadline take it out.
 *
 * Modelled: fdreadlocked with poll_runtime_pollReset and pollWait, netpollcheckerr,
 *   netpollblock, park_m with netpollblockcommit; the kernel, which reports an arrival
 *   once (edge-triggered); netpollready for the poller; poll_runtime_pollUnblock;
 *   netpolldeadlineimpl, and poll_runtime_pollSetDeadline which takes the deadline
 *   away; netpollunblock with each access to rg a step, in the hands of all of them.
 *   pd.lock. rseq, which a timer that fires late finds changed.
 * Left out: wg, which is a second word of the same kind. pollquiet, drained, event bits.
 *   fdseq and reuse: nobody opens the descriptor again. What happens to a goroutine
 *   that was readied: it runs. Weak memory: rg and atomicInfo are changed by
 *   sequentially consistent CAS and exchange alone, each of which is a full barrier
 *   on every processor; what is loaded relaxed only decides whether to exchange.
 * Bounds: ARRIVALS times something arrives; the reader goes on until close or the
 *   deadline ends its last read. Both come or do not; the deadline may also be taken
 *away. One poller; two in the variant POLLERS.
 *
 * Proves: the goroutine is readied only while it is parked, and by one who took it out
 *   of rg; never two wait in rg; when nothing moves any more the reader is not parked
 *   with bytes there, after close, or after its deadline.
 *
 * Stages: 10-15
 * Variant: POLLERS
 * Columns: reader kernel poller closer timer setter
 * Mutant 1: look, then announce: netpollblock looks at atomicInfo before it sets pdWait, not after
 * Mutant 2: commit without CAS: netpollblockcommit stores the G over whatever is there
 * Mutant 3: take without CAS: netpollunblock loads rg, then stores what it is to be
 * Mutant 4: report dropped: after the wake-up rg is stored pdNil without a look at what was there
 * Mutant 5: reset after the system call: a report of what came after it is thrown away
 * Mutant 6: unblock, then say so: who closes looks at rg first and sets closing later
 */

#ifndef MUTANT
#define MUTANT 0
#endif
#ifndef ARRIVALS
#define ARRIVALS 2
#endif

mtype = { pdNil, pdReady, pdWait, pdG };
mtype rg = pdNil;
bit closing;        // in atomicInfo, as is the next
bit expired;
bit locked;         // pd.lock
bit seq;            // rseq: the timer's is 0
bit waiting;        // the reader's status
bit ready;          // it was readied
byte bytes;         // in the socket
bit event;          // the kernel has something to report
bit ended;          // the reader has an answer

inline lock() { atomic { !locked -> locked = 1 } }

// In the hands of the poller (report is 1) and of those who end a wait (report is 0).
// Leaves in woken whether a G was taken out.
inline netpollunblock(report) {
  atomic { old = rg; printf("@%d unblock: rg is %e\n", _pid, old) };
  do
  :: old == pdReady || (old == pdNil && !report) -> woken = 0; break
  :: else ->
    atomic {
      if
      :: rg == old || MUTANT == 3 ->
        if
        :: report -> rg = pdReady
        :: else -> rg = pdNil
        fi;
        printf("@%d unblock: rg = %e\n", _pid, rg);
        woken = (old == pdG);
        break
      :: else -> old = rg
      fi
    }
  od;
  old = pdNil
}

inline goready() {
  if
  :: woken ->
    atomic { woken = 0; assert(waiting && !ready); waiting = 0; ready = 1;
      printf("@%d readies the reader\n", _pid) }
  :: else
  fi
}

// fdreadlocked, once for every byte wanted.
active proctype reader() {
  bit found;

reset: // poll_runtime_pollReset
  if
  :: atomic { closing || expired -> goto answer }
  :: atomic { !closing && !expired }
  fi;
#if MUTANT != 5
  atomic { rg = pdNil; printf("@%d reset: rg = pdNil\n", _pid) };
#endif

call:
  if
  :: atomic { bytes > 0 -> bytes = 0; printf("@%d reads what is there\n", _pid);
       goto reset }
  :: atomic { bytes == 0 -> printf("@%d EAGAIN\n", _pid) }
  fi;
#if MUTANT == 5
  atomic { rg = pdNil; printf("@%d reset: rg = pdNil\n", _pid) };
#endif

wait: // poll_runtime_pollWait
  if
  :: atomic { closing || expired -> goto answer }
  :: atomic { !closing && !expired }
  fi;

  // netpollblock
  do
  :: atomic { rg == pdReady -> rg = pdNil; printf("@%d uses up a report\n", _pid);
       goto call }
  :: rg != pdReady ->
#if MUTANT == 1
    atomic { found = closing || expired; printf("@%d atomicInfo: %d\n", _pid, found) };
#endif
    // It may have become pdReady.
    atomic {
      if
      :: rg == pdNil -> rg = pdWait; printf("@%d rg = pdWait\n", _pid); break
      :: else -> assert(rg == pdReady)
      fi
    }
  od;
#if MUTANT != 1
  atomic { found = closing || expired; printf("@%d atomicInfo: %d\n", _pid, found) };
#endif
  if
  :: !found ->
    // gopark, and netpollblockcommit on g0.
    waiting = 1;
    atomic {
      if
      :: rg == pdWait || MUTANT == 2 -> rg = pdG; printf("@%d parks: rg = G\n", _pid)
      :: else -> waiting = 0; ready = 1; printf("@%d does not park\n", _pid)
      fi
    };
end_parked:
    atomic { ready -> ready = 0; printf("@%d runs\n", _pid) }
  :: found
  fi;
#if MUTANT == 4
  atomic { rg = pdNil; found = 0; printf("@%d rg = pdNil\n", _pid); goto wait };
#else
  atomic { assert(rg != pdG);
    found = (rg == pdReady); rg = pdNil; printf("@%d rg = pdNil\n", _pid) };
#endif
  if
  :: atomic { found -> found = 0; goto call }
  :: atomic { !found -> goto wait }
  fi;

answer:
  atomic { ended = 1; printf("@%d fails\n", _pid) }
}

active proctype kernel() {
  byte left = ARRIVALS;
  do
  :: left > 0 -> atomic { left--; bytes = 1; event = 1; printf("@%d a byte arrives\n", _pid) }
  :: left == 0 -> break
  od
}

// netpoll.
#ifdef POLLERS
active [2]
#else
active
#endif
proctype poller() {
  mtype old = pdNil;
  bit woken;
end_poller:
  do
  :: atomic { event -> event = 0; printf("@%d epoll reports\n", _pid) };
    netpollunblock(1);
    goready()
  od
}

// poll_runtime_pollUnblock
active proctype closer() {
  mtype old = pdNil;
  bit woken;
  if
  :: true
  :: goto done
  fi;
  lock();
#if MUTANT == 6
  netpollunblock(0);
  atomic { closing = 1; seq = 1; printf("@%d closing = 1\n", _pid) };
#else
  atomic { closing = 1; seq = 1; printf("@%d closing = 1\n", _pid) };
  netpollunblock(0);
#endif
  locked = 0;
  goready();
done:
  skip
}

// netpolldeadlineimpl
active proctype timer() {
  mtype old = pdNil;
  bit woken;
  if
  :: true
  :: goto done
  fi;
  lock();
  if
  :: atomic { seq == 0 -> expired = 1; printf("@%d the deadline passes\n", _pid) };
    netpollunblock(0)
  :: else
  fi;
  locked = 0;
  goready();
done:
  skip
}

// poll_runtime_pollSetDeadline: none.
active proctype setter() {
  if
  :: true
  :: goto done
  fi;
  lock();
  if
  :: atomic { !closing -> seq = 1; expired = 0; printf("@%d no deadline\n", _pid) }
  :: closing
  fi;
  locked = 0;
done:
  skip
}

active proctype quiescence() {
  timeout;
  assert(ended || !(bytes > 0 || closing || expired))
}
