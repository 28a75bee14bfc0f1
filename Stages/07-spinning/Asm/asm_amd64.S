// SPDX-License-Identifier: Apache-2.0
//
// Context switch, x86-64.                       Go: src/runtime/asm_amd64.s
//
// Swift and C agree on who saves what: rbx, rbp and r12-r15 belong to the
// caller, everything else is already dead at a call. The return address stays
// on the stack, to be popped from there, so there is no pc in a gobuf.
// MXCSR and the x87 control word belong to the thread, as in Go: a goroutine
// that changes them locks itself to its thread.

#include "asm.h"
#if defined(__x86_64__)
        .text

// Stores into save, moves to g0's stack, calls fn(save).
// void mcall_(struct gobuf *save, struct gobuf *g0, void (*fn)(void *))
//                           rdi                 rsi         rdx
        .globl  SYMBOL(mcall_)
        .type   SYMBOL(mcall_), @function
SYMBOL(mcall_):
        .cfi_startproc
        movq    %rbp, GOBUF_RBP(%rdi)
        movq    %rbx, GOBUF_RBX(%rdi)
        movq    %r12, GOBUF_R12(%rdi)
        movq    %r13, GOBUF_R13(%rdi)
        movq    %r14, GOBUF_R14(%rdi)
        movq    %r15, GOBUF_R15(%rdi)
        movq    %rsp, GOBUF_SP(%rdi)    // points at our return address
#ifdef SANITIZED
        movq    %rdi, %rbx
        movq    %rsi, %r12
        movq    %rdx, %r13
        movq    GOBUF_FIBER(%rsi), %rdi
        subq    $8, %rsp
        .cfi_adjust_cfa_offset 8
        callq   SYMBOL(fiber_switch)
        addq    $8, %rsp
        .cfi_adjust_cfa_offset -8
        movq    %rbx, %rdi
        movq    %r12, %rsi
        movq    %r13, %rdx
#endif
        movq    SYMBOL(tls_g)@gottpoff(%rip), %rax
        movq    %rsi, %fs:(%rax)        // the thread now runs g0
        movq    GOBUF_SP(%rsi), %rsp    // 16-byte aligned: nothing lives below it
        .cfi_undefined %rip             // a backtrace of g0 ends here
        xorl    %ebp, %ebp
        callq   *%rdx
        ud2                             // fn returned: it must gogo_ instead
        .cfi_endproc
        .size   SYMBOL(mcall_), .-SYMBOL(mcall_)

// Loads buf; never returns to its caller.
// void gogo_(struct gobuf *buf)
//                          rdi
        .globl  SYMBOL(gogo_)
        .type   SYMBOL(gogo_), @function
SYMBOL(gogo_):
        .cfi_startproc
#ifdef SANITIZED
        movq    %rdi, %rbx
        movq    GOBUF_FIBER(%rdi), %rdi
        subq    $8, %rsp
        .cfi_adjust_cfa_offset 8
        callq   SYMBOL(fiber_switch)
        addq    $8, %rsp
        .cfi_adjust_cfa_offset -8
        movq    %rbx, %rdi
#endif
        movq    SYMBOL(tls_g)@gottpoff(%rip), %rax
        movq    %rdi, %fs:(%rax)        // the thread now runs this goroutine
        movq    GOBUF_RBP(%rdi), %rbp
        movq    GOBUF_RBX(%rdi), %rbx
        movq    GOBUF_R12(%rdi), %r12
        movq    GOBUF_R13(%rdi), %r13
        movq    GOBUF_R14(%rdi), %r14
        movq    GOBUF_R15(%rdi), %r15
        movq    GOBUF_SP(%rdi), %rsp    // from here on this is another stack
        popq    %rax                    // to where it left off, or to gostart:
        .cfi_adjust_cfa_offset -8
        .cfi_register %rip, %rax
        jmpq    *%rax                   // a jump, since a ret is guessed to go to the caller
        .cfi_endproc
        .size   SYMBOL(gogo_), .-SYMBOL(gogo_)

// void gostartcall(struct gobuf *buf, uintptr_t hi, void (*fn)(void *), void *arg)
//                                rdi            rsi         rdx               rcx
        .globl  SYMBOL(gostartcall)
        .type   SYMBOL(gostartcall), @function
SYMBOL(gostartcall):
        .cfi_startproc
        andq    $-16, %rsi
        leaq    1f(%rip), %rax
        movq    $0, -8(%rsi)            // where gostart's caller would be
        movq    %rax, -16(%rsi)
        subq    $16, %rsi
        movq    %rsi, GOBUF_SP(%rdi)    // gostart is popped: rsp is 16n+8 then
        movq    $0, GOBUF_RBP(%rdi)     // a walk along frame pointers ends here
        movq    %rdx, GOBUF_RBX(%rdi)
        movq    %rcx, GOBUF_R12(%rdi)
#ifdef SANITIZED
        movq    GOBUF_FIBER(%rdi), %rdi
        jmp     SYMBOL(fiber_reset)
#endif
        retq
        .cfi_endproc
        .size   SYMBOL(gostartcall), .-SYMBOL(gostartcall)

// The frame below every goroutine's first function: rbx(r12).
        .globl  SYMBOL(gostart)
        .type   SYMBOL(gostart), @function
SYMBOL(gostart):
        .cfi_startproc
        .cfi_undefined %rip             // a backtrace of a goroutine ends here
        nop                             // unwinders look up the address before
1:      movq    %r12, %rdi              // a switch goes here
        pushq   $0                      // a frame pointer of zero below a return
        .cfi_adjust_cfa_offset 8        // address of zero; and 16-byte alignment
        movq    %rsp, %rbp
        callq   *%rbx
        ud2                             // fn returned: it must goexit instead
        .cfi_endproc
        .size   SYMBOL(gostart), .-SYMBOL(gostart)
#endif
#if defined(__ELF__)
        .section .note.GNU-stack,"",%progbits   // outside the #if: the inactive file is linked too
#endif
