// SPDX-License-Identifier: Apache-2.0
//
// One thread at a time: a scheduler for the scheduler's own threads.
//
// A thread holds the baton or waits for it. It may have to give it away before every
// atomic operation (controlled_point), and does where it would sleep in the kernel.
// Who gets it is decided by a seed, or by a list of decisions made earlier; so a run
// of the program is repeated exactly. Time is virtual: it passes with every point,
// and jumps to the next deadline when all threads sleep.
#ifndef CONTROLLED_H
#define CONTROLLED_H

#include <stddef.h>
#include <stdint.h>

/// How the next thread is chosen where a seed decides.
enum controlled_strategy {
  /// A thread keeps the baton for a random number of points.
  CONTROLLED_WALK = 0,
  /// The thread with the highest priority has it; priorities are random, and fall at
  /// a few random points. (PCT: Burckhardt and others, 2010.)
  CONTROLLED_PRIORITIES = 1,
};

/// Why a thread gave the baton away.
enum controlled_reason {
  /// It could have gone on.
  CONTROLLED_PREEMPTED = 0,
  /// It sleeps, or has ended.
  CONTROLLED_SLEPT = 1,
  /// It waits actively for another one.
  CONTROLLED_YIELDED = 2,
};

enum { CONTROLLED_PLACES = 8 };

/// The baton goes from a thread, at the point with this number of its own, to another.
struct controlled_decision {
  uint32_t thread;
  uint32_t point;
  uint32_t to;
  uint32_t reason;
  /// Where in the program the point is, and what called that, as far as there is room;
  /// then zeros.
  uintptr_t where[CONTROLLED_PLACES];
};

enum { CONTROLLED_DECISIONS = 65536 };

/// Exit statuses of a run, besides those of the program.
enum {
  CONTROLLED_DEADLOCK = 101,
  CONTROLLED_STALL = 102,
  CONTROLLED_ENDLESS = 103,
};

/// What a run leaves behind, in memory that its parent sees.
struct controlled_log {
  /// Points passed by all threads together.
  uint64_t steps;
  int64_t now;
  uint32_t n;
};

/// The log and its n decisions, in memory shared with children.
struct controlled_log *_Nonnull controlled_shared(void);
struct controlled_decision *_Nonnull controlled_decisions(void);

/// What is to be done: list, if n is not negative, else seed with strategy. steps is
/// about how many points there will be, stall the virtual nanoseconds that a run may
/// take.
struct controlled_plan {
  uint64_t seed;
  uint32_t strategy;
  uint64_t steps;
  int64_t stall;
  const struct controlled_decision *_Nullable list;
  int32_t n;
};

/// Runs body in a child, whose calling thread has the baton; returns the status it
/// exits with, or minus the signal that ends it. quiet: standard error is dropped.
int32_t controlled_run(const struct controlled_plan *_Nonnull plan, int32_t quiet,
                       void (*_Nonnull body)(void));

/// What this process and its children have taken of the processor, in nanoseconds.
int64_t controlled_cputime(void);

/// Starts the process anew with addresses that are the same every time, unless they
/// are; and sets GODEBUG.
void controlled_fixed_addresses(char *_Nonnull const *_Nonnull argv,
                                const char *_Nullable godebug);

/// Before an operation on memory at p, which threads share. Returns p: what the compiler
/// knows of the memory does not hold there.
void *_Nullable controlled_point(const void *_Nullable p);
/// In a loop that waits for another thread.
void controlled_yield(void);
/// The virtual time, in nanoseconds.
int64_t controlled_now(void);
void controlled_sleep(int64_t ns);
int32_t controlled_futexsleep(const void *_Nonnull addr, uint32_t val, int64_t timeout);
int32_t controlled_futexwakeup(const void *_Nonnull addr, uint32_t n);
/// Prepares a thread; returns what its start function, controlled_thread, is to get.
void *_Nullable controlled_create(void (*_Nonnull start)(void *_Nullable), void *_Nullable arg);
void controlled_thread(void *_Nullable created);
/// Sleeps until controlled_polled, or for ns nanoseconds if ns is not negative;
/// returns 0 when they have passed.
int32_t controlled_poll(int64_t ns);
/// Something may have become ready.
void controlled_polled(void);

#endif
