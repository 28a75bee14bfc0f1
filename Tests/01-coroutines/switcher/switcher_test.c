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

// The first frame of every goroutine.
extern void gostart_(void) LINKNAME(gostart);

#define REQUIRE(condition, ...)                                        \
  do {                                                                 \
    if (condition) break;                                              \
    printf("%s:%d: not so: %s;", __FILE_NAME__, __LINE__, #condition);  \
    printf(" " __VA_ARGS__);                                           \
    printf("\n");                                                      \
    fflush(stdout);                                                    \
    _exit(1);                                                          \
  } while (0)

// The smallest runtime: goroutines, and what was on the thread before them.

struct g {
  struct gobuf buf;  // first: what getg_ returns is the address of a g
  uintptr_t lo, hi;
};

enum { STACK = 256 << 10 };

static struct g caller;

static struct g *me(void) { return getg_(); }

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

// Runs g until something calls finish.
static void rung(struct g *g) {
  if (caller.buf.fiber == NULL) caller.buf.fiber = fiber_create(0, 0);
  setg_(&caller);
  swtch_(&caller.buf, &g->buf);
  REQUIRE(me() == &caller, "getg is %p", (void *)me());
  setg_(NULL);
}

// Goes back to rung's caller.
static void finish(void) { swtch_(&me()->buf, &caller.buf); }

// Another goroutine, and back.
static struct g *other;

static void backforever(void *to) {
  while (1) swtch_(&me()->buf, &((struct g *)to)->buf);
}

static void bounce(void) {
  if (other == NULL) other = newg(backforever, me(), 0);
  swtch_(&me()->buf, &other->buf);
}

static void mainbody(void *arg) {
  ((void (*)(void))arg)();
  finish();
}

// Runs body on a goroutine.
static void onGoroutine(void (*body)(void)) {
  struct g *g = newg(mainbody, (void *)body, 0);
  rung(g);
  if (other != NULL) freeg(other);
  other = NULL;
  freeg(g);
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
    recorded.next = entered;
    expected = newg(record, &expected, below[i]);
    rung(expected);
    freeg(expected);
  }
}

static void returnsbody(void) {
  struct g *self = me();
  uintptr_t first = 0;
  for (int i = 0; i < 100; i++) {
    char here;
    bounce();
    REQUIRE(me() == self, "getg is %p after swtch_", (void *)me());
    if (i == 0) first = (uintptr_t)&here;
    REQUIRE((uintptr_t)&here == first, "the stack creeps");
    swtch_(&self->buf, &self->buf);
    REQUIRE(me() == self, "getg is %p after swtch_ to itself", (void *)me());
  }
}

static void swtchReturns(void) { onGoroutine(returnsbody); }

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

static void keepbody(void *arg) {
  struct kept in, out;
  struct g *next = pair[arg == &pair[0]];
  for (uint64_t i = 0; i < ROUNDS; i++) {
    fill(&in, i << 1 | (arg == &pair[0]));
    memset(&out, 0, sizeof out);
    keep(&in, &out, &me()->buf, &next->buf, NULL,
         (void (*)(void *, void *, void (*)(void *)))(void *)swtch_);
    requireKept(&in, &out);
  }
  finish();
}

static void keptAcrossSwtch(void) {
  pair[0] = newg(keepbody, &pair[0], 0);
  pair[1] = newg(keepbody, &pair[1], 0);
  rung(pair[0]);
}

// And those of the thread's own stack.
static void keptByTheCaller(void) {
  struct kept in, out;
  struct g *g = newg(backforever, &caller, 0);
  caller.buf.fiber = fiber_create(0, 0);
  setg_(&caller);
  for (uint64_t i = 0; i < ROUNDS; i++) {
    fill(&in, i);
    memset(&out, 0, sizeof out);
    keep(&in, &out, &caller.buf, &g->buf, NULL,
         (void (*)(void *, void *, void (*)(void *)))(void *)swtch_);
    requireKept(&in, &out);
  }
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
  rung(g);
}

// One that has not run yet has no frames to walk.
static void aFreshGoroutineHasNoFrames(void) {
  struct g *g = newg(walkandfinish, NULL, 0);
  REQUIRE(parkedfp(g) == 0, "frame pointer %#lx", (long)parkedfp(g));
}

// Nothing is left behind.

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
  struct g *g = newg(deepend, (void *)10, 0);
  for (intptr_t i = 0; i < 100000; i++) {
    gostartcall(&g->buf, g->hi, deepend, (void *)(i % 20));
    rung(g);
  }
}

static void nothing(void *arg) { (void)arg; }

static void trapped(int sig) { _exit(sig == SIGILL || sig == SIGTRAP ? 3 : 4); }

static void returningIsFatal(void) {
  pid_t pid = fork();
  if (pid == 0) {
    signal(SIGILL, trapped);
    signal(SIGTRAP, trapped);
    rung(newg(nothing, NULL, 0));
    _exit(0);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == 3, "a first function returned, and no trap followed");
}

struct check {
  const char *name;
  void (*fn)(void);
  int unsanitized;  // not with a sanitizer's own signal handling in between
};

static const struct check checks[] = {
    {"a goroutine starts aligned, with its argument", aGoroutineStartsAligned, 0},
    {"swtch returns, on the same stack", swtchReturns, 0},
    {"kept registers survive swtch", keptAcrossSwtch, 0},
    {"kept registers of the thread's own stack survive it", keptByTheCaller, 0},
    {"rounding modes are unaffected", controlIsUnaffected, 0},
    {"a goroutine's backtrace ends at gostart", aBacktraceEndsAtGostart, 0},
    {"a backtrace ends there whatever lies above", nothingIsAboveGostart, 0},
    {"a fresh goroutine has no frames", aFreshGoroutineHasNoFrames, 0},
    {"300,000 switches leave nothing behind", manySwitches, 0},
    {"2,000 goroutines leave nothing behind", manyGoroutines, 0},
    {"100,000 goroutines can share a stack", oneStackForMany, 0},
    {"a first function that returns is fatal", returningIsFatal, 1},
};

static int known, passed, failed, skipped;

// Runs the check whose name is only; all, if only is NULL.
static void run(const char *only) {
  for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
    if (only != NULL) {
      if (strcmp(only, checks[i].name) != 0) continue;
      known = 1;
      checks[i].fn();
      printf("ok %s\n", checks[i].name);
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
      printf("ok %s\n", checks[i].name);
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
  run(only);
  if (!known) {
    fprintf(stderr, "switcher_test: no check is called \"%s\"; without a name, all run\n", only);
    return 2;
  }
  if (only == NULL) printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
  return failed != 0;
}
