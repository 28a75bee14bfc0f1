// SPDX-License-Identifier: Apache-2.0
//
// How a thread becomes an M, AArch64.               Go: src/runtime/asm_arm64.s

#include "asm.h"
#if defined(__aarch64__)
        .text

// Stores into save, stays on this stack, calls fn(g0).
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
#endif
#if defined(__ELF__)
        .section .note.GNU-stack,"",%progbits   // outside the #if: the inactive file is linked too
#endif
