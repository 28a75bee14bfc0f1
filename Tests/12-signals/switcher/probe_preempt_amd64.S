// SPDX-License-Identifier: Apache-2.0
//
// Code to be interrupted anywhere, and what comes after, x86-64.

#include "probe_preempt.h"
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

        function hot
        pushq   %rbx
        pushq   %rbp
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        pushq   %rdx
        pushq   %rdi
        .cfi_adjust_cfa_offset 64
        .cfi_offset %rbx, -16
        .cfi_offset %rbp, -24

        .irp    i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        movq    HOT_ZONE+8*\i(%rdi), %rax
        movq    %rax, -8-8*\i(%rsp)
        .endr
        .irp    i, 0, 1, 2, 3, 4, 5, 6, 7
        fldt    HOT_X87+16*\i(%rdi)
        .endr
        testl   $HAS_AVX512, %edx
        jnz     2f
        testl   $HAS_AVX, %edx
        jnz     1f
        .irp    i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        movdqu  HOT_VEC+64*\i(%rdi), %xmm\i
        .endr
        jmp     3f
1:
        .irp    i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        vmovdqu HOT_VEC+64*\i(%rdi), %ymm\i
        .endr
        jmp     3f
2:
        .irp    i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        vmovdqu64 HOT_VEC+64*\i(%rdi), %zmm\i
        .endr
        .irp    i, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
        vmovdqu64 HOT_VEC+64*\i(%rdi), %zmm\i
        .endr
        .irp    i, 0, 1, 2, 3, 4, 5, 6, 7
        kmovw   HOT_MASK+8*\i(%rdi), %k\i
        .endr
3:
        movq    %rsi, %rcx
        movq    HOT_GPR+0(%rdi), %rax
        movq    HOT_GPR+8(%rdi), %rbx
        movq    HOT_GPR+16(%rdi), %rdx
        movq    HOT_GPR+24(%rdi), %rsi
        movq    HOT_GPR+40(%rdi), %rbp
        movq    HOT_GPR+48(%rdi), %r8
        movq    HOT_GPR+56(%rdi), %r9
        movq    HOT_GPR+64(%rdi), %r10
        movq    HOT_GPR+72(%rdi), %r11
        movq    HOT_GPR+80(%rdi), %r12
        movq    HOT_GPR+88(%rdi), %r13
        movq    HOT_GPR+96(%rdi), %r14
        movq    HOT_GPR+104(%rdi), %r15
        movq    HOT_GPR+32(%rdi), %rdi
        std
        clc
        // The carry is alive from here to the end, across the loop.
4:
        adcq    %rbx, %rax
        adcq    %rdx, %rbx
        paddq   %xmm1, %xmm0
        adcq    %rsi, %rdx
        paddq   %xmm2, %xmm1
        adcq    %rdi, %rsi
        paddq   %xmm3, %xmm2
        adcq    %rbp, %rdi
        paddq   %xmm4, %xmm3
        adcq    %r8, %rbp
        paddq   %xmm5, %xmm4
        adcq    %r9, %r8
        paddq   %xmm6, %xmm5
        adcq    %r10, %r9
        paddq   %xmm7, %xmm6
        adcq    %r11, %r10
        paddq   %xmm8, %xmm7
        adcq    %r12, %r11
        paddq   %xmm9, %xmm8
        adcq    %r13, %r12
        paddq   %xmm10, %xmm9
        adcq    %r14, %r13
        paddq   %xmm11, %xmm10
        adcq    %r15, %r14
        paddq   %xmm12, %xmm11
        adcq    %rax, %r15
        paddq   %xmm13, %xmm12
        paddq   %xmm14, %xmm13
        paddq   %xmm15, %xmm14
        paddq   %xmm0, %xmm15
        .irp    i, 0, 2, 4, 6, 8, 10, 12, 14
        adcq    -8-8*\i(%rsp), %rax
        movq    %rax, -8-8*\i(%rsp)
        adcq    -16-8*\i(%rsp), %r8
        movq    %r8, -16-8*\i(%rsp)
        .endr
        leaq    -1(%rcx), %rcx
        jrcxz   5f
        jmp     4b
