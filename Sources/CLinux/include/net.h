// SPDX-License-Identifier: Apache-2.0
//
// Sockets and pipes, nonblocking and close-on-exec from birth.
//
// Every function that can fail returns a negative errno; none sets errno. None
// blocks, save netlookup. None raises SIGPIPE, save pipewrite.
#ifndef CLINUX_NET_H
#define CLINUX_NET_H

#include <stddef.h>
#include <stdint.h>

// What a function is called in the object files: a program has names of its own.
#define LINK(name) __asm__("clinux_" #name)

/// The errors that callers tell apart.
static const int32_t E_PERM = 1, E_INTR = 4, E_BADF = 9, E_AGAIN = 11, E_INVAL = 22, E_NOSPC = 28;
static const int32_t E_NFILE = 23, E_MFILE = 24;
static const int32_t E_AFNOSUPPORT = 97, E_ADDRNOTAVAIL = 99, E_CONNABORTED = 103;
static const int32_t E_TIMEDOUT = 110, E_HOSTUNREACH = 113, E_INPROGRESS = 115;

/// The event that CLinux.h does not name: urgent data.
static const uint32_t EPOLL_PRI = 0x002;
/// Adds fd, edge-triggered, in both directions and for urgent data, with data.
int32_t netpolladd(int32_t epfd, int32_t fd, uint64_t data) LINK(netpolladd);

/// A socket address.
struct netaddr {
  uint32_t len;
  uint32_t v4mapped;
  uint64_t bytes[4];
};

// Addresses.

/// Fills up to n addresses for a host that needs no looking up: a number, the
/// empty string (when listening, every interface; else this machine) or
/// "localhost". Returns how many; 0: it is a name.
int32_t netparse(const char *_Nonnull host, uint16_t port, int32_t listening,
                 struct netaddr *_Nonnull out, int32_t n) LINK(netparse);
/// Asks the system for the addresses of a name, IPv4 first when listening. Blocks.
int32_t netlookup(const char *_Nonnull host, uint16_t port, int32_t listening,
                  struct netaddr *_Nonnull out, int32_t n) LINK(netlookup);

// Sockets.

/// Returns a listening socket.
int32_t netlisten(const struct netaddr *_Nonnull addr) LINK(netlisten);
/// The port a socket is bound to.
int32_t netport(int32_t fd) LINK(netport);
/// Takes a connection from the queue of a listening socket; it sends without delay.
int32_t netaccept(int32_t fd) LINK(netaccept);
/// Starts to connect. Returns the socket; pending is 0 where it is connected.
int32_t netdial(const struct netaddr *_Nonnull addr, int32_t *_Nonnull pending) LINK(netdial);
/// How a pending connect ended: 0, -E_INPROGRESS while it has not, or why it failed.
int32_t netdialed(int32_t fd) LINK(netdialed);
/// Whether the two ends of a connection are the same socket.
int32_t netisself(int32_t fd) LINK(netisself);
int64_t netrecv(int32_t fd, void *_Nullable buf, size_t n) LINK(netrecv);
int64_t netsend(int32_t fd, const void *_Nullable buf, size_t n) LINK(netsend);
/// Ends the sending direction.
int32_t netshutdown(int32_t fd) LINK(netshutdown);

// Pipes, and any descriptor.

/// fds[0] is for reading, fds[1] for writing.
int32_t netpipe(int32_t *_Nonnull fds) LINK(netpipe);
int64_t piperead(int32_t fd, void *_Nullable buf, size_t n) LINK(piperead);
int64_t pipewrite(int32_t fd, const void *_Nullable buf, size_t n) LINK(pipewrite);
/// Whether fd is ready at this moment, errors and a hung-up other end included.
int32_t netready(int32_t fd, int32_t writing) LINK(netready);
int32_t netdup(int32_t fd) LINK(netdup);
void netclose(int32_t fd) LINK(netclose);

/// The system's words for an errno.
void neterror(int32_t code, char *_Nonnull out, size_t n) LINK(neterror);

#endif
