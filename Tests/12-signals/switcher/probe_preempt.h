// SPDX-License-Identifier: Apache-2.0
//
// probe_preempt.h: what the test of asyncPreempt and its assembly both need to know.
#ifndef PROBE_PREEMPT_H
#define PROBE_PREEMPT_H

// Byte offsets, checked in switcher_test_preempt.c.
#if defined(__x86_64__)
#define HOT_GPR 0
#define HOT_ZONE 128
#define HOT_X87 256
#define HOT_VEC 384
#define HOT_MASK 2432
#elif defined(__aarch64__)
#define HOT_GPR 0
#define HOT_VEC 256
#endif

// What hot may use of the machine.
#define HAS_AVX 1
#define HAS_AVX512 2

#ifndef __ASSEMBLER__
#include <stdint.h>

/// Every register that code can have something in.
#if defined(__x86_64__)
struct hot {
  uint64_t gpr[16];      // rax, rbx, rdx, rsi, rdi, rbp, r8-r15; [14]: carry; [15]: direction
  uint64_t zone[16];     // the 128 bytes below rsp
  uint8_t x87[8][16];
  uint64_t vec[32][8];   // zmm0-zmm31, or as much as there is of them
  uint64_t mask[8];      // k0-k7
};
#elif defined(__aarch64__)
struct hot {
  uint64_t gpr[32];      // x1-x30; [30]: nzcv; [31]: fpsr
  uint64_t vec[32][2];   // q0-q31
};
#endif

/// Loads every register from h, mixes them n times, stores them back. A leaf.
void hot(struct hot *h, uint64_t n, uint64_t features);
extern const char hot_end[];
/// Reads *p, in the first instruction of a leaf without a frame.
int touch(const void *p);
/// Overwrites whatever a call does not preserve.
void clobber(uint64_t features);
#endif
#endif
