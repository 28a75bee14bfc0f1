// SPDX-License-Identifier: Apache-2.0
//
// What a prologue calls when its check fails, x86-64.      Go: src/runtime/asm_amd64.s
//
//   __morestack              save the arguments, prologue_check(), go into the body
//
// The caller is a function that has not begun: its arguments are in their registers, and
// behind its call stands a ret, then what leads to its body. The ret is for a __morestack
// that has called the body on another stack; this one steps over it.

        .text

        .globl  __morestack
        .type   __morestack, @function
__morestack:
        .cfi_startproc
        pushq   %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_offset %rbp, -16
        movq    %rsp, %rbp
        .cfi_def_cfa_register %rbp
        pushq   %rax                    // what a function may be given its arguments in
        pushq   %rdi
        pushq   %rsi
        pushq   %rdx
        pushq   %rcx
        pushq   %r8
        pushq   %r9
        pushq   %r10
        subq    $128, %rsp
        andq    $-16, %rsp
        movups  %xmm0, 0(%rsp)
        movups  %xmm1, 16(%rsp)
        movups  %xmm2, 32(%rsp)
        movups  %xmm3, 48(%rsp)
        movups  %xmm4, 64(%rsp)
        movups  %xmm5, 80(%rsp)
        movups  %xmm6, 96(%rsp)
        movups  %xmm7, 112(%rsp)
        callq   prologue_check
        movups  0(%rsp), %xmm0
        movups  16(%rsp), %xmm1
        movups  32(%rsp), %xmm2
        movups  48(%rsp), %xmm3
        movups  64(%rsp), %xmm4
        movups  80(%rsp), %xmm5
        movups  96(%rsp), %xmm6
        movups  112(%rsp), %xmm7
        leaq    -8*8(%rbp), %rsp
        popq    %r10
        popq    %r9
        popq    %r8
        popq    %rcx
        popq    %rdx
        popq    %rsi
        popq    %rdi
        popq    %rax
        popq    %rbp
        .cfi_def_cfa %rsp, 8
        .cfi_restore %rbp
        incq    (%rsp)                  // a ret is one byte
        retq
        .cfi_endproc
        .size   __morestack, .-__morestack

        .section .note.GNU-stack,"",%progbits
