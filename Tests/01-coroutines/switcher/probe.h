// SPDX-License-Identifier: Apache-2.0
//
// probe.h: what the switcher's test and its assembly both need to know.
#ifndef PROBE_H
#define PROBE_H

#ifndef __ASSEMBLER__
#include <stdint.h>

/// The registers that a call preserves.
#if defined(__x86_64__)
enum { NKEPT = 6 };   // rbx, rbp, r12-r15
#elif defined(__aarch64__)
enum { NKEPT = 19 };  // x19-x29, then the low halves of d8-d15
#endif
struct kept {
  uint64_t r[NKEPT];
};

/// Where record was entered: sp, first argument, frame pointer; then where it
/// goes on.
extern struct {
  uintptr_t sp, arg, fp;
  void (*next)(void *);
} recorded __attribute__((visibility("hidden")));

/// A function for a switcher to call: notes how it was called, then is next.
void record(void *arg);
/// Loads the kept registers from in, calls switcher(save, g0, fn), stores them to out.
void keep(const struct kept *in, struct kept *out, void *save, void *g0, void (*fn)(void *),
          void (*switcher)(void *, void *, void (*)(void *)));
/// Loads in into the kept registers and becomes gogo(buf).
void leave(const struct kept *in, void *buf, void (*gogo)(void *)) __attribute__((noreturn));
#endif
#endif
