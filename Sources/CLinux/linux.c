// SPDX-License-Identifier: Apache-2.0
//
// See CLinux.h.
#define _GNU_SOURCE
#include "CLinux.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
// When a process ends, LeakSanitizer does not know the stacks of goroutines that still
// live, nor Gs: whatever only those have would count as lost. So no search then, unless
// the program asks for one. Not weak, as the sanitizer's own is: the first one counts.
const char *__lsan_default_options(void) { return "leak_check_at_exit=0"; }
#endif
#endif

// System calls are made without libc where libc would set errno: the caller may
// be a signal handler, or a scheduler that has just changed goroutines.

static long result(long r) { return r < 0 ? -errno : r; }

// Time and threads.

int64_t nanotime(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int32_t futexsleep(const void *addr, uint32_t val, int64_t timeout) {
  struct timespec t = {timeout / 1000000000, timeout % 1000000000};
  int saved = errno;
  long r = result(syscall(SYS_futex, addr, FUTEX_WAIT_PRIVATE, val, timeout < 0 ? NULL : &t, NULL, 0));
  errno = saved;
  return (int32_t)r;
}

int32_t futexwakeup(const void *addr, uint32_t n) {
  int saved = errno;
  long r = result(syscall(SYS_futex, addr, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0));
  errno = saved;
  return (int32_t)r;
}

// linux/membarrier.h: register and use the expedited barrier (Linux 4.14).
enum { MEMBARRIER_PRIVATE_EXPEDITED = 8, MEMBARRIER_REGISTER_PRIVATE_EXPEDITED = 16 };

int32_t membarrier_init(void) {
  return (int32_t)result(syscall(SYS_membarrier, MEMBARRIER_REGISTER_PRIVATE_EXPEDITED, 0, 0));
}

void membarrier(void) {
  int saved = errno;
  syscall(SYS_membarrier, MEMBARRIER_PRIVATE_EXPEDITED, 0, 0);
  errno = saved;
}

void usleep_ns(int64_t ns) {
  struct timespec t = {ns / 1000000000, ns % 1000000000};
  while (clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &t) == EINTR) {
  }
}

void osyield(void) { sched_yield(); }

int32_t gettid_(void) { return (int32_t)syscall(SYS_gettid); }

int32_t tgkill_(int32_t tid, int32_t sig) {
  int saved = errno;
  long r = result(syscall(SYS_tgkill, getpid(), tid, sig));
  errno = saved;
  return (int32_t)r;
}

int32_t ncpu(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
  return 1;
}

struct start {
  void (*fn)(void *);
  void *arg;
};

static void *startthread(void *p) {
  struct start s = *(struct start *)p;
  free(p);
  s.fn(s.arg);
  return NULL;
}

int32_t newosproc(void (*fn)(void *), void *arg, size_t stack) {
  struct start *s = malloc(sizeof *s);
  if (s == NULL) return -ENOMEM;
  *s = (struct start){fn, arg};
  pthread_attr_t attr;
  pthread_attr_init(&attr);
  pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attr, stack);
  pthread_t t;
  int r = pthread_create(&t, &attr, startthread, s);
  pthread_attr_destroy(&attr);
  if (r != 0) free(s);
  return -r;
}

void osstack(uintptr_t *lo, uintptr_t *hi) {
  pthread_attr_t attr;
  void *addr = NULL;
  size_t size = 0;
  if (pthread_getattr_np(pthread_self(), &attr) == 0) {
    pthread_attr_getstack(&attr, &addr, &size);
    pthread_attr_destroy(&attr);
  }
  *lo = (uintptr_t)addr;
  *hi = (uintptr_t)addr + size;
}

int32_t *errno_location(void) { return &errno; }

// Process.

int64_t write_(int32_t fd, const void *buf, size_t n) {
  int saved = errno;
  long r;
  do r = result(write(fd, buf, n));
  while (r == -EINTR);
  errno = saved;
  return r;
}

void exit_(int32_t status) { _exit(status); }
void exit_clean(int32_t status) { exit(status); }
const char *getenv_(const char *name) { return getenv(name); }

// Memory.

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif

void *sys_reserve(size_t size, size_t align) {
  size_t n = size + align;
  char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) return NULL;
  char *q = (char *)(((uintptr_t)p + align - 1) & ~(uintptr_t)(align - 1));
  if (q != p) munmap(p, (size_t)(q - p));
  if (q + size != p + n) munmap(q + size, (size_t)(p + n - (q + size)));
  return q;
}

