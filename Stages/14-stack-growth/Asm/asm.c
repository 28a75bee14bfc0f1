// SPDX-License-Identifier: Apache-2.0
//
// The switcher's data, and what the sanitizers want to know of a switch.
#define _GNU_SOURCE
#include "asm.h"

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <ucontext.h>
#endif

// Initial-exec: one load and no call.
__thread void *tls_g __asm__(STRING(SYMBOL(tls_g))) __attribute__((tls_model("initial-exec")));

// Out of line and opaque, for getg_'s reason.
__attribute__((noinline)) void setg_(void *g) {
  __asm__ volatile("" ::: "memory");
  tls_g = g;
}

int traceflag;
static __thread void *trace_thread __attribute__((tls_model("initial-exec")));

// Out of line, for getg_'s reason.
__attribute__((noinline)) void **tracetls_(void) {
  __asm__ volatile("" ::: "memory");
  return &trace_thread;
}

static void badasyncpreempt(void) { __builtin_trap(); }
void (*asyncpreempt2)(void) __asm__(STRING(SYMBOL(asyncpreempt2))) = badasyncpreempt;
void asyncpreempt_set(void (*fn)(void)) { asyncpreempt2 = fn; }

void asyncPreempt(void) LINKNAME(asyncPreempt);
void gostart(void) LINKNAME(gostart);
uintptr_t asyncpreempt_address(void) { return (uintptr_t)asyncPreempt; }
uintptr_t gostart_address(void) { return (uintptr_t)gostart; }

#if defined(__x86_64__)
// The size of the extended state, for what the system has enabled, and which
// parts of it to save: all.
uint64_t xsave_size __asm__(STRING(SYMBOL(xsave_size))) = 4096;
uint64_t xsave_mask __asm__(STRING(SYMBOL(xsave_mask))) = 7;

__attribute__((constructor)) static void xsaveinit(void) {
  uint32_t a, b, c, d;
  if (!__get_cpuid_count(0xd, 0, &a, &b, &c, &d)) return;
  xsave_size = (b + 63) & ~63u;
  // Not PKRU (bit 9): protection keys belong to the thread.
  xsave_mask = (a | (uint64_t)d << 32) & ~(1ull << 9);
}

// The red zone, the registers, the alignment, the frames of asyncpreempt2.
size_t asyncpreempt_stack(void) { return 128 + 17 * 8 + 64 + xsave_size + 4096; }
#elif defined(__aarch64__)
// The two words, the registers, the flags, the frames of asyncpreempt2.
size_t asyncpreempt_stack(void) { return 16 + 32 * 8 + 32 * 16 + 32 + 4096; }

void asyncpreempt_resume(void) LINKNAME(asyncpreempt_resume);

int asyncpreempt_fixup(void *ucontext) {
  mcontext_t *mc = &((ucontext_t *)ucontext)->uc_mcontext;
  if (mc->pc != (uintptr_t)asyncpreempt_resume) return 0;
  const uintptr_t *words = (const uintptr_t *)mc->sp;
  mc->pc = words[0];
  mc->regs[30] = words[1];
  mc->sp += 16;
  return 1;
}
#endif

#ifdef SANITIZED
#include <stdlib.h>

int fiber_sanitized(void) { return 1; }

struct fiber {
  int own;         // the thread's own stack: g0's
  uintptr_t lo, hi;
  // AddressSanitizer:
  uintptr_t sp;    // when it was last left
  void *fake;      // its shadow of this stack, while off it
  unsigned lives;  // goroutines that have begun here
  // ThreadSanitizer:
  void *tsan;
  uintptr_t base;  // its stack of calls, before those that never return
};

#if __has_feature(thread_sanitizer)
void *__tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void *fiber);
void *__tsan_get_current_fiber(void);
void __tsan_switch_to_fiber(void *fiber, unsigned flags);
void __tsan_func_entry(void *pc);
void __tsan_func_exit(void);
void tsangrow_stack(uintptr_t lo, uintptr_t hi) LINKNAME(tsangrow_stack);

// ThreadSanitizer keeps a stack of calls per fiber, of fixed size. Frames that a
// switch leaves for ever, which is how every visit to g0 ends, stay on it. No
// function takes them off, so find the word that a call raises and a return
// lowers: the stack's top.
enum { SEARCHED = 16 };
static int top = -1;

__attribute__((constructor, disable_sanitizer_instrumentation)) static void findtop(void) {
  volatile uintptr_t *state = __tsan_get_current_fiber();
  uintptr_t before[SEARCHED], in[SEARCHED];
  for (int i = 0; i < SEARCHED; i++) before[i] = state[i];
  __tsan_func_entry((void *)findtop);
  for (int i = 0; i < SEARCHED; i++) in[i] = state[i];
  __tsan_func_exit();
  int n = 0;
  for (int i = 0; i < SEARCHED; i++) {
    if (in[i] != before[i] + sizeof(uintptr_t) || state[i] != before[i]) continue;
    top = i;
    n++;
  }
  if (n != 1) top = -1;
}

static inline uintptr_t *fibertop(struct fiber *f) { return (uintptr_t *)f->tsan + top; }

