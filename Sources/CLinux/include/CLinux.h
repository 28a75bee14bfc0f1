// SPDX-License-Identifier: Apache-2.0
//
// What Swift cannot import, or imports badly: system calls without a wrapper,
// structures that differ by architecture, and macros. Nothing here schedules.
//
// Every function that can fail returns a negative errno; none sets errno.
#ifndef CLINUX_H
#define CLINUX_H

#include <stddef.h>
#include <stdint.h>

#include "net.h"

// Time and threads.

/// Brings the line at p into the cache, or does nothing.
static inline void prefetch(const void *_Nullable p) { __builtin_prefetch(p, 1); }

/// CLOCK_MONOTONIC, in nanoseconds.
int64_t nanotime(void) LINK(nanotime);
/// Sleeps on *addr while it holds val; timeout in nanoseconds, negative: none.
int32_t futexsleep(const void *_Nonnull addr, uint32_t val, int64_t timeout) LINK(futexsleep);
/// Wakes up to n sleepers on *addr.
int32_t futexwakeup(const void *_Nonnull addr, uint32_t n) LINK(futexwakeup);
/// Makes every running thread of this process pass a full memory barrier. Needs
/// membarrier_init once before.
void membarrier(void) LINK(membarrier);
int32_t membarrier_init(void) LINK(membarrier_init);
/// Sleeps in the kernel, whatever signals arrive.
void usleep_ns(int64_t ns) LINK(usleep_ns);
void osyield(void) LINK(osyield);
/// A pause instruction, n times.
static inline void procyield(uint32_t n) {
  for (uint32_t i = 0; i < n; i++) {
#if defined(__x86_64__)
    __asm__ volatile("pause");
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
  }
}
int32_t gettid_(void) LINK(gettid_);
/// Sends sig to one thread of this process.
int32_t tgkill_(int32_t tid, int32_t sig) LINK(tgkill_);
int32_t ncpu(void) LINK(ncpu);
/// Starts a detached thread with every signal blocked and a stack of its own.
int32_t newosproc(void (*_Nonnull start)(void *_Nullable), void *_Nullable arg, size_t stack)
    LINK(newosproc);
/// The bounds of the calling thread's stack.
void osstack(uintptr_t *_Nonnull lo, uintptr_t *_Nonnull hi) LINK(osstack);
/// The calling thread's errno.
int32_t *_Nonnull errno_location(void) LINK(errno_location);

// Process.

int64_t write_(int32_t fd, const void *_Nonnull buf, size_t n) LINK(write_);
void exit_(int32_t status) LINK(exit_) __attribute__((noreturn));
/// Ends the process as exit(3) does, with the handlers registered by atexit.
void exit_clean(int32_t status) LINK(exit_clean) __attribute__((noreturn));
const char *_Nullable getenv_(const char *_Nonnull name) LINK(getenv_);

// Memory.

/// Reserves size bytes aligned to align, readable and writable, backed by nothing.
void *_Nullable sys_reserve(size_t size, size_t align) LINK(sys_reserve);
/// Marks a range as a guard: touching it is SIGSEGV. Uses no VMA where the
/// kernel has MADV_GUARD_INSTALL (6.13), else mprotect.
int32_t guard_install(void *_Nonnull addr, size_t n) LINK(guard_install);
int32_t guard_remove(void *_Nonnull addr, size_t n) LINK(guard_remove);
/// Whether guards cost no VMA here.
int32_t guard_is_cheap(void) LINK(guard_is_cheap);
/// Gives the pages back; they read as zero afterwards. Guards stay.
void sys_unused(void *_Nonnull addr, size_t n) LINK(sys_unused);
/// Asks for huge pages.
void sys_hugepage(void *_Nonnull addr, size_t n) LINK(sys_hugepage);

// Files as memory.

/// Makes a file, or an empty one of one that is there; a descriptor.
int32_t file_create(const char *_Nonnull path) LINK(file_create);
/// n bytes of it, zeros where it was shorter; null: no space.
void *_Nullable file_map(int32_t fd, uint64_t offset, size_t n) LINK(file_map);
void file_unmap(void *_Nonnull addr, size_t n) LINK(file_unmap);
void file_close(int32_t fd) LINK(file_close);

// Signals.