// Files as memory. Zeros are written first: a store to a page for which there is no
// space would be SIGBUS, and one to a page that is not in memory costs ten times more.

int32_t file_create(const char *path) {
  return (int32_t)result(
      syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
}

void *file_map(int32_t fd, uint64_t offset, size_t n) {
  static const char zeros[64 << 10];
  int saved = errno;
  void *p = MAP_FAILED;
  size_t done = 0;
  while (done < n) {
    size_t piece = n - done < sizeof zeros ? n - done : sizeof zeros;
    long r = result(syscall(SYS_pwrite64, fd, zeros, piece, offset + done));
    if (r == -EINTR) continue;
    if (r <= 0) break;
    done += (size_t)r;
  }
  if (done == n) p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);
  errno = saved;
  return p == MAP_FAILED ? NULL : p;
}

void file_unmap(void *addr, size_t n) {
  int saved = errno;
  munmap(addr, n);
  errno = saved;
}

void file_close(int32_t fd) { syscall(SYS_close, fd); }

static int cheapguards = -1;

int32_t guard_is_cheap(void) {
  if (cheapguards < 0) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *p = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cheapguards = p != MAP_FAILED && madvise(p, page, MADV_GUARD_INSTALL) == 0;
    if (p != MAP_FAILED) munmap(p, page);
  }
  return cheapguards;
}

int32_t guard_install(void *addr, size_t n) {
  int saved = errno;
  long r;
  if (guard_is_cheap()) {
    do r = result(madvise(addr, n, MADV_GUARD_INSTALL));
    while (r == -EINTR || r == -EAGAIN);
  } else {
    r = result(mprotect(addr, n, PROT_NONE));
  }
  errno = saved;
  return (int32_t)r;
}

int32_t guard_remove(void *addr, size_t n) {
  int saved = errno;
  long r;
  if (guard_is_cheap()) {
    do r = result(madvise(addr, n, MADV_GUARD_REMOVE));
    while (r == -EINTR || r == -EAGAIN);
  } else {
    r = result(mprotect(addr, n, PROT_READ | PROT_WRITE));
  }
  errno = saved;
  return (int32_t)r;
}

void sys_unused(void *addr, size_t n) {
  int saved = errno;
  madvise(addr, n, MADV_DONTNEED);
  errno = saved;
}

void sys_hugepage(void *addr, size_t n) {
  int saved = errno;
  madvise(addr, n, MADV_HUGEPAGE);
  errno = saved;
}

// Signals.

static struct sigaction previous[65];

int32_t setsig(int32_t sig, sighandler_ handler) {
  struct sigaction sa;
  memset(&sa, 0, sizeof sa);
  sa.sa_sigaction = (void (*)(int, siginfo_t *, void *))handler;
  sa.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
  sigfillset(&sa.sa_mask);
  return (int32_t)result(sigaction(sig, &sa, &previous[sig]));
}

void setonstack(void) {
  for (int sig = 1; sig < 65; sig++) {
    struct sigaction sa;
    // The C library keeps some to itself, and refuses.
    if (sigaction(sig, NULL, &sa) != 0 || (sa.sa_flags & SA_ONSTACK)) continue;
    if (!(sa.sa_flags & SA_SIGINFO) && (sa.sa_handler == SIG_DFL || sa.sa_handler == SIG_IGN)) continue;
    sa.sa_flags |= SA_ONSTACK;
    sigaction(sig, &sa, NULL);
  }
}

int32_t issig(int32_t sig, sighandler_ handler) {
  struct sigaction sa;
  if (sigaction(sig, NULL, &sa) != 0) return 0;
  return (sa.sa_flags & SA_SIGINFO) && sa.sa_sigaction == (void (*)(int, siginfo_t *, void *))handler;
}

// forwardmask sets the mask that the kernel would have called the previous handler with: ours is
// called with everything blocked, and a handler that reports a crash may count on faults of its own.
static void forwardmask(int32_t sig, const struct sigaction *sa, const void *context, sigset_t *old) {
  sigset_t mask;
  sigorset(&mask, &((const ucontext_t *)context)->uc_sigmask, &sa->sa_mask);
  if (!(sa->sa_flags & SA_NODEFER)) sigaddset(&mask, sig);
  pthread_sigmask(SIG_SETMASK, &mask, old);
}

