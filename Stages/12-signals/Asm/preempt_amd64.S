// SPDX-License-Identifier: Apache-2.0
//
// Preemption by signal, x86-64.                 Go: src/runtime/preempt_amd64.s
//
//   asyncPreempt             save everything, asyncpreempt2(), restore
//
// Where a signal comes every register may be in use: the general ones and the flags
// are pushed, the rest is xsave's, as much of it as this processor has.

#include "asm.h"
#if defined(__x86_64__)
        .text
        .hidden SYMBOL(asyncpreempt2)
        .hidden SYMBOL(xsave_size)
        .hidden SYMBOL(xsave_mask)

// A signal handler makes an interrupted goroutine appear to have called this,
// with the return address 128 bytes below the goroutine's own stack pointer: a
// leaf function may keep data there. The goroutine may be resumed by another
// thread; nothing of the signal's is left by then.
        .globl  SYMBOL(asyncPreempt)
        .type   SYMBOL(asyncPreempt), @function
SYMBOL(asyncPreempt):
        .cfi_startproc
        .cfi_signal_frame
        .cfi_def_cfa %rsp, 136          // cfa: the interrupted rsp
        .cfi_offset %rip, -136
        pushq   %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_offset %rbp, -144
        movq    %rsp, %rbp
        .cfi_def_cfa_register %rbp
        pushfq
        pushq   %rax
        pushq   %rbx
        .cfi_offset %rbx, -168
        pushq   %rcx
        pushq   %rdx
        pushq   %rsi
        pushq   %rdi
        pushq   %r8
        pushq   %r9
        pushq   %r10
        pushq   %r11
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        cld                             // the ABI's direction for calls
        subq    SYMBOL(xsave_size)(%rip), %rsp
        andq    $-64, %rsp              // as xsave demands
        xorl    %eax, %eax              // the area's header, 64 bytes at 512:
        movq    %rax, 512(%rsp)         // xrstor faults on what is not zero
        movq    %rax, 520(%rsp)
        movq    %rax, 528(%rsp)
        movq    %rax, 536(%rsp)
        movq    %rax, 544(%rsp)
        movq    %rax, 552(%rsp)
        movq    %rax, 560(%rsp)
        movq    %rax, 568(%rsp)
        movl    SYMBOL(xsave_mask)(%rip), %eax
        movl    SYMBOL(xsave_mask)+4(%rip), %edx
        xsave64 (%rsp)
        movq    %rsp, %rbx
        callq   *SYMBOL(asyncpreempt2)(%rip)
        movl    SYMBOL(xsave_mask)(%rip), %eax
        movl    SYMBOL(xsave_mask)+4(%rip), %edx
        xrstor64 (%rbx)
        leaq    -15*8(%rbp), %rsp
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %r11
        popq    %r10
        popq    %r9
        popq    %r8
        popq    %rdi
        popq    %rsi
        popq    %rdx
        popq    %rcx
        popq    %rbx
        .cfi_restore %rbx
        popq    %rax
        popfq
        popq    %rbp
        .cfi_def_cfa %rsp, 136
        .cfi_restore %rbp
        retq    $128                    // and over the red zone
        .cfi_endproc
        .size   SYMBOL(asyncPreempt), .-SYMBOL(asyncPreempt)
#endif
#if defined(__ELF__)
        .section .note.GNU-stack,"",%progbits   // outside the #if: the inactive file is linked too
#endif