5:
        xchgq   %rdi, (%rsp)
        movq    %rax, HOT_GPR+0(%rdi)
        movq    %rbx, HOT_GPR+8(%rdi)
        movq    %rdx, HOT_GPR+16(%rdi)
        movq    %rsi, HOT_GPR+24(%rdi)
        movq    %rbp, HOT_GPR+40(%rdi)
        movq    %r8, HOT_GPR+48(%rdi)
        movq    %r9, HOT_GPR+56(%rdi)
        movq    %r10, HOT_GPR+64(%rdi)
        movq    %r11, HOT_GPR+72(%rdi)
        movq    %r12, HOT_GPR+80(%rdi)
        movq    %r13, HOT_GPR+88(%rdi)
        movq    %r14, HOT_GPR+96(%rdi)
        movq    %r15, HOT_GPR+104(%rdi)
        movq    (%rsp), %rax
        movq    %rax, HOT_GPR+32(%rdi)
        .irp    i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        movq    -8-8*\i(%rsp), %rax
        movq    %rax, HOT_ZONE+8*\i(%rdi)
        .endr
        sbbq    %rax, %rax
        movq    %rax, HOT_GPR+112(%rdi)
        pushfq
        popq    %rax
        andl    $0x400, %eax
        movq    %rax, HOT_GPR+120(%rdi)
        cld
        .irp    i, 7, 6, 5, 4, 3, 2, 1, 0
        fstpt   HOT_X87+16*\i(%rdi)
        .endr
        addq    $8, %rsp
        popq    %rdx
        .cfi_adjust_cfa_offset -16
        testl   $HAS_AVX512, %edx
        jnz     7f
        testl   $HAS_AVX, %edx
        jnz     6f
        .irp    i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        movdqu  %xmm\i, HOT_VEC+64*\i(%rdi)
        .endr
        jmp     8f
6:
        .irp    i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        vmovdqu %ymm\i, HOT_VEC+64*\i(%rdi)
        .endr
        vzeroupper
        jmp     8f
7:
        .irp    i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        vmovdqu64 %zmm\i, HOT_VEC+64*\i(%rdi)
        .endr
        .irp    i, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
        vmovdqu64 %zmm\i, HOT_VEC+64*\i(%rdi)
        .endr
        .irp    i, 0, 1, 2, 3, 4, 5, 6, 7
        kmovw   %k\i, HOT_MASK+8*\i(%rdi)
        .endr
        vzeroupper
8:
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbp
        popq    %rbx
        .cfi_adjust_cfa_offset -48
        retq
        end     hot
        .globl  hot_end
hot_end:

        function touch
        movl    (%rdi), %eax
        retq
        end     touch

        function clobber
        testl   $HAS_AVX512, %edi
        jnz     2f
        testl   $HAS_AVX, %edi
        jnz     1f
        .irp    i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        pcmpeqd %xmm\i, %xmm\i
        .endr
        jmp     3f
1:
        .irp    i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        vpcmpeqd %xmm\i, %xmm\i, %xmm\i
        .endr
        jmp     3f
2:
        .irp    i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        vpternlogd $0xff, %zmm\i, %zmm\i, %zmm\i
        .endr
        .irp    i, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
        vpternlogd $0xff, %zmm\i, %zmm\i, %zmm\i
        .endr
        .irp    i, 0, 1, 2, 3, 4, 5, 6, 7
        kxnorw  %k\i, %k\i, %k\i
        .endr
        vzeroupper
3:
        emms
        movq    $-1, %rax
        movq    %rax, %rcx
        movq    %rax, %rdx
        movq    %rax, %rsi
        movq    %rax, %rdi
        movq    %rax, %r8
        movq    %rax, %r9
        movq    %rax, %r10
        movq    %rax, %r11
        retq
        end     clobber
#endif
#if defined(__ELF__)
        .section .note.GNU-stack,"",%progbits
#endif
