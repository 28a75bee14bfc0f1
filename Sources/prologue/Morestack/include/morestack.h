// SPDX-License-Identifier: Apache-2.0
//
// The guard that a prologue looks at: a word of each thread's, at %fs:0x70, which the C
// library keeps free for this.
#ifndef MORESTACK_H
#define MORESTACK_H

/// Where the calling thread's guard is.
void *_Nonnull guardaddress(void);

/// No stack pointer is above the guard, or every one is. Any thread may say so.
void guardpoison(void *_Nonnull guard);
void guardclear(void *_Nonnull guard);
#endif
