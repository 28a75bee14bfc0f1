// SPDX-License-Identifier: Apache-2.0
//
// asyncPreempt by itself: goroutines interrupted at any instruction.
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "CLinux.h"
#include "probe_preempt.h"
#include "switcher_test.h"

#if defined(__x86_64__)
_Static_assert(offsetof(struct hot, zone) == HOT_ZONE, "probe_preempt.h");
_Static_assert(offsetof(struct hot, x87) == HOT_X87, "probe_preempt.h");
_Static_assert(offsetof(struct hot, vec) == HOT_VEC, "probe_preempt.h");
_Static_assert(offsetof(struct hot, mask) == HOT_MASK, "probe_preempt.h");
#elif defined(__aarch64__)
_Static_assert(offsetof(struct hot, vec) == HOT_VEC, "probe_preempt.h");
#endif

enum { SIGSTACK = 256 << 10 };

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

const struct check preempt_checks[] = {
    {"a preempted leaf can be walked", aPreemptedLeafCanBeWalked, 1},
    {"asyncPreempt restores every register", asyncPreemptRestoresAll, 1},
    {"asyncPreempt may end on another thread", asyncPreemptMigrates, 1},
};
const size_t preempt_nchecks = sizeof preempt_checks / sizeof *preempt_checks;
