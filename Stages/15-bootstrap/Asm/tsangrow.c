// SPDX-License-Identifier: Apache-2.0
//
// ThreadSanitizer, and stacks that grow.
//
// Its functions hold locks that the handler of the fault would need, so they must not fault.
// Every function that it instruments makes sure of FIBER_SLACK bytes when it begins.
#define _GNU_SOURCE
#include "asm.h"

#ifdef SANITIZED
#if __has_feature(thread_sanitizer)
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

// The goroutine's stack that this thread is on, and from where on it may be used for
// certain; none on g0. One for all stages, since so is what follows.
__attribute__((weak, tls_model("initial-exec"))) __thread struct {
  uintptr_t lo, hi, soft;
} tsanstack;

// Called where the stack changes to [lo, hi).
void tsangrow_stack(uintptr_t lo, uintptr_t hi) LINKNAME(tsangrow_stack);
__attribute__((disable_sanitizer_instrumentation)) void tsangrow_stack(
    uintptr_t lo, uintptr_t hi) {
  tsanstack.lo = lo;
  tsanstack.hi = tsanstack.soft = hi;
}

// ThreadSanitizer calls the program's handlers late, on whatever stack, with all
// signals blocked: a fault would then end the process.
__attribute__((disable_sanitizer_instrumentation)) static int mayfault(void) {
  uint64_t blocked = 0;
  syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &blocked, sizeof blocked);
  return (blocked & 1ull << (SIGSEGV - 1)) == 0;
}

// `make tsan` links this in place of __tsan_func_entry, which every function calls
// first: makes the stack grow while that is still possible.
void __real___tsan_func_entry(void *pc) __attribute__((weak));
__attribute__((weak, disable_sanitizer_instrumentation)) void __wrap___tsan_func_entry(
    void *pc) {
  uintptr_t sp = (uintptr_t)__builtin_frame_address(0), low = sp - FIBER_SLACK;
  if (low < tsanstack.soft && low >= tsanstack.lo && sp < tsanstack.hi && mayfault()) {
    (void)*(volatile char *)low;
    // The guard, where it is next, begins at a page: all of this one may be used.
    tsanstack.soft = low & ~(uintptr_t)4095;
  }
  __real___tsan_func_entry(pc);
}
#endif
#endif
