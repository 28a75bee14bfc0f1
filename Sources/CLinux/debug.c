// SPDX-License-Identifier: Apache-2.0
//
// The table that Sources/debug reads, from a process or from a core file: what a
// runtime says of itself, line by line. A line without a name ends it. And where to stop.
#include "CLinux.h"

enum { DEBUGLINES = 192 };

struct debugline {
  const char *group, *name;
  uint64_t value, size;
};

/// Found by its name, so neither static nor of another type.
extern struct debugline debugtable[DEBUGLINES] LINK(debugtable);
struct debugline debugtable[DEBUGLINES];

void debugput(const char *group, const char *name, uint64_t value, uint64_t size) {
  static int n;
  if (n == DEBUGLINES - 1) __builtin_trap();
  debugtable[n++] = (struct debugline){group, name, value, size};
}

__attribute__((noinline)) void debugfault(void) { __asm__ volatile(""); }
