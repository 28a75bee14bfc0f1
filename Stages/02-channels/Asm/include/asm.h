// SPDX-License-Identifier: Apache-2.0
//
// asm.h: what Swift and the assembler both need to know about a gobuf.
#ifndef ASM_H
#define ASM_H

// The stage's name, prefixed to every link symbol in this directory.
#define STAGE stage02

#define JOIN_(stage, name) stage##_##name
#define JOIN(stage, name) JOIN_(stage, name)
#define SYMBOL(name) JOIN(STAGE, name)

// Byte offsets into struct gobuf, checked by the _Static_asserts below. A gobuf
// is the first field of a G, so the address of a G is the address of its gobuf.
#if defined(__x86_64__)
#define GOBUF_SP 0
#define GOBUF_RBP 8
#define GOBUF_RBX 16
#define GOBUF_R12 24
#define GOBUF_R13 32
#define GOBUF_R14 40
#define GOBUF_R15 48
#define GOBUF_FIBER 56
#elif defined(__aarch64__)
#define GOBUF_SP 0
#define GOBUF_LR 8
#define GOBUF_X19 16
#define GOBUF_D8 104
#define GOBUF_FIBER 168
#endif

// Whether a sanitizer must be told of every change of stack.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

#if defined(__ASSEMBLER__) && defined(__aarch64__)
#if defined(__ELF__)
#define THREAD tpidr_el0
#define TLS_PAGE(symbol) :gottprel:symbol
#define TLS_LOW(symbol) :gottprel_lo12:symbol
#else
// Mach-O: tls_g is a word, which holds the offset of a slot of the thread's own.
#define THREAD tpidrro_el0
#define TLS_PAGE(symbol) symbol@PAGE
#define TLS_LOW(symbol) symbol@PAGEOFF
#endif
#endif

#if defined(__ASSEMBLER__) && !defined(__ELF__)
// What Mach-O's assembler does not know.
        .macro  .type symbol, kind
        .endm
        .macro  .size symbol, size
        .endm
        .macro  .hidden symbol
        .endm
#endif

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

#define STRING_(x) #x
#define STRING(x) STRING_(x)
#define LINKNAME(name) __asm__(STRING(SYMBOL(name)))

#if defined(__x86_64__)
struct gobuf {
  uintptr_t sp, rbp, rbx, r12, r13, r14, r15;
  void *_Nullable fiber;
};
_Static_assert(offsetof(struct gobuf, rbp) == GOBUF_RBP, "asm_amd64.S");
_Static_assert(offsetof(struct gobuf, rbx) == GOBUF_RBX, "asm_amd64.S");
_Static_assert(offsetof(struct gobuf, r12) == GOBUF_R12, "asm_amd64.S");
_Static_assert(offsetof(struct gobuf, r15) == GOBUF_R15, "asm_amd64.S");
_Static_assert(offsetof(struct gobuf, fiber) == GOBUF_FIBER, "asm_amd64.S");
#elif defined(__aarch64__)
struct gobuf {
  uintptr_t sp, lr;
  uintptr_t x[11]; // x19...x29
  double d[8];     // d8...d15, low halves
  void *_Nullable fiber;
};
_Static_assert(offsetof(struct gobuf, lr) == GOBUF_LR, "asm_arm64.S");
_Static_assert(offsetof(struct gobuf, x) == GOBUF_X19, "asm_arm64.S");
_Static_assert(offsetof(struct gobuf, d) == GOBUF_D8, "asm_arm64.S");
_Static_assert(offsetof(struct gobuf, fiber) == GOBUF_FIBER, "asm_arm64.S");
#endif

/// The G that this thread runs; null on a thread that has none. An opaque
/// volatile access, since a compiler that keeps the address of a thread-local
/// across a switch reads another thread's.
static inline void *_Nullable getg_(void) {
  void *g;
#if defined(__x86_64__)
  __asm__ volatile("movq " STRING(SYMBOL(tls_g)) "@gottpoff(%%rip), %0\n\t"
                   "movq %%fs:(%0), %0"
                   : "=r"(g));
#elif defined(__aarch64__)
  uintptr_t offset;
  __asm__ volatile("mrs %0, tpidr_el0\n\t"
                   "adrp %1, :gottprel:" STRING(SYMBOL(tls_g)) "\n\t"
                   "ldr %1, [%1, #:gottprel_lo12:" STRING(SYMBOL(tls_g)) "]\n\t"
                   "ldr %0, [%0, %1]"
                   : "=&r"(g), "=&r"(offset));
#endif
  return g;
}

/// Names the G that this thread runs, without switching to it: for a thread that
/// begins to run goroutines, or has done with it.
void setg_(void *_Nullable g) LINKNAME(setg_);

/// Whether events are recorded; see trace.swift.
extern int traceflag LINKNAME(traceflag);
static inline int tracing_(void) {
  return __builtin_expect(__atomic_load_n(&traceflag, __ATOMIC_RELAXED), 0);
}
static inline void settracing(int on) { __atomic_store_n(&traceflag, on, __ATOMIC_SEQ_CST); }
/// Where the calling thread keeps its part of a trace.
void *_Nullable *_Nonnull tracetls_(void) LINKNAME(tracetls_);

/// The number in the stage's name.
static inline uint32_t stagenumber_(void) {
  const char *name = STRING(STAGE);
  return (uint32_t)(name[5] - '0') * 10 + (uint32_t)(name[6] - '0');
}

/// Keeps the compiler from moving memory accesses across this point.
static inline void signalfence(void) { __asm__ volatile("" ::: "memory"); }

/// A word, half a word or a byte that another thread may be changing, for a dump: out
/// of any sanitizer's sight.
static inline uint64_t racy(const void *_Nonnull p, size_t size) {
  uint64_t v = 0;
#if defined(__x86_64__)
  if (size == 8)
    __asm__ volatile("movq (%1), %0" : "=r"(v) : "r"(p));
  else if (size == 4)
    __asm__ volatile("movl (%1), %k0" : "=r"(v) : "r"(p));
  else
    __asm__ volatile("movzbl (%1), %k0" : "=r"(v) : "r"(p));
#elif defined(__aarch64__)
  if (size == 8)
    __asm__ volatile("ldr %0, [%1]" : "=r"(v) : "r"(p));
  else if (size == 4)
    __asm__ volatile("ldr %w0, [%1]" : "=r"(v) : "r"(p));
  else
    __asm__ volatile("ldrb %w0, [%1]" : "=r"(v) : "r"(p));
#endif
  return v;
}

/// Stores the registers in save, loads those in to and continues there. Returns when
/// something does swtch_ to save.
void swtch_(struct gobuf *_Nonnull save, struct gobuf *_Nonnull to) LINKNAME(swtch_);
/// Makes buf call fn(arg) at the top of the stack that ends at hi.
void gostartcall(struct gobuf *_Nonnull buf, uintptr_t hi, void (*_Nonnull fn)(void *_Nonnull),
                 void *_Nonnull arg) LINKNAME(gostartcall);
/// A sanitizer's notion of a stack; null without one. lo and hi bound the stack,
/// null for the calling thread's own.
void *_Nullable fiber_create(uintptr_t lo, uintptr_t hi) LINKNAME(fiber_create);
void fiber_destroy(void *_Nullable fiber) LINKNAME(fiber_destroy);
/// Whether this was built for a sanitizer.
int fiber_sanitized(void) LINKNAME(fiber_sanitized);
#endif
#endif
