// SPDX-License-Identifier: Apache-2.0
//
// How a thread becomes an M, x86-64.                Go: src/runtime/asm_amd64.s

#include "asm.h"
#if defined(__x86_64__)
        .text

// Stores into save, stays on this stack, calls fn(g0).
// void rt0_(struct gobuf *save, struct gobuf *g0, void (*fn)(void *))
//                         rdi                 rsi         rdx
        .globl  SYMBOL(rt0_)
        .type   SYMBOL(rt0_), @function
SYMBOL(rt0_):
        .cfi_startproc
        movq    %rbp, GOBUF_RBP(%rdi)
        movq    %rbx, GOBUF_RBX(%rdi)
        movq    %r12, GOBUF_R12(%rdi)
        movq    %r13, GOBUF_R13(%rdi)
        movq    %r14, GOBUF_R14(%rdi)
        movq    %r15, GOBUF_R15(%rdi)
        movq    %rsp, GOBUF_SP(%rdi)    // points at our return address
        movq    SYMBOL(tls_g)@gottpoff(%rip), %rax
        movq    %rsi, %fs:(%rax)        // the thread now runs g0
        subq    $8, %rsp                // 16-byte aligned at the call
        .cfi_adjust_cfa_offset 8
        movq    %rsp, GOBUF_SP(%rsi)    // where mcall_ will come back to
        movq    %rsi, %rdi
        callq   *%rdx
        ud2                             // fn returned: it must gogo_(save) instead
        .cfi_endproc
        .size   SYMBOL(rt0_), .-SYMBOL(rt0_)
#endif
#if defined(__ELF__)
        .section .note.GNU-stack,"",%progbits   // outside the #if: the inactive file is linked too
#endif