int32_t sigfwd(int32_t sig, void *info, void *context) {
  const struct sigaction *sa = &previous[sig];
  if (!(sa->sa_flags & SA_SIGINFO)) {
    // Not of a fault: to return would repeat it for ever.
    if (sa->sa_handler == SIG_IGN) return sigcode(info) <= 0;
    if (sa->sa_handler == SIG_DFL) return 0;
  } else if (sa->sa_sigaction == NULL) {
    return 0;
  }
  sigset_t old;
  forwardmask(sig, sa, context, &old);
  if (sa->sa_flags & SA_SIGINFO)
    sa->sa_sigaction(sig, info, context);
  else
    sa->sa_handler(sig);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  return 1;
}

void dieFromSignal(int32_t sig) {
  struct sigaction sa;
  memset(&sa, 0, sizeof sa);
  sa.sa_handler = SIG_DFL;
  sigaction(sig, &sa, NULL);
  raise(sig);
}

_Static_assert(sizeof(stack_t) <= 4 * sizeof(uintptr_t), "setsigstack");

void setsigstack(void *lo, size_t size, uintptr_t *old) {
  stack_t ss = {.ss_sp = lo, .ss_size = size}, was;
  sigaltstack(&ss, &was);
  if (old != NULL) memcpy(old, &was, sizeof was);
}

void restoresigstack(const uintptr_t *old) {
  stack_t ss;
  memcpy(&ss, old, sizeof ss);
  sigaltstack(&ss, NULL);
}

_Static_assert(sizeof(sigset_t) <= 16 * sizeof(uintptr_t), "sigblockall");

void sigblockall(uintptr_t *old) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, (sigset_t *)old);
}

void sigrestoremask(const uintptr_t *old) { pthread_sigmask(SIG_SETMASK, (const sigset_t *)old, NULL); }

void sigunblockours(uintptr_t *old) {
  sigset_t ours;
  sigemptyset(&ours);
  sigaddset(&ours, SIGURG);
  sigaddset(&ours, SIGSEGV);
  sigaddset(&ours, SIGBUS);
  sigaddset(&ours, SIGQUIT);
  sigaddset(&ours, SIGPIPE);
  sigaddset(&ours, SIGTRAP);
  pthread_sigmask(SIG_UNBLOCK, &ours, (sigset_t *)old);
}

uintptr_t sigaddr(const void *info) { return (uintptr_t)((const siginfo_t *)info)->si_addr; }
int32_t sigcode(const void *info) { return ((const siginfo_t *)info)->si_code; }

#if defined(__x86_64__)
#define UC(c) (((ucontext_t *)(c))->uc_mcontext.gregs)
uintptr_t sigpc(const void *c) { return (uintptr_t)UC(c)[REG_RIP]; }
uintptr_t sigsp(const void *c) { return (uintptr_t)UC(c)[REG_RSP]; }
uintptr_t sigfp(const void *c) { return (uintptr_t)UC(c)[REG_RBP]; }

void sigpushcall(void *c, uintptr_t fn) {
  uintptr_t sp = (uintptr_t)UC(c)[REG_RSP] - 128 - sizeof(uintptr_t);
  *(uintptr_t *)sp = (uintptr_t)UC(c)[REG_RIP];
  UC(c)[REG_RSP] = (greg_t)sp;
  UC(c)[REG_RIP] = (greg_t)fn;
}

int32_t sigregsin(const void *c, uintptr_t lo, uintptr_t hi) {
  for (int i = REG_R8; i <= REG_RCX; i++) {
    uintptr_t r = (uintptr_t)UC(c)[i];
    if (r >= lo && r < hi) return 1;
  }
  return 0;
}
#elif defined(__aarch64__)
#define UC(c) (((ucontext_t *)(c))->uc_mcontext)
uintptr_t sigpc(const void *c) { return UC(c).pc; }
uintptr_t sigsp(const void *c) { return UC(c).sp; }
uintptr_t sigfp(const void *c) { return UC(c).regs[29]; }

void sigpushcall(void *c, uintptr_t fn) {
  uintptr_t sp = UC(c).sp - 16;
  ((uintptr_t *)sp)[0] = UC(c).pc;
  ((uintptr_t *)sp)[1] = UC(c).regs[30];
  UC(c).sp = sp;
  UC(c).regs[30] = UC(c).pc;
  UC(c).pc = fn;
}

