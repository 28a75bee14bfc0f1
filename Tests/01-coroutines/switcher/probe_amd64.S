// SPDX-License-Identifier: Apache-2.0
//
// The parts of the switcher's test that a compiler would not leave alone, x86-64.

#include "probe.h"
#if defined(__x86_64__)
        .text
        .macro  function name
        .globl  \name
        .type   \name, @function
\name:
        .cfi_startproc
        .endm
        .macro  end name
        .cfi_endproc
        .size   \name, .-\name
        .endm

        .hidden recorded
        function record
        movq    %rsp, recorded+0(%rip)
        movq    %rdi, recorded+8(%rip)
        movq    %rbp, recorded+16(%rip)
        jmpq    *recorded+24(%rip)
        end     record

        function keep
        pushq   %rbx
        pushq   %rbp
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        pushq   %rsi
        .cfi_adjust_cfa_offset 56
        movq    %rdi, %r10
        movq    %rdx, %rdi
        movq    %rcx, %rsi
        movq    %r8, %rdx
        movq    0(%r10), %rbx
        movq    8(%r10), %rbp
        movq    16(%r10), %r12
        movq    24(%r10), %r13
        movq    32(%r10), %r14
        movq    40(%r10), %r15
        callq   *%r9
        popq    %rsi
        movq    %rbx, 0(%rsi)
        movq    %rbp, 8(%rsi)
        movq    %r12, 16(%rsi)
        movq    %r13, 24(%rsi)
        movq    %r14, 32(%rsi)
        movq    %r15, 40(%rsi)
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbp
        popq    %rbx
        .cfi_adjust_cfa_offset -56
        retq
        end     keep

        function leave
        movq    0(%rdi), %rbx
        movq    8(%rdi), %rbp
        movq    16(%rdi), %r12
        movq    24(%rdi), %r13
        movq    32(%rdi), %r14
        movq    40(%rdi), %r15
        movq    %rsi, %rdi
        jmpq    *%rdx
        end     leave
#endif
#if defined(__ELF__)
        .section .note.GNU-stack,"",%progbits
#endif
