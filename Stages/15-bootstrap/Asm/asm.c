// SPDX-License-Identifier: Apache-2.0
//
// The switcher's data, and what the sanitizers want to know of a switch.
#include "asm.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

// Initial-exec: one load and no call, and right in a signal handler.
__thread void *tls_g __asm__(STRING(SYMBOL(tls_g))) __attribute__((tls_model("initial-exec")));

// Out of line and opaque, for getg_'s reason.
__attribute__((noinline)) void setg_(void *g) {
  __asm__ volatile("" ::: "memory");
  tls_g = g;
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
size_t asyncpreempt_stack(void) { return 16 + 32 * 8 + 32 * 16 + 32 + 4096; }
#endif

#ifdef SANITIZED
#include <stdlib.h>

struct fiber {
  void *tsan;
  void *fake;      // AddressSanitizer's shadow of this stack, while off it
  const void *lo;
  size_t size;
};

#if __has_feature(thread_sanitizer)
void *__tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void *fiber);
void *__tsan_get_current_fiber(void);
void __tsan_switch_to_fiber(void *fiber, unsigned flags);
#endif
#if __has_feature(address_sanitizer)
#include <pthread.h>
void __sanitizer_start_switch_fiber(void **save, const void *lo, size_t size);
void __sanitizer_finish_switch_fiber(void *fake, const void **lo, size_t *size);
#endif

void *fiber_create(uintptr_t lo, uintptr_t hi) {
  struct fiber *f = calloc(1, sizeof *f);
  if (f == NULL) abort();
  f->lo = (const void *)lo;
  f->size = hi - lo;
#if __has_feature(thread_sanitizer)
  f->tsan = lo != 0 ? __tsan_create_fiber(0) : __tsan_get_current_fiber();
#endif
#if __has_feature(address_sanitizer)
  if (lo == 0) {
    pthread_attr_t attr;
    void *addr;
    size_t size;
    pthread_getattr_np(pthread_self(), &attr);
    pthread_attr_getstack(&attr, &addr, &size);
    pthread_attr_destroy(&attr);
    f->lo = addr;
    f->size = size;
  }
#endif
  return f;
}

void fiber_destroy(void *fiber) {
  struct fiber *f = fiber;
  if (f == NULL) return;
#if __has_feature(thread_sanitizer)
  __tsan_destroy_fiber(f->tsan);
#endif
  free(f);
}

// Called by gogo_ and mcall_ immediately before the stack changes.
void fiber_switch(void *to) LINKNAME(fiber_switch);
__attribute__((no_sanitize("address", "thread"))) void fiber_switch(void *to) {
  struct fiber *f = to;
  if (f == NULL) return;
#if __has_feature(thread_sanitizer)
  // Flag 1: no happens-before edge. The runtime's own locks and atomics make
  // them, and the sanitizer is to check just that.
  __tsan_switch_to_fiber(f->tsan, 1);
#endif
#if __has_feature(address_sanitizer)
  // Start and finish at once: between here and the jump nothing is instrumented.
  struct gobuf *from = tls_g;
  struct fiber *was = from->fiber;
  __sanitizer_start_switch_fiber(&was->fake, f->lo, f->size);
  __sanitizer_finish_switch_fiber(f->fake, NULL, NULL);
#endif
}
#else
void *fiber_create(uintptr_t lo, uintptr_t hi) {
  (void)lo;
  (void)hi;
  return NULL;
}
void fiber_destroy(void *fiber) { (void)fiber; }
#endif