int32_t sigregsin(const void *c, uintptr_t lo, uintptr_t hi) {
  for (int i = 0; i < 31; i++) {
    uintptr_t r = UC(c).regs[i];
    if (r >= lo && r < hi) return 1;
  }
  return 0;
}
#endif

// Text.

struct range {
  uintptr_t lo, hi;
};
enum { MAXRANGES = 512 };
static struct range mainrange, foreign[MAXRANGES];
static int nforeign;
static uintptr_t mainbase;
static unsigned long long nloads;

static int addmodule(struct dl_phdr_info *info, size_t size, void *arg) {
  (void)size;
  int *first = arg;
  nloads = info->dlpi_adds;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
    if (ph->p_type != PT_LOAD || !(ph->p_flags & PF_X)) continue;
    struct range r = {info->dlpi_addr + ph->p_vaddr, info->dlpi_addr + ph->p_vaddr + ph->p_memsz};
    if (*first) {
      mainrange = r;
      mainbase = info->dlpi_addr;
    } else if (nforeign < MAXRANGES) {
      int j = nforeign++;
      for (; j > 0 && foreign[j - 1].lo > r.lo; j--) foreign[j] = foreign[j - 1];
      foreign[j] = r;
    }
  }
  *first = 0;
  return 0;
}

void textinit(void) {
  int first = 1;
  nforeign = 0;
  dl_iterate_phdr(addmodule, &first);
}

static int countloads(struct dl_phdr_info *info, size_t size, void *arg) {
  (void)size;
  *(unsigned long long *)arg = info->dlpi_adds;
  return 1;
}

// Takes a lock that a thread may take twice, and that another thread holds for as long as it
// changes the list, and calls nothing.
int32_t textchanged(void) {
  unsigned long long n = 0;
  dl_iterate_phdr(countloads, &n);
  return n != nloads;
}

int32_t textismain(uintptr_t pc) { return pc >= mainrange.lo && pc < mainrange.hi; }

int32_t textisforeign(uintptr_t pc) {
  int lo = 0, hi = nforeign;
  while (lo < hi) {
    int mid = (lo + hi) / 2;
    if (pc >= foreign[mid].hi)
      lo = mid + 1;
    else
      hi = mid;
  }
  return lo < nforeign && pc >= foreign[lo].lo;
}

// Reads memory that a sanitizer may have marked: every word of a live stack.
__attribute__((no_sanitize("address", "thread", "undefined")))
int32_t textscan(uintptr_t lo, uintptr_t hi) {
  if (nforeign == 0) return 0;
  uintptr_t min = foreign[0].lo, max = foreign[nforeign - 1].hi;
  for (uintptr_t a = lo & ~(sizeof(uintptr_t) - 1); a < hi; a += sizeof(uintptr_t)) {
    uintptr_t w = *(const volatile uintptr_t *)a;
    if (w < min || w >= max) continue;
    if (textisforeign(w)) return 1;
  }
  return 0;
}

struct unwind {
  uintptr_t pc, bottom;
  int started, clean, done, frames;
};

static _Unwind_Reason_Code unwindframe(struct _Unwind_Context *c, void *arg) {
  struct unwind *u = arg;
  uintptr_t ip = _Unwind_GetIP(c);
  if (!u->started) {
    // The handler's own frames come first.
    if (ip != u->pc) return ++u->frames > 32 ? _URC_END_OF_STACK : _URC_NO_REASON;
    u->started = 1;
    return _URC_NO_REASON;
  }
  if (ip >= u->bottom && ip < u->bottom + 64) {
    u->done = 1;
    return _URC_END_OF_STACK;
  }
  if (!textismain(ip) || ++u->frames > 4096) {
    u->clean = 0;
    return _URC_END_OF_STACK;
  }
  return _URC_NO_REASON;
}

// libgcc finds tables without a lock (glibc 2.35), or with one that is not held
// here: the interrupted code is the main program's.
int32_t textunwind(uintptr_t pc, uintptr_t bottom) {
  struct unwind u = {.pc = pc, .bottom = bottom, .clean = 1};
  _Unwind_Backtrace(unwindframe, &u);
  return u.clean && u.done;
}