// To the compiler, passing sched[].runq inout is writing to all of sched[], and
// other Ms meanwhile use other fields of it, as they may. `make tsan` links this in
// place of __tsan_external_write, which the compiler calls to say so.
__attribute__((weak, disable_sanitizer_instrumentation)) void __wrap___tsan_external_write(
    void *address, void *pc, void *tag) {
  (void)address;
  (void)pc;
  (void)tag;
}
#endif
#if __has_feature(address_sanitizer)
#include <pthread.h>
void __asan_unpoison_memory_region(const void *addr, size_t size);
void __sanitizer_start_switch_fiber(void **save, const void *lo, size_t size);
void __sanitizer_finish_switch_fiber(void *fake, const void **lo, size_t *size);
#endif

void *fiber_create(uintptr_t lo, uintptr_t hi) {
  struct fiber *f = calloc(1, sizeof *f);
  if (f == NULL) abort();
  f->own = lo == 0;
  f->lo = lo;
  f->hi = hi;
#if __has_feature(thread_sanitizer)
  f->tsan = f->own ? __tsan_get_current_fiber() : __tsan_create_fiber(0);
  if (!f->own && top >= 0) f->base = *fibertop(f);
#endif
#if __has_feature(address_sanitizer)
  if (f->own) {
    pthread_attr_t attr;
    void *addr;
    size_t size;
    pthread_getattr_np(pthread_self(), &attr);
    pthread_attr_getstack(&attr, &addr, &size);
    pthread_attr_destroy(&attr);
    f->lo = (uintptr_t)addr;
    f->hi = f->lo + size;
  }
#endif
  return f;
}

#if __has_feature(address_sanitizer)
// Only who is on a stack can drop its shadow, by leaving it without saving: so go
// there, and back.
__attribute__((disable_sanitizer_instrumentation)) static void dropfake(struct fiber *f) {
  if (f->fake == NULL) return;
  void *mine;
  const void *lo;
  size_t size;
  __sanitizer_start_switch_fiber(&mine, (const void *)f->lo, f->hi - f->lo);
  __sanitizer_finish_switch_fiber(f->fake, &lo, &size);
  __sanitizer_start_switch_fiber(NULL, lo, size);
  __sanitizer_finish_switch_fiber(mine, NULL, NULL);
  f->fake = NULL;
}
#endif

// Called by gostartcall: forgets the frames in which the last goroutine on this
// stack ended, or was abandoned.
void fiber_reset(void *fiber) LINKNAME(fiber_reset);
__attribute__((disable_sanitizer_instrumentation)) void fiber_reset(void *fiber) {
  struct fiber *f = fiber;
  if (f == NULL) return;
#if __has_feature(thread_sanitizer)
  if (top >= 0) *fibertop(f) = f->base;
#endif
#if __has_feature(address_sanitizer)
  if (f->sp >= f->lo && f->sp < f->hi)
    __asan_unpoison_memory_region((const void *)f->sp, f->hi - f->sp);
  // Frames that are left for ever stay in the shadow, and it is costly to make.
  if (++f->lives % 16 == 0) dropfake(f);
#endif
}

void fiber_destroy(void *fiber) {
  struct fiber *f = fiber;
  if (f == NULL) return;
  if (!f->own) {
    fiber_reset(f);
#if __has_feature(thread_sanitizer)
    __tsan_destroy_fiber(f->tsan);
#endif
#if __has_feature(address_sanitizer)
    dropfake(f);
#endif
  }
  free(f);
}

// Called immediately before the stack changes.
void fiber_switch(void *to) LINKNAME(fiber_switch);
// Not instrumented at all: a note of entering would go to one fiber, that of
// leaving to another.
__attribute__((disable_sanitizer_instrumentation)) void fiber_switch(void *to) {
  struct fiber *f = to;
  if (f == NULL) return;
  struct gobuf *from = tls_g;
  struct fiber *was = from->fiber;
#if __has_feature(thread_sanitizer)
  // The first time that g0 is left, and each time that it is come back to.
  if (was->own && was->base == 0 && top >= 0) was->base = *fibertop(was);
  if (f->own && f->base != 0) *fibertop(f) = f->base;
  tsangrow_stack(f->own ? 0 : f->lo, f->own ? 0 : f->hi);
  // Flags 0: what this thread did before the switch happens before what it does
  // after. Between threads, the runtime's own locks and atomics are checked.
  __tsan_switch_to_fiber(f->tsan, 0);
#endif
#if __has_feature(address_sanitizer)
  was->sp = from->sp;
  // Start and finish at once: between here and the jump nothing is instrumented.
  __sanitizer_start_switch_fiber(&was->fake, (const void *)f->lo, f->hi - f->lo);
  __sanitizer_finish_switch_fiber(f->fake, NULL, NULL);
#endif
}
#else
int fiber_sanitized(void) { return 0; }

// To a processor this does nothing. valgrind takes it for a request: [lo, hi) is a stack,
// so that to go there is no huge frame, and frames are to be found on it.
static void registerstack(uintptr_t lo, uintptr_t hi) {
#if defined(__x86_64__)
  enum { STACK_REGISTER = 0x1501 };
  uintptr_t request[6] = {STACK_REGISTER, lo, hi}, answer = 0;
  __asm__ volatile("rolq $3, %%rdi\n\t"
                   "rolq $13, %%rdi\n\t"
                   "rolq $61, %%rdi\n\t"
                   "rolq $51, %%rdi\n\t"
                   "xchgq %%rbx, %%rbx"
                   : "+d"(answer)
                   : "a"(request)
                   : "cc", "memory");
#else
  (void)lo;
  (void)hi;
#endif
}

void *fiber_create(uintptr_t lo, uintptr_t hi) {
  if (lo != 0) registerstack(lo, hi);
  return NULL;
}
void fiber_destroy(void *fiber) { (void)fiber; }
#endif
