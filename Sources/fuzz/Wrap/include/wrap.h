// SPDX-License-Identifier: Apache-2.0
//
// System calls as the fuzzer wants them. The linker sends every call of read and
// write here (--wrap), so what is fuzzed needs no line for it.

#ifndef WRAP_H
#define WRAP_H

#include <stddef.h>
#include <stdint.h>

/// From now on reads are cut short: the next one reads at most cuts[0] bytes, the one
/// after it cuts[1], and so on; a cut of zero is an interrupted call, EINTR. When the
/// cuts are used up, reads are whole.
void wrap_cut_reads(const uint8_t *_Nullable cuts, size_t n);

/// From now on what is written to standard error is kept.
void wrap_keep_output(void);

/// No longer; what was kept. Valid until the
/// next wrap_keep_output.
struct wrap_output {
  const uint8_t *_Nonnull bytes;
  size_t count;
};
struct wrap_output wrap_kept_output(void);

#endif
