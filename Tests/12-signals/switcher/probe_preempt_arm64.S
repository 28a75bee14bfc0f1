// SPDX-License-Identifier: Apache-2.0
//
// Code to be interrupted anywhere, and what comes after, AArch64.

#include "probe_preempt.h"
#if defined(__aarch64__)
        .text
        .macro  function name
        .globl  \name
        .type   \name, %function
\name:
        .cfi_startproc
        .endm
        .macro  end name
        .cfi_endproc
        .size   \name, .-\name
        .endm

        function hot
        stp     x29, x30, [sp, #-16]!
        stp     x19, x20, [sp, #-16]!
        stp     x21, x22, [sp, #-16]!
        stp     x23, x24, [sp, #-16]!
        stp     x25, x26, [sp, #-16]!
        stp     x27, x28, [sp, #-16]!
        stp     d8, d9, [sp, #-16]!
        stp     d10, d11, [sp, #-16]!
        stp     d12, d13, [sp, #-16]!
        stp     d14, d15, [sp, #-16]!
        sub     sp, sp, #32
        str     x0, [sp]
        .cfi_adjust_cfa_offset 192
        .cfi_offset x30, -8
        .cfi_offset x29, -16

        .irp    i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
        ldr     q\i, [x0, #(HOT_VEC + 16*\i)]
        .endr
        ldr     x9, [x0, #(HOT_GPR + 8*31)]
        msr     fpsr, x9
        mov     x30, x1
        .irp    i, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29
        ldr     x\i, [x0, #(HOT_GPR + 8*\i - 8)]
        .endr
        ldr     x0, [x0, #(HOT_GPR + 8*29)]
        adds    xzr, xzr, xzr
        // nzcv is alive from here to the end, across the loop. x0 is x30's word,
        // x30 counts. Branches to the next instruction give an emulator places
        // to deliver a signal at.
1:
        .irp    i, 1, 2, 3, 4, 5, 6, 7, 8, 9
        adcs    x\i, x\i, x1\i
        add     v\i\().2d, v\i\().2d, v1\i\().2d
        .endr
        b       2f
2:
        .irp    i, 0, 1, 2, 3, 4, 5, 6, 7, 8
        adcs    x1\i, x1\i, x2\i
        add     v1\i\().2d, v1\i\().2d, v2\i\().2d
        .endr
        b       3f
3:
        adcs    x19, x19, x29
        add     v19.2d, v19.2d, v29.2d
        adcs    x20, x20, x0
        add     v20.2d, v20.2d, v30.2d
        add     v30.2d, v30.2d, v31.2d
        add     v31.2d, v31.2d, v0.2d
        add     v0.2d, v0.2d, v1.2d
        adcs    x0, x0, x1
        b       4f
4:
        .irp    i, 1, 2, 3, 4, 5, 6, 7, 8, 9
        adcs    x2\i, x2\i, x\i
        add     v2\i\().2d, v2\i\().2d, v\i\().2d
        .endr
        sub     x30, x30, #1
        cbnz    x30, 1b

        stp     x0, x1, [sp, #16]
        ldr     x0, [sp]
        .irp    i, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29
        str     x\i, [x0, #(HOT_GPR + 8*\i - 8)]
        .endr
        ldp     x2, x1, [sp, #16]
        str     x1, [x0, #HOT_GPR]
        str     x2, [x0, #(HOT_GPR + 8*29)]
        mrs     x1, nzcv
        mrs     x2, fpsr
        stp     x1, x2, [x0, #(HOT_GPR + 8*30)]
        .irp    i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
        str     q\i, [x0, #(HOT_VEC + 16*\i)]
        .endr
        add     sp, sp, #32
        ldp     d14, d15, [sp], #16
        ldp     d12, d13, [sp], #16
        ldp     d10, d11, [sp], #16
        ldp     d8, d9, [sp], #16
        ldp     x27, x28, [sp], #16
        ldp     x25, x26, [sp], #16
        ldp     x23, x24, [sp], #16
        ldp     x21, x22, [sp], #16
        ldp     x19, x20, [sp], #16
        ldp     x29, x30, [sp], #16
        .cfi_adjust_cfa_offset -192
        .cfi_restore x30
        ret
        end     hot
        .globl  hot_end
hot_end:

        function touch
        ldr     w0, [x0]
        ret
        end     touch

        function clobber
        mov     x0, #-1
        .irp    i, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18
        mov     x\i, x0
        .endr
        .irp    i, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
        dup     v\i\().2d, x0
        .endr
        .irp    i, 8, 9, 10, 11, 12, 13, 14, 15
        mov     v\i\().d[1], x0
        .endr
        msr     fpsr, xzr
        adds    xzr, x0, x0
        ret
        end     clobber
#endif
#if defined(__ELF__)
        .section .note.GNU-stack,"",%progbits
#endif
