// SPDX-License-Identifier: Apache-2.0

#include "wrap.h"

#include <errno.h>
#include <string.h>
#include <sys/types.h>

ssize_t __real_read(int fd, void *buffer, size_t n);
ssize_t __real_write(int fd, const void *buffer, size_t n);

static struct {
  const uint8_t *cuts;
  size_t n;
} reads;

static struct {
  int kept;
  size_t n;
  uint8_t bytes[1 << 20];
} output;

void wrap_cut_reads(const uint8_t *cuts, size_t n) {
  reads.cuts = cuts;
  reads.n = n;
}

ssize_t __wrap_read(int fd, void *buffer, size_t n) {
  if (reads.n == 0) return __real_read(fd, buffer, n);
  size_t cut = *reads.cuts++;
  reads.n--;
  if (cut == 0) {
    errno = EINTR;
    return -1;
  }
  return __real_read(fd, buffer, cut < n ? cut : n);
}

void wrap_keep_output(void) {
  output.kept = 1;
  output.n = 0;
}

struct wrap_output wrap_kept_output(void) {
  output.kept = 0;
  return (struct wrap_output){output.bytes, output.n};
}

ssize_t __wrap_write(int fd, const void *buffer, size_t n) {
  if (fd != 2 || !output.kept || n > sizeof output.bytes - output.n)
    return __real_write(fd, buffer, n);
  memcpy(output.bytes + output.n, buffer, n);
  output.n += n;
  return (ssize_t)n;
}

// What libFuzzer is told of every comparison, to put the numbers into inputs: not as
// text, so it is of no use here, and for long inputs it took most of the time.
#define UNTRACED __attribute__((no_sanitize("coverage")))
UNTRACED void __wrap___sanitizer_cov_trace_cmp1(uint8_t a, uint8_t b) {}
UNTRACED void __wrap___sanitizer_cov_trace_cmp8(uint64_t a, uint64_t b) {}
UNTRACED void __wrap___sanitizer_cov_trace_const_cmp1(uint8_t a, uint8_t b) {}
UNTRACED void __wrap___sanitizer_cov_trace_const_cmp8(uint64_t a, uint64_t b) {}
