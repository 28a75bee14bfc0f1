// SPDX-License-Identifier: Apache-2.0
//
// Context switch, AArch64.                      Go: src/runtime/asm_arm64.s
//
// Swift and C agree on who saves what: x19-x29 and the low halves of d8-d15
// belong to the caller, everything else is already dead at a call. The return
// address is in x30 (lr), not on the stack, so a gobuf has an lr here.
// FPCR belongs to the thread, as in Go: a goroutine that changes it locks
// itself to its thread.

#include "asm.h"
#if defined(__aarch64__)
        .text

// Stores into save, moves to g0's stack, calls fn(save).
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

// Loads buf; never returns to its caller.
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
        br      x30                     // to where it left off, or to gostart:
                                        // a jump, since a ret is guessed to go to the caller
        .cfi_endproc
        .size   SYMBOL(gogo_), .-SYMBOL(gogo_)

// void gostartcall(struct gobuf *buf, uintptr_t hi, void (*fn)(void *), void *arg)
//                                x0             x1          x2                x3
        .globl  SYMBOL(gostartcall)
        .type   SYMBOL(gostartcall), %function
SYMBOL(gostartcall):
        .cfi_startproc
        and     x1, x1, #-16
        adr     x9, 1f
        stp     x1, x9, [x0, #GOBUF_SP] // gostart is jumped to: sp is 16n then
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
1:      mov     x0, x20                 // a switch goes here
        stp     xzr, xzr, [sp, #-16]!   // a frame pointer of zero below a return
        .cfi_adjust_cfa_offset 16       // address of zero
        mov     x29, sp
        blr     x19
        brk     #1                      // fn returned: it must goexit instead
        .cfi_endproc
        .size   SYMBOL(gostart), .-SYMBOL(gostart)
#endif
#if defined(__ELF__)
        .section .note.GNU-stack,"",%progbits   // outside the #if: the inactive file is linked too
#endif
