// SPDX-License-Identifier: Apache-2.0
//
// Preemption by signal, AArch64.                Go: src/runtime/preempt_arm64.s
//
//   asyncPreempt             save everything, asyncpreempt2(), restore
//
// Where a signal comes every register may be in use. SVE registers are nobody's: no
// code is compiled to use them where asyncPreempt may interrupt it.

#include "asm.h"
#if defined(__aarch64__)
#if defined(__ELF__)
#define PAGE(symbol) symbol
#define LOW(symbol) :lo12:symbol
#define RETURN 96                       // the pc of a signal's frame, to libgcc
#else
#define PAGE(symbol) symbol@PAGE
#define LOW(symbol) symbol@PAGEOFF
#define RETURN PC
#endif
#define PC 32                           // to debuggers
        .text
        .hidden SYMBOL(asyncpreempt2)

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
