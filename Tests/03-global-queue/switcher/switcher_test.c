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
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unwind.h>

#include "CLinux.h"
#include "asm.h"
#include "probe.h"
#include "switcher_test.h"

// The first frame of every goroutine.
extern void gostart_(void) LINKNAME(gostart);

char detail[256];

struct g *me(void) { return getg_(); }

struct m *newm(void) {
  struct m *m = calloc(1, sizeof *m);
  m->g0.m = m;
  m->g0.buf.fiber = fiber_create(0, 0);
  return m;
}

struct g *newg(void (*fn)(void *), void *arg, size_t below) {
  struct g *g = calloc(1, sizeof *g);
  g->lo = (uintptr_t)mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE((void *)g->lo != MAP_FAILED, "out of memory");
  g->hi = g->lo + STACK - below;
  memset(&g->buf, 0xee, sizeof g->buf);
  g->buf.fiber = fiber_create(g->lo, g->hi);
  gostartcall(&g->buf, g->hi, fn, arg);
  return g;
}

void freeg(struct g *g) {
  fiber_destroy(g->buf.fiber);
  munmap((void *)g->lo, STACK);
  free(g);
}

// On g0: continue g.
void execute(struct m *m, struct g *g) {
  g->m = m;
  gogo_(&g->buf);
}

static void executefirst(void *g0) { execute(((struct g *)g0)->m, ((struct g *)g0)->m->first); }

// Leaves the scheduler: back to the caller of rt0_.
void stop(void *g) { gogo_(&((struct g *)g)->m->caller); }

// Runs g on a new m until something calls stop.
void runon(struct m *m, struct g *g) {
  m->first = g;
  rt0_(&m->caller, &m->g0.buf, executefirst);
  setg_(NULL);
}

void finish(void) { mcall_(&me()->buf, &me()->m->g0.buf, stop); }

static void yieldback(void *g) { execute(((struct g *)g)->m, g); }

// mcall_ to a function that at once continues the same goroutine.
static void bounce(void) { mcall_(&me()->buf, &me()->m->g0.buf, yieldback); }

void mainbody(void *arg) {
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

struct control getcontrol(void) {
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

void setcontrol(struct control c) {
#if defined(__x86_64__)
  uint32_t mxcsr = (uint32_t)c.a;
  uint16_t cw = (uint16_t)c.b;
  __asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
  __asm__ volatile("fldcw %0" : : "m"(cw));
#elif defined(__aarch64__)
  __asm__ volatile("msr fpcr, %0" : : "r"(c.a));
#endif
}

struct control unusual(void) {
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

static _Unwind_Reason_Code oneframe(struct _Unwind_Context *c, void *arg) {
  struct walk *w = arg;
  if (w->n == MAXFRAMES) return _URC_END_OF_STACK;
  w->pc[w->n] = _Unwind_GetIP(c);
  w->fn[w->n++] = _Unwind_GetRegionStart(c);
  return _URC_NO_REASON;
}

__attribute__((noinline)) struct walk walk(void) {
  struct walk w = {.n = 0};
  _Unwind_Backtrace(oneframe, &w);
  return w;
}

// The frames of w end in the function at last, and it is there once.
void requireEnd(const struct walk *w, uintptr_t last) {
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
struct walk frames(uintptr_t fp) {
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
    requireEnd(&w, (uintptr_t)gostart_);
    REQUIRE(w.n >= 8, "%d frames", w.n);
    w = frames((uintptr_t)__builtin_frame_address(0));
    requireEnd(&w, (uintptr_t)gostart_);
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
  requireEnd(&w, (uintptr_t)gostart_);
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
  requireEnd(&w, (uintptr_t)gostart_);
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

static const struct check checks[] = {
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
};

static int known, passed, failed, skipped;

// Runs the check whose name is only; all, if only is NULL.
static void run(const struct check *checks, size_t n, const char *only) {
  for (size_t i = 0; i < n; i++) {
    if (only != NULL) {
      if (strcmp(only, checks[i].name) != 0) continue;
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
}

int main(int argc, char **argv) {
  const char *only = argc > 1 ? argv[1] : NULL;
  known = only == NULL;
  run(checks, sizeof checks / sizeof *checks, only);
  // Where there is a switcher_test_preempt.c.
  if (preempt_checks != NULL) run(preempt_checks, preempt_nchecks, only);
  if (!known) {
    fprintf(stderr, "switcher_test: no check is called \"%s\"; without a name, all run\n", only);
    return 2;
  }
  if (only == NULL) printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
  return failed != 0;
}
