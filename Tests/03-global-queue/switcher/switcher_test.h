// SPDX-License-Identifier: Apache-2.0
//
// switcher_test.h: what the files of the switcher's test share.
#ifndef SWITCHER_TEST_H
#define SWITCHER_TEST_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "asm.h"

// How a check says what it found.

extern char detail[256];

#define REQUIRE(condition, ...)                                        \
  do {                                                                 \
    if (condition) break;                                              \
    printf("%s:%d: not so: %s;", __FILE_NAME__, __LINE__, #condition);  \
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

enum { STACK = 256 << 10 };

struct g *me(void);
struct m *newm(void);
struct g *newg(void (*fn)(void *), void *arg, size_t below);
void freeg(struct g *g);
/// On g0: continue g.
void execute(struct m *m, struct g *g);
/// Leaves the scheduler: back to the caller of rt0_.
void stop(void *g);
/// Runs g on a new m until something calls stop.
void runon(struct m *m, struct g *g);
void finish(void);
/// The first function of a goroutine whose argument is its body.
void mainbody(void *arg);

// How the processor rounds.

struct control {
  uint64_t a, b;
};

struct control getcontrol(void);
void setcontrol(struct control c);
struct control unusual(void);

// Walks.

enum { MAXFRAMES = 64 };
struct walk {
  uintptr_t pc[MAXFRAMES], fn[MAXFRAMES];
  int n;
};

struct walk walk(void);
/// The frames of w end in the function at last, and it is there once.
void requireEnd(const struct walk *w, uintptr_t last);
/// Return addresses along the frame pointers from fp.
struct walk frames(uintptr_t fp);

// Checks.

struct check {
  const char *name;
  void (*fn)(void);
  int unsanitized;  // not with a sanitizer's own signal handling in between
};

/// Those of switcher_test_preempt.c, where there is one.
extern const struct check preempt_checks[] __attribute__((weak));
extern const size_t preempt_nchecks __attribute__((weak));
#endif