int32_t sigownhandler(int32_t sig) {
  const struct sigaction *sa = &previous[sig];
  return textismain(sa->sa_flags & SA_SIGINFO ? (uintptr_t)sa->sa_sigaction : (uintptr_t)sa->sa_handler);
}

extern void swift_beginAccess(void *pointer, void *buffer, uintptr_t flags, void *pc);
extern void swift_endAccess(void *buffer);
extern void swift_task_enterThreadLocalContext(char *state);
extern void swift_task_exitThreadLocalContext(char *state);
extern char *swift_demangle(const char *name, size_t length, char *out, size_t *n, uint32_t flags);

int32_t textisstatic(void) {
  Dl_info info;
  void *fn = dlsym(RTLD_DEFAULT, "swift_retain");
  if (fn == NULL) return 1;
  return dladdr(fn, &info) != 0 && (uintptr_t)info.dli_fbase == mainbase && mainbase != 0;
}

static const ElfW(Sym) *symtab;
static size_t nsym;
static const char *strtab;

static void opensymtab(void) {
  static int tried;
  if (tried) return;
  tried = 1;
  int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  struct stat st;
  char *f = MAP_FAILED;
  if (fstat(fd, &st) == 0 && st.st_size > (off_t)sizeof(ElfW(Ehdr)))
    f = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  close(fd);
  if (f == MAP_FAILED) return;
  const ElfW(Ehdr) *eh = (const ElfW(Ehdr) *)f;
  const ElfW(Shdr) *sh = (const ElfW(Shdr) *)(f + eh->e_shoff);
  for (int i = 0; i < eh->e_shnum; i++) {
    if (sh[i].sh_type != SHT_SYMTAB || sh[i].sh_link >= eh->e_shnum) continue;
    nsym = sh[i].sh_size / sizeof(ElfW(Sym));
    strtab = f + sh[sh[i].sh_link].sh_offset;
    symtab = (const ElfW(Sym) *)(f + sh[i].sh_offset);
  }
}

static void copyname(char *out, size_t n, const char *in) {
  size_t i = 0;
  for (; i + 1 < n && in[i] != 0; i++) out[i] = in[i];
  if (n > 0) out[i] = 0;
}

int64_t symbolize(uintptr_t pc, char *out, size_t n) {
  if (textismain(pc)) {
    opensymtab();
    const ElfW(Sym) *best = NULL;
    uintptr_t a = pc - mainbase;
    for (size_t i = 0; i < nsym; i++) {
      const ElfW(Sym) *s = &symtab[i];
      if (ELF64_ST_TYPE(s->st_info) != STT_FUNC || s->st_value > a) continue;
      if (s->st_size != 0 && a >= s->st_value + s->st_size) continue;
      if (best == NULL || s->st_value > best->st_value) best = s;
    }
    if (best == NULL) return -1;
    copyname(out, n, strtab + best->st_name);
    return (int64_t)(a - best->st_value);
  }
  Dl_info info;
  if (dladdr((void *)pc, &info) == 0 || info.dli_sname == NULL) return -1;
  copyname(out, n, info.dli_sname);
  return (int64_t)(pc - (uintptr_t)info.dli_saddr);
}

int32_t demangle(const char *in, char *out, size_t n) {
  if (in[0] != '$' && !(in[0] == '_' && in[1] == '$')) return 0;
  char *s = swift_demangle(in, strlen(in), NULL, NULL, 0);
  if (s == NULL) return 0;
  copyname(out, n, s);
  free(s);
  return 1;
}

static uintptr_t tlsbase(void) {
#if defined(__x86_64__)
  uintptr_t r;
  __asm__("movq %%fs:0, %0" : "=r"(r));
  return r;
#elif defined(__aarch64__)
  uintptr_t r;
  __asm__("mrs %0, tpidr_el0" : "=r"(r));
  return r;
#endif
}

void tlsrange(uintptr_t *lo, uintptr_t *hi) {
  // Below the thread pointer on x86-64, above it on arm64; a page either side
  // covers what the modules loaded at start-up keep there, errno among them.
  uintptr_t tp = tlsbase();
  *lo = tp - 4096;
  *hi = tp + 4096;
}

// Exclusivity.
//
// libswiftCore keeps the accesses in progress on a singly linked list whose head
// is a thread-local word; the newest access record is the caller's own buffer.
// So the word that holds the buffer's address during an access, and did not
// before and does not after, is the head.

struct search {
  uintptr_t needle, code;
  uintptr_t *found;
  int count;
};

