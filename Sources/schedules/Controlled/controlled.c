// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "controlled.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_THREADS = 64 };

/// Virtual nanoseconds that pass with a point: sysmon is due after a hundred.
enum { POINT_NS = 200 };

/// A thread that has had the baton for so many points waits for something.
enum { PATIENCE = 5000 };

enum state { RUNNABLE, ASLEEP, ENDED };

struct thread {
  uint32_t baton;
  enum state state;
  const void *addr;
  int64_t deadline;
  int timedout;
  uint32_t points;
  uint64_t priority;
  void (*start)(void *);
  void *arg;
};

// All of this is touched only by who has the baton.
static struct thread threads[MAX_THREADS];
static uint32_t nthreads;
static int active;
static struct controlled_plan plan;
static uint64_t rng;
static int64_t now;
static uint64_t steps, since, slice;
static uint64_t changes[8];
static uint32_t nchanges;
static uint64_t lowest;

// Of a list: for each thread its next decision, for each decision the thread's next.
static int32_t cursor[MAX_THREADS];
static int32_t following[CONTROLLED_DECISIONS];

static struct controlled_log *shared;
static struct controlled_decision *decisions;
static _Thread_local int32_t self = -1;
static int pollers;

struct controlled_log *controlled_shared(void) {
  if (shared == NULL) {
    size_t n = CONTROLLED_DECISIONS * sizeof *decisions;
    decisions = mmap(NULL, n + sizeof *shared, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (decisions == MAP_FAILED) abort();
    shared = (struct controlled_log *)(decisions + CONTROLLED_DECISIONS);
  }
  return shared;
}

struct controlled_decision *controlled_decisions(void) {
  controlled_shared();
  return decisions;
}

static uint64_t random64(void) {
  uint64_t z = (rng += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

static void newslice(void) {
  // Mostly short, now and then long.
  slice = 1 + random64() % (random64() % 4 == 0 ? 200 : 20);
}

static void end(int status, const char *what) {
  shared->steps = steps;
  shared->now = now;
  fprintf(stderr, "%s after %llu points, %lld virtual us\n", what, (unsigned long long)steps,
          (long long)now / 1000);
  for (uint32_t i = 0; i < nthreads; i++) {
    const char *state[] = {"runnable", "asleep", "ended"};
    fprintf(stderr, "  thread %u %s\n", i, state[threads[i].state]);
  }
  _exit(status);
}

// Who is next.

/// Wakes who has slept long enough; if nobody can run, time jumps.
static void wake(void) {
  for (;;) {
    int64_t first = -1;
    int some = 0;
    for (uint32_t i = 0; i < nthreads; i++) {
      struct thread *t = &threads[i];
      if (t->state == ASLEEP && t->deadline >= 0) {
        if (t->deadline <= now) {
          t->state = RUNNABLE;
          t->timedout = 1;
        } else if (first < 0 || t->deadline < first) {
          first = t->deadline;
        }
      }
      some |= t->state == RUNNABLE;
    }
    if (some) return;
    if (first < 0) end(CONTROLLED_DEADLOCK, "every thread sleeps");
    if (first > plan.stall) end(CONTROLLED_STALL, "nothing happens any more");
    now = first;
  }
}

/// The first thread after this one, round about, that can run.
static uint32_t after(uint32_t i) {
  do i = (i + 1) % nthreads;
  while (threads[i].state != RUNNABLE);
  return i;
}

static uint32_t highest(void) {
  uint32_t best = MAX_THREADS;
  for (uint32_t i = 0; i < nthreads; i++)
    if (threads[i].state == RUNNABLE
        && (best == MAX_THREADS || threads[i].priority > threads[best].priority))
      best = i;
  return best;
}

/// What the list says; decisions that cannot be carried out, or whose point has
/// passed, are void.
static uint32_t listed(struct thread *t, enum controlled_reason reason) {
  int32_t *i = &cursor[self];
  for (; *i >= 0; *i = following[*i]) {
    const struct controlled_decision *d = &plan.list[*i];
    if (d->point > t->points) break;
    int sleeps = d->reason == CONTROLLED_SLEPT;
    if (d->point < t->points || (!sleeps && reason == CONTROLLED_SLEPT)) continue;
    if (sleeps && reason != CONTROLLED_SLEPT) break;
    *i = following[*i];
    if (d->to < nthreads && threads[d->to].state == RUNNABLE) return d->to;
    break;
  }
  return reason == CONTROLLED_PREEMPTED ? (uint32_t)self : after((uint32_t)self);
}

static uint32_t choose(enum controlled_reason reason) {
  struct thread *t = &threads[self];
  if (plan.n >= 0) return listed(t, reason);
  if (plan.strategy == CONTROLLED_WALK) {
    if (reason == CONTROLLED_PREEMPTED && slice-- > 0) return (uint32_t)self;
    newslice();
    uint32_t i = (uint32_t)self;
    for (uint64_t k = random64() % nthreads + 1; k > 0; k--) i = after(i);
    return i;
  }
  if (reason == CONTROLLED_YIELDED) t->priority = lowest--;
  for (uint32_t i = 0; i < nchanges; i++)
    if (changes[i] == steps) t->priority = lowest--;
  if (since > PATIENCE) {
    since = 0;
    t->priority = lowest--;
  }
  return highest();
}

static void await(struct thread *t) {
  while (__atomic_load_n(&t->baton, __ATOMIC_ACQUIRE) == 0)
    syscall(SYS_futex, &t->baton, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
  t->baton = 0;
}

static void give(uint32_t to) {
  __atomic_store_n(&threads[to].baton, 1, __ATOMIC_RELEASE);
  syscall(SYS_futex, &threads[to].baton, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/// A frame: where that of the caller is, and the return address.
typedef const uintptr_t *frame;

/// The return addresses of f and of the frames around it.
static void places(frame f, uintptr_t *where) {
  for (int i = 0; i < CONTROLLED_PLACES; i++) {
    where[i] = f[1];
    frame next = (frame)f[0];
    // The first frame of a stack has none around it.
    if (next <= f || next - f > 4096) return;
    f = next;
  }
}

static void turn(enum controlled_reason reason, frame where) {
  struct thread *t = &threads[self];
  wake();
  uint32_t to = choose(reason);
  since++;
  int stays = to == (uint32_t)self && t->state == RUNNABLE;
  // What a list does by itself need not be in one.
  int usual = stays && (reason == CONTROLLED_PREEMPTED || after(to) == to);
  if (!usual && shared->n < CONTROLLED_DECISIONS) {
    struct controlled_decision *d = &decisions[shared->n++];
    *d = (struct controlled_decision){(uint32_t)self, t->points, to, reason, {0}};
    places(where, d->where);
  }
  if (stays) return;
  since = 0;
  shared->steps = steps;
  int ended = t->state == ENDED;
  give(to);
  if (!ended) await(t);
}

static void point(enum controlled_reason reason, frame where) {
  if (!active || self < 0) return;
  threads[self].points++;
  steps++;
  now += POINT_NS;
  if (now > plan.stall) end(CONTROLLED_STALL, "no end in sight");
  if (steps > 3000000) end(CONTROLLED_ENDLESS, "no end");
  turn(reason, where);
}

// What the runtime calls.

void *controlled_point(const void *p) {
  point(CONTROLLED_PREEMPTED, __builtin_frame_address(0));
  return (void *)p;
}

void controlled_yield(void) {
  point(CONTROLLED_YIELDED, __builtin_frame_address(0));
}

int64_t controlled_now(void) { return now; }

/// Sleeps on addr; whether the time has passed.
static int sleepon(const void *addr, int64_t ns, frame where) {
  struct thread *t = &threads[self];
  t->state = ASLEEP;
  t->addr = addr;
  t->deadline = ns < 0 ? -1 : now + ns;
  t->timedout = 0;
  turn(CONTROLLED_SLEPT, where);
  return t->timedout;
}

static int wakeon(const void *addr, uint32_t n) {
  int woken = 0;
  for (uint32_t i = 0; i < nthreads && n > 0; i++) {
    struct thread *t = &threads[i];
    if (t->state != ASLEEP || t->addr != addr) continue;
    t->state = RUNNABLE;
    woken++;
    n--;
  }
  return woken;
}

void controlled_sleep(int64_t ns) {
  frame where = __builtin_frame_address(0);
  point(CONTROLLED_PREEMPTED, where);
  sleepon(NULL, ns, where);
}

int32_t controlled_futexsleep(const void *addr, uint32_t val, int64_t timeout) {
  frame where = __builtin_frame_address(0);
  point(CONTROLLED_PREEMPTED, where);
  if (__atomic_load_n((const uint32_t *)addr, __ATOMIC_SEQ_CST) != val) return -EAGAIN;
  return sleepon(addr, timeout, where) ? -ETIMEDOUT : 0;
}

int32_t controlled_futexwakeup(const void *addr, uint32_t n) {
  point(CONTROLLED_PREEMPTED, __builtin_frame_address(0));
  return wakeon(addr, n);
}

int32_t controlled_poll(int64_t ns) {
  return !sleepon(&pollers, ns, __builtin_frame_address(0));
}

void controlled_polled(void) {
  point(CONTROLLED_PREEMPTED, __builtin_frame_address(0));
  wakeon(&pollers, MAX_THREADS);
}

void *controlled_create(void (*start)(void *), void *arg) {
  if (nthreads == MAX_THREADS) end(CONTROLLED_ENDLESS, "too many threads");
  struct thread *t = &threads[nthreads++];
  *t = (struct thread){
      .state = RUNNABLE, .deadline = -1, .priority = random64() | 1ull << 63, .start = start,
      .arg = arg};
  return t;
}

void controlled_thread(void *created) {
  struct thread *t = created;
  await(t);
  self = (int32_t)(t - threads);
  t->start(t->arg);
  t->state = ENDED;
  turn(CONTROLLED_SLEPT, __builtin_frame_address(0));
}

// Running.

static void begin(const struct controlled_plan *p) {
  plan = *p;
  rng = p->seed;
  now = 1000000000;
  plan.stall += now;
  shared->n = 0;
  shared->steps = 0;
  lowest = 1ull << 62;
  newslice();
  nchanges = (uint32_t)(random64() % 6);
  for (uint32_t i = 0; i < nchanges; i++) changes[i] = random64() % (p->steps + 1);
  for (uint32_t i = 0; i < MAX_THREADS; i++) cursor[i] = -1;
  for (int32_t i = p->n - 1; i >= 0; i--) {
    following[i] = cursor[p->list[i].thread];
    cursor[p->list[i].thread] = i;
  }
  nthreads = 1;
  threads[0] = (struct thread){.state = RUNNABLE, .deadline = -1, .priority = random64() | 1ull << 63};
  self = 0;
  active = 1;
}

int32_t controlled_run(const struct controlled_plan *p, int32_t quiet, void (*body)(void)) {
  controlled_shared();
  fflush(NULL);
  pid_t pid = fork();
  if (pid < 0) return -errno;
  if (pid == 0) {
    // One processor: handing over the baton is then a matter of a few microseconds.
    cpu_set_t one;
    if (sched_getaffinity(0, sizeof one, &one) == 0) {
      int mine = sched_getcpu();
      CPU_ZERO(&one);
      CPU_SET(mine < 0 ? 0 : (unsigned)mine, &one);
      sched_setaffinity(0, sizeof one, &one);
    }
    if (quiet) {
      int null = open("/dev/null", O_WRONLY);
      dup2(null, 2);
    }
    // Not more than this of real time, whatever happens.
    alarm(60);
    begin(p);
    body();
    shared->steps = steps;
    shared->now = now;
    _exit(0);
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int64_t controlled_cputime(void) {
  int64_t ns = 0;
  for (int who = RUSAGE_CHILDREN; who <= RUSAGE_SELF; who++) {
    struct rusage r;
    getrusage(who, &r);
    ns += (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000000ll
          + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1000ll;
  }
  return ns;
}

void controlled_fixed_addresses(char *const *argv, const char *godebug) {
  if (godebug != NULL) setenv("GODEBUG", godebug, 1);
  else unsetenv("GODEBUG");
  int p = personality(0xffffffff);
  if (p < 0 || p & ADDR_NO_RANDOMIZE) return;
  if (personality((unsigned long)p | ADDR_NO_RANDOMIZE) >= 0) execv("/proc/self/exe", argv);
}
