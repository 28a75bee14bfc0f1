// SPDX-License-Identifier: Apache-2.0
//
// Context switch, AArch64.                      Go: src/runtime/asm_arm64.s
//
//   gogo_(buf)               load buf; never returns to its caller
//   mcall_(save, g0, fn)     store into save, move to g0's stack, fn(save)
//   rt0_(save, g0, fn)       store into save, stay on this stack, fn(g0)
//   gostart                  first frame of every goroutine
//   asyncPreempt             save everything, asyncpreempt2(), restore
//
// Swift and C agree on who saves what: x19-x29 and the low halves of d8-d15
// belong to the caller, everything else is already dead at a call. The return
// address is in x30 (lr), not on the stack, so a gobuf has an lr here.
// FPCR belongs to the thread, as in Go: a goroutine that changes it locks
// itself to its thread. SVE registers are nobody's: no code is compiled to use
// them where asyncPreempt may interrupt it.

#include "asm.h"
#if defined(__aarch64__)
#if defined(__ELF__)
#define THREAD tpidr_el0
#define PAGE(symbol) symbol
#define LOW(symbol) :lo12:symbol
#define TLS_PAGE(symbol) :gottprel:symbol
#define TLS_LOW(symbol) :gottprel_lo12:symbol
#define RETURN 96                       // the pc of a signal's frame, to libgcc
#else
// Mach-O: tls_g is a word, which holds the offset of a slot of the thread's own.
#define THREAD tpidrro_el0
#define PAGE(symbol) symbol@PAGE
#define LOW(symbol) symbol@PAGEOFF
#define TLS_PAGE(symbol) symbol@PAGE
#define TLS_LOW(symbol) symbol@PAGEOFF
#define RETURN PC
        .macro  .type symbol, kind
        .endm
        .macro  .size symbol, size
        .endm
        .macro  .hidden symbol
        .endm
#endif
#define PC 32                           // to debuggers
        .text
        .hidden SYMBOL(asyncpreempt2)

// void gogo_(struct gobuf *buf)
//                          x0
        .globl  SYMBOL(gogo_)
        .type   SYMBOL(gogo_), %function
SYMBOL(gogo_):
        .cfi_startproc