enum {
  SIG_TRAP = 5, SIG_ABORT = 6, SIG_BUS = 7, SIG_SEGV = 11, SIG_PIPE = 13, SIG_QUIT = 3, SIG_URG = 23,
};
typedef void (*sighandler_)(int32_t sig, void *_Nullable info, void *_Nullable context);
/// Installs handler with SA_SIGINFO | SA_ONSTACK | SA_RESTART; remembers what was there.
int32_t setsig(int32_t sig, sighandler_ _Nonnull handler) LINK(setsig);
/// Makes every handler that is installed run on the signal stack, where there is one.
void setonstack(void) LINK(setonstack);
/// Whether the handler of sig is handler.
int32_t issig(int32_t sig, sighandler_ _Nonnull handler) LINK(issig);
/// Hands the signal to the handler that was there before setsig. Returns 0
/// where there was none, or where a fault was to be ignored; the default action is
/// then the caller's to take.
int32_t sigfwd(int32_t sig, void *_Nullable info, void *_Nullable context) LINK(sigfwd);
/// Puts back the default action of sig and raises it; for a fault, returning
/// from the handler then repeats it and ends the process.
void dieFromSignal(int32_t sig) LINK(dieFromSignal);
/// Makes [lo, lo+size) the calling thread's signal stack; old receives the
/// previous one (opaque, four words), or may be null.
void setsigstack(void *_Nonnull lo, size_t size, uintptr_t *_Nullable old) LINK(setsigstack);
void restoresigstack(const uintptr_t *_Nonnull old) LINK(restoresigstack);
/// Blocks every signal; old receives the mask (opaque, 16 words).
void sigblockall(uintptr_t *_Nonnull old) LINK(sigblockall);
void sigrestoremask(const uintptr_t *_Nonnull old) LINK(sigrestoremask);
/// Unblocks the signals that the runtime handles on the calling thread; old, if not
/// null, receives the mask from before (opaque, 16 words).
void sigunblockours(uintptr_t *_Nullable old) LINK(sigunblockours);
/// The fault address of a SIGSEGV or SIGBUS, and si_code.
uintptr_t sigaddr(const void *_Nonnull info) LINK(sigaddr);
int32_t sigcode(const void *_Nonnull info) LINK(sigcode);
uintptr_t sigpc(const void *_Nonnull context) LINK(sigpc);
uintptr_t sigsp(const void *_Nonnull context) LINK(sigsp);
uintptr_t sigfp(const void *_Nonnull context) LINK(sigfp);
/// Makes the interrupted code appear to have called fn: skips the red zone,
/// pushes the program counter, continues at fn.
void sigpushcall(void *_Nonnull context, uintptr_t fn) LINK(sigpushcall);
/// Whether a general register of context holds an address in [lo, hi).
int32_t sigregsin(const void *_Nonnull context, uintptr_t lo, uintptr_t hi) LINK(sigregsin);
/// The calling thread's block of static thread-locals.
void tlsrange(uintptr_t *_Nonnull lo, uintptr_t *_Nonnull hi) LINK(tlsrange);

/// The caller's frame address.
__attribute__((always_inline)) static inline const void *_Nullable frame_address(void) { return __builtin_frame_address(0); }

// Text: which code is the program's own.

/// Reads the list of loaded modules. Call again after a dlopen.
void textinit(void) LINK(textinit);
/// Whether pc is in the main program.
int32_t textismain(uintptr_t pc) LINK(textismain);
/// Whether pc is in a shared library.
int32_t textisforeign(uintptr_t pc) LINK(textisforeign);
/// Whether some word in [lo, hi) is an address in a shared library's code. Words
/// left over from earlier calls count too.
int32_t textscan(uintptr_t lo, uintptr_t hi) LINK(textscan);
/// Whether a library was loaded since textinit: textisforeign and textscan do not know it.
/// In a signal handler, only where the interrupted code is the main program's.
int32_t textchanged(void) LINK(textchanged);
/// In a signal handler: whether every frame from the interrupted pc up to the
/// function that begins at bottom is the main program's. Follows unwind tables;
/// 0 also where they do not lead there.
int32_t textunwind(uintptr_t pc, uintptr_t bottom) LINK(textunwind);
/// Whether sig has a handler from before setsig that is the main program's own.
int32_t sigownhandler(int32_t sig) LINK(sigownhandler);
/// Whether the Swift standard library is linked into the main program, so that
/// its code cannot be told from the program's own.
int32_t textisstatic(void) LINK(textisstatic);
/// The symbol that covers pc in the main program (from its symbol table) or in a
/// library (dladdr). Writes a mangled name; returns the offset, or -1.
int64_t symbolize(uintptr_t pc, char *_Nonnull out, size_t n) LINK(symbolize);
/// Demangles a Swift name; returns 0 where in is not one. Allocates.
int32_t demangle(const char *_Nonnull in, char *_Nonnull out, size_t n) LINK(demangle);

// Exclusivity.

/// The address of the calling thread's head of the list of accesses in
/// progress, as libswiftCore keeps it, found by making an access and looking
/// for it; null where the search is not certain of its find.
uintptr_t *_Nullable exclusivityhead(void) LINK(exclusivityhead);
void exclusivityenter(void *_Nonnull twowords) LINK(exclusivityenter);
void exclusivityexit(void *_Nonnull twowords) LINK(exclusivityexit);

// epoll.

int32_t epollcreate(void) LINK(epollcreate);
/// Adds fd, edge-triggered, in both directions, with data.
int32_t epolladd(int32_t epfd, int32_t fd, uint64_t data) LINK(epolladd);
/// Adds fd, level-triggered, for reading, with data.
int32_t epolladdlevel(int32_t epfd, int32_t fd, uint64_t data) LINK(epolladdlevel);
int32_t epolldel(int32_t epfd, int32_t fd) LINK(epolldel);
struct epollevent {
  uint32_t events;
  uint64_t data;
};
enum { EPOLL_IN = 0x001, EPOLL_OUT = 0x004, EPOLL_ERR = 0x008, EPOLL_HUP = 0x010, EPOLL_RDHUP = 0x2000 };
/// Waits up to timeout nanoseconds (negative: for ever) and fills up to n <= 128
/// events. Nanosecond timeouts where the kernel has epoll_pwait2 (5.11), else
/// rounded up to a millisecond.
int32_t epollwait(int32_t epfd, struct epollevent *_Nonnull ev, int32_t n, int64_t timeout)
    LINK(epollwait);
int32_t eventfd_(void) LINK(eventfd_);

// For debuggers; see debug.c.

/// Adds a line to the table that a debugger reads: what value means is said by group
/// and name, which are kept. size is that of a field of which value is the offset.
void debugput(const char *_Nonnull group, const char *_Nonnull name, uint64_t value, uint64_t size)
    LINK(debugput);
/// Does nothing: called for a fault that is no growth of a stack, so that a debugger can
/// stop there and need not stop at every fault.
void debugfault(void) LINK(debugfault);

#endif