static int searchtls(struct dl_phdr_info *info, size_t size, void *arg) {
  (void)size;
  struct search *s = arg;
  int owns = 0;
  const ElfW(Phdr) *tls = NULL;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
    if (ph->p_type == PT_TLS) tls = ph;
    uintptr_t lo = info->dlpi_addr + ph->p_vaddr;
    if (ph->p_type == PT_LOAD && s->code >= lo && s->code < lo + ph->p_memsz) owns = 1;
  }
  if (!owns || tls == NULL || info->dlpi_tls_data == NULL) return 0;
  uintptr_t *w = info->dlpi_tls_data;
  for (size_t i = 0; i < tls->p_memsz / sizeof *w; i++) {
    if (w[i] != s->needle) continue;
    s->found = &w[i];
    s->count++;
  }
  return 0;
}

__attribute__((no_sanitize("address", "thread")))
uintptr_t *exclusivityhead(void) {
  // A modification (1), to be kept on the list (0x20).
  enum { MODIFY_TRACKED = 0x21 };
  char what[2];
  void *a[3], *b[3];
  struct search s = {(uintptr_t)a, 0, NULL, 0};
  void *code = dlsym(RTLD_DEFAULT, "swift_beginAccess");
  s.code = code != NULL ? (uintptr_t)code : (uintptr_t)&swift_beginAccess;
  swift_beginAccess(&what[0], a, MODIFY_TRACKED, NULL);
  dl_iterate_phdr(searchtls, &s);
  if (s.count != 1) {
    swift_endAccess(a);
    return NULL;
  }
  volatile uintptr_t *head = s.found;
  swift_beginAccess(&what[1], b, MODIFY_TRACKED, NULL);
  int ok = *head == (uintptr_t)b;
  swift_endAccess(b);
  ok = ok && *head == (uintptr_t)a;
  // With the list put aside, the same access must not be a conflict.
  uintptr_t aside = *head;
  *head = 0;
  swift_beginAccess(&what[0], b, MODIFY_TRACKED, NULL);
  ok = ok && *head == (uintptr_t)b;
  swift_endAccess(b);
  ok = ok && *head == 0;
  *head = aside;
  swift_endAccess(a);
  ok = ok && *head != (uintptr_t)a;
  return ok ? s.found : NULL;
}

void exclusivityenter(void *two) { swift_task_enterThreadLocalContext(two); }
void exclusivityexit(void *two) { swift_task_exitThreadLocalContext(two); }

// epoll.

int32_t epollcreate(void) { return (int32_t)result(epoll_create1(EPOLL_CLOEXEC)); }

int32_t epolladd(int32_t epfd, int32_t fd, uint64_t data) {
  struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.u64 = data};
  return (int32_t)result(epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev));
}

int32_t epolladdlevel(int32_t epfd, int32_t fd, uint64_t data) {
  struct epoll_event ev = {.events = EPOLLIN, .data.u64 = data};
  return (int32_t)result(epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev));
}

int32_t epolldel(int32_t epfd, int32_t fd) {
  struct epoll_event ev;
  return (int32_t)result(epoll_ctl(epfd, EPOLL_CTL_DEL, fd, &ev));
}

int32_t epollwait(int32_t epfd, struct epollevent *out, int32_t n, int64_t timeout) {
  static int havepwait2 = 1;
  struct epoll_event ev[128];
  long r;
  if (n > 128) n = 128;
#ifdef SYS_epoll_pwait2
  if (__atomic_load_n(&havepwait2, __ATOMIC_RELAXED)) {
    struct timespec t = {timeout / 1000000000, timeout % 1000000000};
    r = result(syscall(SYS_epoll_pwait2, epfd, ev, n, timeout < 0 ? NULL : &t, NULL, 0));
    if (r != -ENOSYS) goto done;
    __atomic_store_n(&havepwait2, 0, __ATOMIC_RELAXED);
  }
#endif
  int64_t ms = timeout < 0 ? -1 : (timeout + 999999) / 1000000;
  r = result(epoll_wait(epfd, ev, n, ms > 1000000000 ? 1000000000 : (int)ms));
done:
  for (long i = 0; i < r; i++) out[i] = (struct epollevent){ev[i].events, ev[i].data.u64};
  return (int32_t)r;
}

int32_t eventfd_(void) { return (int32_t)result(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }
