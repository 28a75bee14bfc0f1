// SPDX-License-Identifier: Apache-2.0
//
// The guard of a thread. pthread_self is the address of %fs:0.
#include "morestack.h"

#include <pthread.h>
#include <stdint.h>

enum { GUARD = 0x70 };

void *guardaddress(void) { return (char *)pthread_self() + GUARD; }

void guardpoison(void *guard) {
  __atomic_store_n((uintptr_t *)guard, UINTPTR_MAX, __ATOMIC_RELAXED);
}

void guardclear(void *guard) { __atomic_store_n((uintptr_t *)guard, 0, __ATOMIC_RELAXED); }