#ifdef SANITIZED
        mov     x19, x0
        ldr     x0, [x0, #GOBUF_FIBER]
        mov     x20, x30
        .cfi_register x30, x20
        bl      SYMBOL(fiber_switch)
        mov     x30, x20
        .cfi_restore x30
        mov     x0, x19
#endif
        mrs     x9, THREAD
        adrp    x10, TLS_PAGE(SYMBOL(tls_g))
        ldr     x10, [x10, TLS_LOW(SYMBOL(tls_g))]
        str     x0, [x9, x10]           // the thread now runs this goroutine
        ldp     x19, x20, [x0, #(GOBUF_X19 + 0)]
        ldp     x21, x22, [x0, #(GOBUF_X19 + 16)]
        ldp     x23, x24, [x0, #(GOBUF_X19 + 32)]
        ldp     x25, x26, [x0, #(GOBUF_X19 + 48)]
        ldp     x27, x28, [x0, #(GOBUF_X19 + 64)]
        ldr     x29, [x0, #(GOBUF_X19 + 80)]
        ldp     d8, d9, [x0, #(GOBUF_D8 + 0)]
        ldp     d10, d11, [x0, #(GOBUF_D8 + 16)]
        ldp     d12, d13, [x0, #(GOBUF_D8 + 32)]
        ldp     d14, d15, [x0, #(GOBUF_D8 + 48)]
        ldp     x9, x30, [x0, #GOBUF_SP]
        mov     sp, x9                  // from here on this is another stack
        mov     x0, xzr                 // what the scheduler had in these are
        mov     x1, xzr                 // addresses of thread-locals among others:
        mov     x2, xzr                 // sigregsin would take them for the
        mov     x3, xzr                 // goroutine's
        mov     x4, xzr
        mov     x5, xzr
        mov     x6, xzr
        mov     x7, xzr
        mov     x8, xzr
        mov     x9, xzr
        mov     x10, xzr
        mov     x11, xzr
        mov     x12, xzr
        mov     x13, xzr
        mov     x14, xzr
        mov     x15, xzr
        mov     x16, xzr
        mov     x17, xzr
        br      x30                     // to mcall_'s caller, or to gostart:
                                        // a jump, since a ret here is never predicted
        .cfi_endproc
        .size   SYMBOL(gogo_), .-SYMBOL(gogo_)

// void mcall_(struct gobuf *save, struct gobuf *g0, void (*fn)(void *))
//                           x0                  x1          x2
        .globl  SYMBOL(mcall_)
        .type   SYMBOL(mcall_), %function
SYMBOL(mcall_):
        .cfi_startproc
        stp     x19, x20, [x0, #(GOBUF_X19 + 0)]
        stp     x21, x22, [x0, #(GOBUF_X19 + 16)]
        stp     x23, x24, [x0, #(GOBUF_X19 + 32)]
        stp     x25, x26, [x0, #(GOBUF_X19 + 48)]
        stp     x27, x28, [x0, #(GOBUF_X19 + 64)]
        str     x29, [x0, #(GOBUF_X19 + 80)]
        stp     d8, d9, [x0, #(GOBUF_D8 + 0)]
        stp     d10, d11, [x0, #(GOBUF_D8 + 16)]
        stp     d12, d13, [x0, #(GOBUF_D8 + 32)]
        stp     d14, d15, [x0, #(GOBUF_D8 + 48)]
        mov     x9, sp
        stp     x9, x30, [x0, #GOBUF_SP]
#ifdef SANITIZED
        mov     x19, x0
        mov     x20, x1
        mov     x21, x2
        ldr     x0, [x1, #GOBUF_FIBER]
        mov     x22, x30
        .cfi_register x30, x22
        bl      SYMBOL(fiber_switch)
        mov     x0, x19
        mov     x1, x20
        mov     x2, x21
#endif
        mrs     x9, THREAD
        adrp    x10, TLS_PAGE(SYMBOL(tls_g))
        ldr     x10, [x10, TLS_LOW(SYMBOL(tls_g))]
        str     x1, [x9, x10]           // the thread now runs g0
        ldr     x9, [x1, #GOBUF_SP]
        mov     sp, x9                  // 16-byte aligned: nothing lives below it
        .cfi_undefined x30              // a backtrace of g0 ends here
        mov     x29, xzr
        blr     x2
        brk     #1                      // fn returned: it must gogo_ instead
        .cfi_endproc
        .size   SYMBOL(mcall_), .-SYMBOL(mcall_)

// void rt0_(struct gobuf *save, struct gobuf *g0, void (*fn)(void *))
//                         x0                  x1          x2
        .globl  SYMBOL(rt0_)
        .type   SYMBOL(rt0_), %function
SYMBOL(rt0_):
        .cfi_startproc
        stp     x19, x20, [x0, #(GOBUF_X19 + 0)]
        stp     x21, x22, [x0, #(GOBUF_X19 + 16)]
        stp     x23, x24, [x0, #(GOBUF_X19 + 32)]
        stp     x25, x26, [x0, #(GOBUF_X19 + 48)]
        stp     x27, x28, [x0, #(GOBUF_X19 + 64)]
        str     x29, [x0, #(GOBUF_X19 + 80)]
        stp     d8, d9, [x0, #(GOBUF_D8 + 0)]
        stp     d10, d11, [x0, #(GOBUF_D8 + 16)]
        stp     d12, d13, [x0, #(GOBUF_D8 + 32)]
        stp     d14, d15, [x0, #(GOBUF_D8 + 48)]
        mov     x9, sp
        stp     x9, x30, [x0, #GOBUF_SP]
        mrs     x9, THREAD
        adrp    x10, TLS_PAGE(SYMBOL(tls_g))
        ldr     x10, [x10, TLS_LOW(SYMBOL(tls_g))]
        str     x1, [x9, x10]           // the thread now runs g0
        stp     x29, x30, [sp, #-16]!   // 16-byte aligned at the call
        .cfi_adjust_cfa_offset 16
        .cfi_offset x29, -16
        .cfi_offset x30, -8
        mov     x29, sp
        mov     x9, sp
        str     x9, [x1, #GOBUF_SP]     // where mcall_ will come back to
        mov     x0, x1
        blr     x2
        brk     #1                      // fn returned: it must gogo_(save) instead
        .cfi_endproc
        .size   SYMBOL(rt0_), .-SYMBOL(rt0_)

// void gostartcall(struct gobuf *buf, uintptr_t hi, void (*fn)(void *), void *arg)
//                                x0             x1          x2                x3
        .globl  SYMBOL(gostartcall)
        .type   SYMBOL(gostartcall), %function
SYMBOL(gostartcall):
        .cfi_startproc
        and     x1, x1, #-16
        adr     x9, 1f
        stp     x1, x9, [x0, #GOBUF_SP] // gogo_ jumps to gostart: sp is 16n there
        str     xzr, [x0, #(GOBUF_X19 + 80)] // a walk along frame pointers ends here
        stp     x2, x3, [x0, #(GOBUF_X19 + 0)]
#ifdef SANITIZED
        ldr     x0, [x0, #GOBUF_FIBER]
        b       SYMBOL(fiber_reset)
#endif
        ret
        .cfi_endproc
        .size   SYMBOL(gostartcall), .-SYMBOL(gostartcall)

// The frame below every goroutine's first function: x19(x20).
        .globl  SYMBOL(gostart)
        .type   SYMBOL(gostart), %function
SYMBOL(gostart):
        .cfi_startproc
        .cfi_undefined x30              // a backtrace of a goroutine ends here
        nop                             // unwinders look up the address before
1:      mov     x0, x20                 // where gogo_ goes
        stp     xzr, xzr, [sp, #-16]!   // a frame pointer of zero below a return
        .cfi_adjust_cfa_offset 16       // address of zero
        mov     x29, sp
        blr     x19
        brk     #1                      // fn returned: it must goexit instead
        .cfi_endproc
        .size   SYMBOL(gostart), .-SYMBOL(gostart)

// A signal handler makes an interrupted goroutine appear to have called this,
// with its pc and its x30 in 16 bytes below the goroutine's own stack pointer,
// and the pc in x30 too. The goroutine may be resumed by another thread; nothing
// of the signal's is left by then.
//
// No instruction loads the pc without a register to load it from, and all of
// them are the goroutine's. So the way back ends in a trap: its handler calls
// asyncpreempt_fixup, which takes pc and x30 from the 16 bytes.
        .globl  SYMBOL(asyncPreempt)
        .type   SYMBOL(asyncPreempt), %function
SYMBOL(asyncPreempt):
        .cfi_startproc
        .cfi_signal_frame
        .cfi_return_column RETURN       // not x30, which may hold anything
        .cfi_def_cfa sp, 16             // cfa: the interrupted sp
        .cfi_offset RETURN, -16
        .cfi_offset PC, -16
        .cfi_offset x30, -8
        stp     x29, x30, [sp, #-16]!
        .cfi_adjust_cfa_offset 16
        .cfi_offset x29, -32
        mov     x29, sp
        .cfi_def_cfa_register x29
        stp     x0, x1, [sp, #-16]!
        stp     x2, x3, [sp, #-16]!
        stp     x4, x5, [sp, #-16]!
        stp     x6, x7, [sp, #-16]!
        stp     x8, x9, [sp, #-16]!
        stp     x10, x11, [sp, #-16]!
        stp     x12, x13, [sp, #-16]!
        stp     x14, x15, [sp, #-16]!
        stp     x16, x17, [sp, #-16]!
        stp     x18, x19, [sp, #-16]!
        stp     x20, x21, [sp, #-16]!
        stp     x22, x23, [sp, #-16]!
        stp     x24, x25, [sp, #-16]!
        stp     x26, x27, [sp, #-16]!
        mrs     x0, nzcv
        stp     x28, x0, [sp, #-16]!
        mrs     x0, fpsr
        mrs     x1, fpcr
        stp     x0, x1, [sp, #-16]!
        stp     q0, q1, [sp, #-32]!
        stp     q2, q3, [sp, #-32]!
        stp     q4, q5, [sp, #-32]!
        stp     q6, q7, [sp, #-32]!
        stp     q8, q9, [sp, #-32]!
        stp     q10, q11, [sp, #-32]!
        stp     q12, q13, [sp, #-32]!
        stp     q14, q15, [sp, #-32]!
        stp     q16, q17, [sp, #-32]!
        stp     q18, q19, [sp, #-32]!
        stp     q20, q21, [sp, #-32]!
        stp     q22, q23, [sp, #-32]!
        stp     q24, q25, [sp, #-32]!
        stp     q26, q27, [sp, #-32]!
        stp     q28, q29, [sp, #-32]!
        stp     q30, q31, [sp, #-32]!
        adrp    x9, PAGE(SYMBOL(asyncpreempt2))
        ldr     x9, [x9, LOW(SYMBOL(asyncpreempt2))]
        blr     x9
        ldp     q30, q31, [sp], #32
        ldp     q28, q29, [sp], #32
        ldp     q26, q27, [sp], #32
        ldp     q24, q25, [sp], #32
        ldp     q22, q23, [sp], #32
        ldp     q20, q21, [sp], #32
        ldp     q18, q19, [sp], #32
        ldp     q16, q17, [sp], #32
        ldp     q14, q15, [sp], #32
        ldp     q12, q13, [sp], #32
        ldp     q10, q11, [sp], #32
        ldp     q8, q9, [sp], #32
        ldp     q6, q7, [sp], #32
        ldp     q4, q5, [sp], #32
        ldp     q2, q3, [sp], #32
        ldp     q0, q1, [sp], #32
        ldp     x0, x1, [sp], #16
        msr     fpsr, x0
        msr     fpcr, x1
        ldp     x28, x0, [sp], #16
        msr     nzcv, x0
        ldp     x26, x27, [sp], #16
        ldp     x24, x25, [sp], #16
        ldp     x22, x23, [sp], #16
        ldp     x20, x21, [sp], #16
        ldp     x18, x19, [sp], #16
        ldp     x16, x17, [sp], #16
        ldp     x14, x15, [sp], #16
        ldp     x12, x13, [sp], #16
        ldp     x10, x11, [sp], #16
        ldp     x8, x9, [sp], #16
        ldp     x6, x7, [sp], #16
        ldp     x4, x5, [sp], #16
        ldp     x2, x3, [sp], #16
        ldp     x0, x1, [sp], #16
        ldp     x29, x30, [sp], #16
        .cfi_def_cfa sp, 16
        .cfi_restore x29
        .cfi_endproc                    // and on to asyncpreempt_resume
        .size   SYMBOL(asyncPreempt), .-SYMBOL(asyncPreempt)

// The last instruction of asyncPreempt, which the handler of SIGTRAP knows.
        .globl  SYMBOL(asyncpreempt_resume)
        .type   SYMBOL(asyncpreempt_resume), %function
SYMBOL(asyncpreempt_resume):
        .cfi_startproc
        .cfi_signal_frame
        .cfi_return_column RETURN
        .cfi_def_cfa sp, 16
        .cfi_offset RETURN, -16
        .cfi_offset PC, -16
        .cfi_offset x30, -8
        brk     #0x60                   // SIGTRAP: see asyncpreempt_fixup
        .cfi_endproc
        .size   SYMBOL(asyncpreempt_resume), .-SYMBOL(asyncpreempt_resume)
#endif
#if defined(__ELF__)
        .section .note.GNU-stack,"",%progbits   // outside the #if: the inactive file is linked too
#endif
