// SPDX-License-Identifier: Apache-2.0
//
// The switcher by itself: no scheduler, no Swift, so that it also runs under an
// emulator of another processor. `make switcher` and `make arm64` build and run
// it. Each check runs in a process of its own; one that crashes or hangs fails.
//
//   switcher_test          run everything
//   switcher_test NAME     run one check in this process, for a debugger
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <unwind.h>

#include "CLinux.h"
#include "asm.h"
#include "probe.h"

#if defined(__x86_64__)
_Static_assert(offsetof(struct hot, zone) == HOT_ZONE, "probe.h");
_Static_assert(offsetof(struct hot, x87) == HOT_X87, "probe.h");
_Static_assert(offsetof(struct hot, vec) == HOT_VEC, "probe.h");
_Static_assert(offsetof(struct hot, mask) == HOT_MASK, "probe.h");
#elif defined(__aarch64__)
_Static_assert(offsetof(struct hot, vec) == HOT_VEC, "probe.h");
#endif

// How a check says what it found.

static char detail[256];

#define REQUIRE(condition, ...)                                        \
  do {                                                                 \
    if (condition) break;                                              \
    printf("switcher_test.c:%d: not so: %s;", __LINE__, #condition);  \
    printf(" " __VA_ARGS__);                                           \
    printf("\n");                                                      \
    fflush(stdout);                                                    \
    _exit(1);                                                          \
  } while (0)

// The smallest runtime: goroutines, the g0 of each thread, no queue.

struct m;

struct g {
  struct gobuf buf;  // first: what getg_ returns is the address of a g
  struct m *m;
  uintptr_t lo, hi;
  void (*body)(void);
};

struct m {
  struct g g0;
  struct gobuf caller;
  struct g *first;
  char *sigstack;
};

enum { STACK = 256 << 10, SIGSTACK = 256 << 10 };

static struct g *me(void) { return getg_(); }

static struct m *newm(void) {
  struct m *m = calloc(1, sizeof *m);
  m->g0.m = m;
  m->g0.buf.fiber = fiber_create(0, 0);
  return m;
}

static struct g *newg(void (*fn)(void *), void *arg, size_t below) {
  struct g *g = calloc(1, sizeof *g);
  g->lo = (uintptr_t)mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE((void *)g->lo != MAP_FAILED, "out of memory");
  g->hi = g->lo + STACK - below;
  memset(&g->buf, 0xee, sizeof g->buf);
  g->buf.fiber = fiber_create(g->lo, g->hi);
  gostartcall(&g->buf, g->hi, fn, arg);
  return g;
}

static void freeg(struct g *g) {
  fiber_destroy(g->buf.fiber);
  munmap((void *)g->lo, STACK);
  free(g);
}

// On g0: continue g.
static void execute(struct m *m, struct g *g) {
  g->m = m;
  gogo_(&g->buf);
}

static void executefirst(void *g0) { execute(((struct g *)g0)->m, ((struct g *)g0)->m->first); }

// Leaves the scheduler: back to the caller of rt0_.
static void stop(void *g) { gogo_(&((struct g *)g)->m->caller); }

// Runs g on a new m until something calls stop.
static void runon(struct m *m, struct g *g) {
  m->first = g;
  rt0_(&m->caller, &m->g0.buf, executefirst);
  setg_(NULL);
}

static void finish(void) { mcall_(&me()->buf, &me()->m->g0.buf, stop); }

static void yieldback(void *g) { execute(((struct g *)g)->m, g); }

// mcall_ to a function that at once continues the same goroutine.
static void bounce(void) { mcall_(&me()->buf, &me()->m->g0.buf, yieldback); }

static void mainbody(void *arg) {
  ((void (*)(void))arg)();
  finish();
}

// Runs body on a goroutine.
static void onGoroutine(void (*body)(void)) {
  struct m *m = newm();
  struct g *g = newg(mainbody, (void *)body, 0);
  runon(m, g);
  fiber_destroy(m->g0.buf.fiber);
  freeg(g);
  free(m);
}

// Entry: alignment, arguments, the thread's g.

static struct g *expected;
#if defined(__x86_64__)
enum { ATENTRY = 8 };  // a return address has just been pushed
#elif defined(__aarch64__)
enum { ATENTRY = 0 };
#endif

__typeof__(recorded) recorded;

static void entered(void *arg) {
  REQUIRE(arg == (void *)&expected, "the first function's argument is %p", arg);
  REQUIRE(recorded.arg == (uintptr_t)&expected);
  REQUIRE(recorded.sp % 16 == ATENTRY, "sp is %#lx at the first function", (long)recorded.sp);
  REQUIRE(recorded.sp >= expected->lo && recorded.sp < expected->hi, "it runs on another stack");
  REQUIRE(expected->hi - recorded.sp <= 64, "%ld bytes lie above it", (long)(expected->hi - recorded.sp));
  const uintptr_t *record = (const uintptr_t *)recorded.fp;
  REQUIRE(recorded.fp >= recorded.sp && recorded.fp < expected->hi, "frame pointer %#lx", (long)recorded.fp);
  REQUIRE(record[0] == 0 && record[1] == 0, "frame pointers do not end at gostart");
  REQUIRE(me() == expected, "getg is %p, not %p", (void *)me(), (void *)expected);
  finish();
}

static void aGoroutineStartsAligned(void) {
  static const size_t below[] = {0, 8, 16, 24, 1, 15};
  for (size_t i = 0; i < sizeof below / sizeof *below; i++) {
    struct m *m = newm();
    recorded.next = entered;
    expected = newg(record, &expected, below[i]);
    runon(m, expected);
    freeg(expected);
  }
}

static void enteredg0(void *g) {
  REQUIRE(g == expected, "mcall_'s function got %p, not the goroutine", g);
  REQUIRE(recorded.arg == (uintptr_t)g);
  REQUIRE(recorded.sp % 16 == ATENTRY, "sp is %#lx on g0", (long)recorded.sp);
  REQUIRE(recorded.fp == 0, "the frame pointer on g0 is %#lx", (long)recorded.fp);
  REQUIRE(me() == &expected->m->g0, "getg on g0 is %p", (void *)me());
  char here;
  REQUIRE((uintptr_t)&here < expected->lo || (uintptr_t)&here >= expected->hi, "it runs on the goroutine's stack");
  execute(expected->m, expected);
}

static void mcallbody(void) {
  expected = me();
  recorded.next = enteredg0;
  uintptr_t first = 0;
  for (int i = 0; i < 100; i++) {
    mcall_(&me()->buf, &me()->m->g0.buf, record);
    REQUIRE(me() == expected, "getg is %p after mcall_", (void *)me());
    if (i == 0) first = recorded.sp;
    REQUIRE(recorded.sp == first, "g0's stack creeps");
  }
}

static void mcallEntersG0(void) { onGoroutine(mcallbody); }

static void enteredrt0(void *g0) {
  struct g *g = g0;
  REQUIRE(recorded.sp % 16 == ATENTRY, "sp is %#lx in rt0_'s function", (long)recorded.sp);
  REQUIRE(recorded.arg == (uintptr_t)expected);
  REQUIRE(g == expected, "rt0_'s function got %p, not g0", g0);
  REQUIRE(me() == g, "getg is %p", (void *)me());
  stop(g);
}

static void rt0Enters(void) {
  struct m *m = newm();
  expected = &m->g0;
  recorded.next = enteredrt0;
  rt0_(&m->caller, &m->g0.buf, record);
  setg_(NULL);
  REQUIRE(getg_() == NULL);
}

// Registers that a call preserves.

static void fill(struct kept *k, uint64_t seed) {
  for (int i = 0; i < NKEPT; i++) k->r[i] = (seed << 16 | (uint64_t)i << 8 | 0xa5) * 0x9e3779b97f4a7c15;
}

static void requireKept(const struct kept *in, const struct kept *out) {
  for (int i = 0; i < NKEPT; i++)
    REQUIRE(in->r[i] == out->r[i], "kept register number %d", i);
}

static struct g *pair[2];
enum { ROUNDS = 2000 };

// On g0, with other registers: continue the other goroutine.
static void swap(void *g) {
  static uint64_t n;
  struct kept junk;
  struct g *next = pair[g == pair[0]];
  struct m *m = ((struct g *)g)->m;
  fill(&junk, ~n++);
  next->m = m;
  leave(&junk, &next->buf, (void (*)(void *))gogo_);
}

static void keepbody(void *arg) {
  struct kept in, out;
  for (uint64_t i = 0; i < ROUNDS; i++) {
    fill(&in, i << 1 | (arg == &pair[0]));
    memset(&out, 0, sizeof out);
    keep(&in, &out, &me()->buf, &me()->m->g0.buf, swap,
         (void (*)(void *, void *, void (*)(void *)))mcall_);
    requireKept(&in, &out);
  }
  finish();
}

static void keptAcrossMcall(void) {
  pair[0] = newg(keepbody, &pair[0], 0);
  pair[1] = newg(keepbody, &pair[1], 0);
  runon(newm(), pair[0]);
}

static void stopwithjunk(void *g0) {
  struct kept junk;
  fill(&junk, 0xdead);
  leave(&junk, &((struct g *)g0)->m->caller, (void (*)(void *))gogo_);
}

static void keptAcrossRt0(void) {
  struct kept in, out;
  struct m *m = newm();
  for (uint64_t i = 0; i < ROUNDS; i++) {
    fill(&in, i);
    memset(&out, 0, sizeof out);
    keep(&in, &out, &m->caller, &m->g0.buf, stopwithjunk,
         (void (*)(void *, void *, void (*)(void *)))rt0_);
    requireKept(&in, &out);
  }
  setg_(NULL);
}

// How the processor rounds. None of it is a goroutine's own.

struct control {
  uint64_t a, b;
};

static struct control getcontrol(void) {
  struct control c = {0, 0};
#if defined(__x86_64__)
  uint32_t mxcsr;
  uint16_t cw;
  __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
  __asm__ volatile("fnstcw %0" : "=m"(cw));
  c.a = mxcsr & ~0x3fu;  // without the sticky flags
  c.b = cw;
#elif defined(__aarch64__)
  __asm__ volatile("mrs %0, fpcr" : "=r"(c.a));
#endif
  return c;
}

static void setcontrol(struct control c) {
#if defined(__x86_64__)
  uint32_t mxcsr = (uint32_t)c.a;
  uint16_t cw = (uint16_t)c.b;
  __asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
  __asm__ volatile("fldcw %0" : : "m"(cw));
#elif defined(__aarch64__)
  __asm__ volatile("msr fpcr, %0" : : "r"(c.a));
#endif
}

static struct control unusual(void) {
  struct control c = getcontrol();
#if defined(__x86_64__)
  c.a |= 0x6000;  // towards zero
  c.b = 0x077f;   // downwards
#elif defined(__aarch64__)
  c.a |= 3 << 22;  // towards zero
#endif
  return c;
}

static void controlbody(void) {
  struct control was = getcontrol(), odd = unusual();
  setcontrol(odd);
  for (int i = 0; i < 100; i++) bounce();
  struct control is = getcontrol();
  setcontrol(was);
  REQUIRE(is.a == odd.a && is.b == odd.b, "%#lx %#lx", (long)is.a, (long)is.b);
}

static void controlIsUnaffected(void) { onGoroutine(controlbody); }

// Walks.

enum { MAXFRAMES = 64 };
struct walk {
  uintptr_t pc[MAXFRAMES], fn[MAXFRAMES];
  int n;
};

static _Unwind_Reason_Code oneframe(struct _Unwind_Context *c, void *arg) {
  struct walk *w = arg;
  if (w->n == MAXFRAMES) return _URC_END_OF_STACK;
  w->pc[w->n] = _Unwind_GetIP(c);
  w->fn[w->n++] = _Unwind_GetRegionStart(c);
  return _URC_NO_REASON;
}

static __attribute__((noinline)) struct walk walk(void) {
  struct walk w = {.n = 0};
  _Unwind_Backtrace(oneframe, &w);
  return w;
}

// The frames of w end in the function at last, and it is there once.
static void requireEnd(const struct walk *w, uintptr_t last) {
  REQUIRE(w->n > 0 && w->n < MAXFRAMES, "the walk does not end");
  // Some unwinders report a last frame without a pc.
  int n = w->n;
  while (n > 1 && w->pc[n - 1] == 0) n--;
  REQUIRE(w->fn[n - 1] == last, "%d frames; the last is %#lx, not %#lx", n, (long)w->fn[n - 1], (long)last);
  for (int i = 0; i + 1 < n; i++) REQUIRE(w->fn[i] != last, "frame %d of %d is the last one already", i, n);
}

static int hasFrame(const struct walk *w, void *fn) {
  for (int i = 0; i < w->n; i++)
    if (w->fn[i] == (uintptr_t)fn) return 1;
  return 0;
}

// Return addresses along the frame pointers from fp.
static struct walk frames(uintptr_t fp) {
  struct walk w = {.n = 0};
  while (fp != 0 && w.n < MAXFRAMES) {
    const uintptr_t *record = (const uintptr_t *)fp;
    if (record[1] != 0) {
      w.pc[w.n] = record[1];
      w.fn[w.n++] = (uintptr_t)_Unwind_FindEnclosingFunction((void *)(record[1] - 1));
    }
    fp = record[0];
  }
  return w;
}

// The frame pointer of a goroutine that does not run.
static uintptr_t parkedfp(const struct g *g) {
#if defined(__x86_64__)
  return g->buf.rbp;
#elif defined(__aarch64__)
  return g->buf.x[10];
#endif
}

static void __attribute__((noinline)) deep(int n) {
  if (n > 0) {
    deep(n - 1);
  } else {
    struct walk w = walk();
    requireEnd(&w, gostart_address());
    REQUIRE(w.n >= 8, "%d frames", w.n);
    w = frames((uintptr_t)__builtin_frame_address(0));
    requireEnd(&w, gostart_address());
    REQUIRE(w.n >= 7, "%d frames", w.n);
    bounce();
  }
  __asm__ volatile("" ::: "memory");
}

static void deepbody(void) { deep(5); }
static void aBacktraceEndsAtGostart(void) { onGoroutine(deepbody); }

static void walkandfinish(void *arg) {
  (void)arg;
  struct walk w = walk();
  requireEnd(&w, gostart_address());
  finish();
}

// Even where something lies above it that looks like a return address.
static void nothingIsAboveGostart(void) {
  struct g *g = newg(walkandfinish, NULL, 16);
  uintptr_t *hi = (uintptr_t *)g->hi;
  hi[-1] = hi[0] = hi[1] = (uintptr_t)nothingIsAboveGostart + 1;
  runon(newm(), g);
}

// One that has not run yet has no frames to walk.
static void aFreshGoroutineHasNoFrames(void) {
  struct g *g = newg(walkandfinish, NULL, 0);
  REQUIRE(parkedfp(g) == 0, "frame pointer %#lx", (long)parkedfp(g));
}

static void walkg0(void *g) {
  struct walk w = walk();
  requireEnd(&w, (uintptr_t)mcall_);
  w = frames((uintptr_t)__builtin_frame_address(0));
  requireEnd(&w, (uintptr_t)mcall_);
  // And that of the goroutine, which is parked now.
  w = frames(parkedfp(g));
  requireEnd(&w, gostart_address());
  execute(((struct g *)g)->m, g);
}

static void walkg0body(void) { mcall_(&me()->buf, &me()->m->g0.buf, walkg0); }
static void g0BacktraceEndsAtMcall(void) { onGoroutine(walkg0body); }

static void walkrt0(void *g0) {
  struct walk w = walk();
  REQUIRE(w.n < MAXFRAMES, "the walk does not end");
  REQUIRE(hasFrame(&w, rt0_) && hasFrame(&w, *(void **)expected), "%d frames", w.n);
  stop(g0);
}

static void rt0BacktraceGoesOn(void) {
  struct m *m = newm();
  void *self = (void *)rt0BacktraceGoesOn;
  expected = (struct g *)&self;
  rt0_(&m->caller, &m->g0.buf, walkrt0);
  setg_(NULL);
}

// Nothing is left behind on g0, whose frames gogo_ never unwinds.

static void manybody(void) {
  for (int i = 0; i < 300000; i++) bounce();
}
static void manySwitches(void) { onGoroutine(manybody); }

static void manyGoroutines(void) {
  for (int i = 0; i < 2000; i++) onGoroutine(bounce);
}

// Ends in the depth of calls, each with something that a sanitizer fences off.
static void __attribute__((noinline)) finishdeep(int n) {
  char *buffer = __builtin_alloca((size_t)n + 10);
  __asm__ volatile("" : : "r"(buffer) : "memory");
  if (n == 0) finish();
  if (n > 0) finishdeep(n - 1);
  __asm__ volatile("" : : "r"(buffer) : "memory");
}

static void __attribute__((noinline)) finishwide(size_t size) {
  char *buffer = __builtin_alloca(size);
  memset(buffer, 0, size);
  __asm__ volatile("" : : "r"(buffer) : "memory");
  finish();
  __asm__ volatile("" : : "r"(buffer) : "memory");
}

static void deepend(void *arg) {
  if (arg == NULL) finishwide(2000);
  finishdeep((int)(intptr_t)arg);
}

static void oneStackForMany(void) {
  struct m *m = newm();
  struct g *g = newg(deepend, (void *)10, 0);
  for (intptr_t i = 0; i < 100000; i++) {
    gostartcall(&g->buf, g->hi, deepend, (void *)(i % 20));
    runon(m, g);
  }
}

static void nothing(void *arg) { (void)arg; }

static void trapped(int sig) { _exit(sig == SIGILL || sig == SIGTRAP ? 3 : 4); }

static void returningIsFatal(void) {
  pid_t pid = fork();
  if (pid == 0) {
    signal(SIGILL, trapped);
    signal(SIGTRAP, trapped);
    runon(newm(), newg(nothing, NULL, 0));
    _exit(0);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == 3, "a first function returned, and no trap followed");
}

// Asynchronous preemption.

static uint64_t features(void) {
  uint64_t f = 0;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2")) f |= HAS_AVX;
  if (__builtin_cpu_supports("avx512f")) f |= HAS_AVX512;
#endif
  return f;
}

static _Atomic uint64_t preemptions, migrations;
static _Atomic(struct g *) handover;
static _Atomic int over, running;
static _Atomic pthread_t runner;
static int migrating;
static unsigned char seen[1 << 14];  // by distance from the start of hot

static void onsignal(int32_t sig, void *info, void *context) {
  (void)sig;
  (void)info;
  uintptr_t pc = sigpc(context), sp = sigsp(context);
  if (pc < (uintptr_t)hot || pc >= (uintptr_t)hot_end) return;
  struct g *g = me();
  if (g == NULL || sp < g->lo + asyncpreempt_stack() || sp > g->hi) return;
  seen[pc - (uintptr_t)hot] = 1;
  sigpushcall(context, asyncpreempt_address());
}

#if defined(__aarch64__)
static void ontrap(int32_t sig, void *info, void *context) {
  (void)sig;
  (void)info;
  if (!asyncpreempt_fixup(context)) {
    static const char text[] = "a trap that is not asyncPreempt's\n";
    write_(1, text, sizeof text - 1);
    _exit(1);
  }
}
#endif

static void sethandlers(void) {
  setsig(SIG_URG, onsignal);
#if defined(__aarch64__)
  setsig(SIGTRAP, ontrap);
#endif
}

static void setm(struct m *m) {
  m->sigstack = malloc(SIGSTACK);
  setsigstack(m->sigstack, SIGSTACK, NULL);
}

// The i-th time round a loop that waits for another thread, which may need this
// processor for that.
static void relax(int i) {
  procyield(1);
  if (i % 64 == 63) osyield();
}

static void *sender(void *arg) {
  (void)arg;
  uint64_t x = 88172645463325252;
  while (!atomic_load(&over)) {
    uint64_t before = atomic_load(&preemptions);
    if (atomic_load(&running)) pthread_kill(atomic_load(&runner), SIGURG);
    for (int i = 0; i < 2000 && atomic_load(&preemptions) == before; i++) relax(i);
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    procyield((uint32_t)(x % 512));
  }
  return NULL;
}

// On g0, after the goroutine was stopped anywhere.
static void again(void *g) {
  clobber(features());
  execute(((struct g *)g)->m, g);
}

static void handoff(void *g);

static void preempted(void) {
  atomic_fetch_add(&preemptions, 1);
#if defined(__x86_64__)
  REQUIRE((__builtin_ia32_readeflags_u64() & 0x400) == 0, "strings would be copied backwards");
#endif
  clobber(features());
  mcall_(&me()->buf, &me()->m->g0.buf, migrating ? handoff : again);
}

static void fillhot(struct hot *h) {
  uint64_t x = 1, *w = (uint64_t *)h;
  memset(h, 0, sizeof *h);
  for (size_t i = 0; i < sizeof *h / 8; i++) w[i] = x = x * 6364136223846793005 + 1442695040888963407;
#if defined(__x86_64__)
  for (int i = 0; i < 8; i++) {
    memset(h->x87[i], 0, sizeof h->x87[i]);
    long double v = 3.25L * (i + 1);
    memcpy(h->x87[i], &v, 10);
    h->mask[i] &= 0xffff;
  }
  h->gpr[14] = h->gpr[15] = 0;
  uint64_t f = features();
  int words = f & HAS_AVX512 ? 8 : f & HAS_AVX ? 4 : 2;
  for (int i = 0; i < 32; i++)
    for (int j = words; j < 8; j++) h->vec[i][j] = 0;
#elif defined(__aarch64__)
  h->gpr[31] = 0x08000010;  // what saturated, and was inexact
#endif
}

static uint64_t minimum(void) {
  const char *s = getenv("SWITCHER_PREEMPTIONS");
  return s != NULL && *s != 0 ? strtoull(s, NULL, 10) : 10000;
}

static void hotbody(void) {
  uint64_t n = 1000, f = features();
  static struct hot want, is;
  struct control was = getcontrol(), odd = unusual();
  // A run of about 2 ms, undisturbed.
  for (int64_t took = 0; took < 2000000; n *= 2) {
    fillhot(&want);
    int64_t start = nanotime();
    setcontrol(odd);
    hot(&want, n * 2, f);
    setcontrol(was);
    took = nanotime() - start;
  }
  uint64_t runs = 0;
  atomic_store(&runner, pthread_self());
  atomic_store(&running, 1);
  // As many preemptions as were asked for, or as there is time for.
  int64_t start = nanotime();
  for (;;) {
    uint64_t p = atomic_load(&preemptions), m = atomic_load(&migrations);
    if (runs >= 20 && p >= minimum() && (!migrating || m >= minimum() / 4)) break;
    if (nanotime() - start > 10000000000 && runs >= 5 && p >= 200 && (!migrating || m >= 50)) break;
    fillhot(&is);
    setcontrol(odd);
    hot(&is, n, f);
    struct control c = getcontrol();
    setcontrol(was);
    runs++;
    REQUIRE(c.a == odd.a && c.b == odd.b, "control words %#lx %#lx", (long)c.a, (long)c.b);
    if (memcmp(&is, &want, sizeof is) == 0) continue;
    for (size_t i = 0; i < sizeof is / 8; i++)
      REQUIRE(((uint64_t *)&is)[i] == ((uint64_t *)&want)[i],
              "word %zu of struct hot, run %lu, after %lu preemptions", i, (long)runs,
              (long)atomic_load(&preemptions));
  }
  atomic_store(&running, 0);
  atomic_store(&over, 1);
  int places = 0;
  for (size_t i = 0; i < sizeof seen; i++) places += seen[i];
  snprintf(detail, sizeof detail, "%lu preemptions at %d places in %lu runs, %lu migrations",
           (long)atomic_load(&preemptions), places, (long)runs, (long)atomic_load(&migrations));
  REQUIRE(places >= 4, "%s", detail);
}

static void startAsync(void) {
  REQUIRE((uintptr_t)hot_end - (uintptr_t)hot <= sizeof seen);
  sethandlers();
  asyncpreempt_set(preempted);
}

static void asyncPreemptRestoresAll(void) {
  startAsync();
  struct m *m = newm();
  setm(m);
  pthread_t t;
  pthread_create(&t, NULL, sender, NULL);
  runon(m, newg(mainbody, (void *)hotbody, 0));
  pthread_join(t, NULL);
}

// Two threads pass one goroutine to and fro, at arbitrary instructions.

static struct m *lastm;

static void dispatch(struct m *m) {
  for (int i = 0; !atomic_load(&over); i++) {
    struct g *g = atomic_load(&handover);
    if (g == NULL) {
      relax(i);
      continue;
    }
    // Leave it to the other thread for a while.
    for (int j = 0; lastm == m && j < 2000 && atomic_load(&handover) == g; j++) relax(j);
    if (!atomic_compare_exchange_strong(&handover, &g, NULL)) continue;
    if (lastm != NULL && lastm != m) atomic_fetch_add(&migrations, 1);
    lastm = m;
    atomic_store(&runner, pthread_self());
    execute(m, g);
  }
  stop(&m->g0);
}

static void handoff(void *g) {
  struct m *m = ((struct g *)g)->m;
  clobber(features());
  atomic_store(&handover, g);
  dispatch(m);
}

static void dispatchrt0(void *g0) { dispatch(((struct g *)g0)->m); }

static void *thread(void *arg) {
  (void)arg;
  struct m *m = newm();
  setm(m);
  rt0_(&m->caller, &m->g0.buf, dispatchrt0);
  setg_(NULL);
  stack_t ss;
  sigset_t mask;
  sigaltstack(NULL, &ss);
  pthread_sigmask(SIG_SETMASK, NULL, &mask);
  REQUIRE(ss.ss_sp == m->sigstack && !(ss.ss_flags & SS_ONSTACK), "another thread's signal stack");
  REQUIRE(!sigismember(&mask, SIGURG) && !sigismember(&mask, SIGUSR1), "signals are still blocked");
  return NULL;
}

static void asyncPreemptMigrates(void) {
  migrating = 1;
  startAsync();
  atomic_store(&handover, newg(mainbody, (void *)hotbody, 0));
  pthread_t t[3];
  pthread_create(&t[0], NULL, thread, NULL);
  pthread_create(&t[1], NULL, thread, NULL);
  pthread_create(&t[2], NULL, sender, NULL);
  for (int i = 0; i < 3; i++) pthread_join(t[i], NULL);
}

// A walk from a preemption goes through the interrupted leaf, which has no frame
// and, on arm64, its return address still in a register. It is interrupted at its
// first instruction, by a fault: the instruction before is another function's.

static void *closed;
static int walked;

static void onfault(int32_t sig, void *info, void *context) {
  (void)sig;
  (void)info;
  REQUIRE(sigpc(context) == (uintptr_t)touch, "a fault at %#lx", (long)sigpc(context));
  mprotect(closed, 4096, PROT_READ);
  sigpushcall(context, asyncpreempt_address());
}

// Its frame can be found from its frame pointer only.
static void __attribute__((noinline)) touchbody(void) {
  char *some = __builtin_alloca((size_t)sysconf(_SC_PAGESIZE) / 64);
  __asm__ volatile("" : : "r"(some) : "memory");
  REQUIRE(touch(closed) == 0);
  __asm__ volatile("" : : "r"(some) : "memory");
}

static void walkpreempted(void) {
  struct walk w = walk();
  requireEnd(&w, gostart_address());
  int at = 0;
  while (at < w.n && w.pc[at] != (uintptr_t)touch) at++;
  REQUIRE(at > 0 && at < w.n, "the interrupted pc is not among %d frames", w.n);
  REQUIRE(w.fn[at - 1] == asyncpreempt_address());
  REQUIRE(w.fn[at] == (uintptr_t)touch, "the frame is in another function");
  REQUIRE(w.fn[at + 1] == (uintptr_t)touchbody, "its caller is skipped");
  w = frames((uintptr_t)__builtin_frame_address(0));
  requireEnd(&w, gostart_address());
  walked = 1;
}

static void aPreemptedLeafCanBeWalked(void) {
  closed = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  startAsync();
  setsig(SIG_SEGV, onfault);
  asyncpreempt_set(walkpreempted);
  struct m *m = newm();
  setm(m);
  runon(m, newg(mainbody, (void *)touchbody, 0));
  REQUIRE(walked);
}

static const struct {
  const char *name;
  void (*fn)(void);
  int unsanitized;  // not with a sanitizer's own signal handling in between
} checks[] = {
    {"a goroutine starts aligned, with its argument", aGoroutineStartsAligned, 0},
    {"mcall enters g0 aligned, with the goroutine", mcallEntersG0, 0},
    {"rt0 enters aligned, with g0", rt0Enters, 0},
    {"kept registers survive mcall and gogo", keptAcrossMcall, 0},
    {"kept registers survive rt0 and gogo", keptAcrossRt0, 0},
    {"rounding modes are unaffected", controlIsUnaffected, 0},
    {"a goroutine's backtrace ends at gostart", aBacktraceEndsAtGostart, 0},
    {"a backtrace ends there whatever lies above", nothingIsAboveGostart, 0},
    {"a fresh goroutine has no frames", aFreshGoroutineHasNoFrames, 0},
    {"a g0's backtrace ends at mcall", g0BacktraceEndsAtMcall, 0},
    {"rt0's backtrace goes on to its caller", rt0BacktraceGoesOn, 0},
    {"300,000 switches leave nothing behind", manySwitches, 0},
    {"2,000 goroutines leave nothing behind", manyGoroutines, 0},
    {"100,000 goroutines can share a stack", oneStackForMany, 0},
    {"a first function that returns is fatal", returningIsFatal, 1},
    {"a preempted leaf can be walked", aPreemptedLeafCanBeWalked, 1},
    {"asyncPreempt restores every register", asyncPreemptRestoresAll, 1},
    {"asyncPreempt may end on another thread", asyncPreemptMigrates, 1},
};

int main(int argc, char **argv) {
  int passed = 0, failed = 0, skipped = 0, known = argc < 2;
  for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
    if (argc > 1) {
      if (strcmp(argv[1], checks[i].name) != 0) continue;
      known = 1;
      checks[i].fn();
      printf("ok %s%s%s\n", checks[i].name, *detail ? ": " : "", detail);
      continue;
    }
    if (checks[i].unsanitized && fiber_sanitized()) {
      skipped++;
      continue;
    }
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
      alarm(120);
      checks[i].fn();
      printf("ok %s%s%s\n", checks[i].name, *detail ? ": " : "", detail);
      fflush(stdout);
      _exit(0);
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
      passed++;
      continue;
    }
    failed++;
    printf("not ok %s", checks[i].name);
    if (WIFSIGNALED(status)) printf(": %s", WTERMSIG(status) == SIGALRM ? "did not end in 120 s" : strsignal(WTERMSIG(status)));
    printf("\n");
  }
  if (!known) {
    fprintf(stderr, "switcher_test: no check is called \"%s\"; without a name, all run\n", argv[1]);
    return 2;
  }
  if (argc < 2) printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
  return failed != 0;
}
