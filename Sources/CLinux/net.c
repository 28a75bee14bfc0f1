// SPDX-License-Identifier: Apache-2.0
//
// See net.h.
#define _GNU_SOURCE
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

_Static_assert(EPERM == 1 && EINTR == 4 && EBADF == 9 && EAGAIN == 11 && EINVAL == 22, "errno");
_Static_assert(ENFILE == 23 && EMFILE == 24, "errno");
_Static_assert(EAFNOSUPPORT == 97 && EADDRNOTAVAIL == 99 && ECONNABORTED == 103, "errno");
_Static_assert(ETIMEDOUT == 110 && EHOSTUNREACH == 113 && EINPROGRESS == 115, "errno");
_Static_assert(EPOLLPRI == 0x002, "epoll");
_Static_assert(sizeof(struct sockaddr_in6) <= sizeof(((struct netaddr *)0)->bytes), "netaddr");

// errno belongs to the goroutine: whatever happens here, it stays as it was.
// What is called once a message is called through syscall(), since libc's own
// functions are cancellation points and pay for it.

#define PRESERVING_ERRNO(type, call) \
  do { \
    int saved_ = errno; \
    long r_ = (long)(call); \
    if (r_ < 0) { \
      r_ = -errno; \
      errno = saved_; \
    } \
    return (type)r_; \
  } while (0)

int32_t netpolladd(int32_t epfd, int32_t fd, uint64_t data) {
  struct epoll_event ev = {
    .events = EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | EPOLLET,
    .data.u64 = data,
  };
  PRESERVING_ERRNO(int32_t, epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev));
}

// Addresses.

static void put4(struct netaddr *a, const struct in_addr *ip, uint16_t port) {
  struct sockaddr_in s = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = *ip};
  memset(a, 0, sizeof *a);
  memcpy(a->bytes, &s, sizeof s);
  a->len = sizeof s;
}

static void put6(struct netaddr *a, const struct in6_addr *ip, uint32_t scope, uint16_t port) {
  struct sockaddr_in6 s = {
    .sin6_family = AF_INET6,
    .sin6_port = htons(port),
    .sin6_addr = *ip,
    .sin6_scope_id = scope,
  };
  memset(a, 0, sizeof *a);
  memcpy(a->bytes, &s, sizeof s);
  a->len = sizeof s;
}

static const struct sockaddr *sa(const struct netaddr *a) { return (const struct sockaddr *)a->bytes; }

static int family(const struct netaddr *a) {
  sa_family_t f;
  memcpy(&f, a->bytes, sizeof f);
  return f;
}

static int32_t putlist(const struct addrinfo *list, int family, uint16_t port, struct netaddr *out,
                       int32_t count, int32_t n) {
  for (const struct addrinfo *p = list; p != NULL && count < n; p = p->ai_next) {
    if (family != AF_UNSPEC && p->ai_family != family) continue;
    if (p->ai_family == AF_INET) {
      put4(&out[count++], &((struct sockaddr_in *)p->ai_addr)->sin_addr, port);
    } else if (p->ai_family == AF_INET6) {
      const struct sockaddr_in6 *s = (const struct sockaddr_in6 *)p->ai_addr;
      put6(&out[count++], &s->sin6_addr, s->sin6_scope_id, port);
    }
  }
  return count;
}

static int32_t resolve(const char *host, int flags, uint16_t port, int32_t listening,
                       struct netaddr *out, int32_t n) {
  int saved = errno;
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags};
  struct addrinfo *list = NULL;
  int32_t r = 0;
  switch (getaddrinfo(host, NULL, &hints, &list)) {
    case 0:
      if (listening) {
        r = putlist(list, AF_INET, port, out, 0, n);
        r = putlist(list, AF_INET6, port, out, r, n);
      } else {
        r = putlist(list, AF_UNSPEC, port, out, 0, n);
      }
      freeaddrinfo(list);
      break;
    case EAI_SYSTEM: r = -errno; break;
    case EAI_MEMORY: r = -ENOMEM; break;
    case EAI_AGAIN: r = -EAGAIN; break;
    default: break;
  }
  errno = saved;
  return r;
}

int32_t netparse(const char *host, uint16_t port, int32_t listening, struct netaddr *out, int32_t n) {
  char text[128];
  size_t len = strlen(host);
  struct in_addr ip4;
  struct in6_addr ip6;
  if (n < 2) return -EINVAL;
  if (len == 0 && listening) {
    put6(&out[0], &in6addr_any, 0, port);
    out[0].v4mapped = 1;
    put4(&out[1], &(struct in_addr){.s_addr = htonl(INADDR_ANY)}, port);
    return 2;
  }
  if (len == 0 || strcmp(host, "localhost") == 0) {
    put4(&out[0], &(struct in_addr){.s_addr = htonl(INADDR_LOOPBACK)}, port);
    put6(&out[1], &in6addr_loopback, 0, port);
    return 2;
  }
  if (len >= sizeof text) return 0;
  memcpy(text, host, len + 1);
  if (text[0] == '[' && text[len - 1] == ']') {
    memmove(text, text + 1, len - 2);
    text[len - 2] = 0;
  }
  if (inet_pton(AF_INET, text, &ip4) == 1) {
    put4(&out[0], &ip4, port);
    return 1;
  }
  if (inet_pton(AF_INET6, text, &ip6) == 1) {
    put6(&out[0], &ip6, 0, port);
    out[0].v4mapped = memcmp(&ip6, &in6addr_any, sizeof ip6) == 0;
    return 1;
  }
  if (strchr(text, '%') == NULL) return 0;
  int32_t r = resolve(text, AI_NUMERICHOST, port, listening, out, n);
  return r == 0 ? -EINVAL : r;
}

int32_t netlookup(const char *host, uint16_t port, int32_t listening, struct netaddr *out, int32_t n) {
  int32_t r = resolve(host, 0, port, listening, out, n);
  return r == 0 ? -EHOSTUNREACH : r;
}

// Sockets.

static int32_t opensocket(const struct netaddr *addr) {
  PRESERVING_ERRNO(int32_t, socket(family(addr), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

static void setoption(int32_t fd, int level, int name, int value) {
  int saved = errno;
  setsockopt(fd, level, name, &value, sizeof value);
  errno = saved;
}

int32_t netlisten(const struct netaddr *addr) {
  int32_t fd = opensocket(addr);
  if (fd < 0) return fd;
  setoption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (family(addr) == AF_INET6) setoption(fd, IPPROTO_IPV6, IPV6_V6ONLY, !addr->v4mapped);
  int saved = errno;
  // The kernel lowers the length of the queue to net.core.somaxconn.
  if (bind(fd, sa(addr), addr->len) != 0 || listen(fd, 65535) != 0) {
    int r = -errno;
    errno = saved;
    netclose(fd);
    return r;
  }
  return fd;
}

int32_t netport(int32_t fd) {
  int saved = errno;
  struct sockaddr_in6 s;
  socklen_t len = sizeof s;
  int32_t r;
  if (getsockname(fd, (struct sockaddr *)&s, &len) != 0)
    r = -errno;
  else
    // At the same place in both families.
    r = ntohs(s.sin6_port);
  errno = saved;
  return r;
}

static int32_t accept_(int32_t fd) {
  PRESERVING_ERRNO(int32_t, syscall(SYS_accept4, fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

int32_t netaccept(int32_t fd) {
  int32_t r = accept_(fd);
  if (r >= 0) setoption(r, IPPROTO_TCP, TCP_NODELAY, 1);
  return r;
}

int32_t netdial(const struct netaddr *addr, int32_t *pending) {
  *pending = 0;
  int32_t fd = opensocket(addr);
  if (fd < 0) return fd;
  setoption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  int saved = errno;
  if (connect(fd, sa(addr), addr->len) == 0) return fd;
  int r = errno;
  errno = saved;
  if (r == EISCONN) return fd;
  // An interrupted connect goes on by itself.
  if (r == EINPROGRESS || r == EALREADY || r == EINTR) {
    *pending = 1;
    return fd;
  }
  netclose(fd);
  return -r;
}

int32_t netdialed(int32_t fd) {
  int saved = errno;
  int code = 0;
  socklen_t len = sizeof code;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len) != 0) code = errno;
  if (code == EALREADY || code == EINTR) code = EINPROGRESS;
  if (code == EISCONN) code = 0;
  if (code == 0) {
    // No error is not yet a connection: only the other end's address is.
    struct sockaddr_in6 s;
    len = sizeof s;
    if (getpeername(fd, (struct sockaddr *)&s, &len) != 0) code = EINPROGRESS;
  }
  errno = saved;
  return -code;
}

int32_t netisself(int32_t fd) {
  int saved = errno;
  struct sockaddr_in6 a, b;
  socklen_t alen = sizeof a, blen = sizeof b;
  memset(&a, 0, sizeof a);
  memset(&b, 0, sizeof b);
  int32_t r = getsockname(fd, (struct sockaddr *)&a, &alen) == 0
    && getpeername(fd, (struct sockaddr *)&b, &blen) == 0
    && alen == blen && memcmp(&a, &b, alen) == 0;
  errno = saved;
  return r;
}

int64_t netrecv(int32_t fd, void *buf, size_t n) {
  PRESERVING_ERRNO(int64_t, syscall(SYS_recvfrom, fd, buf, n, 0, NULL, NULL));
}

int64_t netsend(int32_t fd, const void *buf, size_t n) {
  PRESERVING_ERRNO(int64_t, syscall(SYS_sendto, fd, buf, n, MSG_NOSIGNAL, NULL, 0));
}

int32_t netshutdown(int32_t fd) { PRESERVING_ERRNO(int32_t, shutdown(fd, SHUT_WR)); }

// Pipes, and any descriptor.

int32_t netpipe(int32_t *fds) { PRESERVING_ERRNO(int32_t, pipe2(fds, O_NONBLOCK | O_CLOEXEC)); }

int64_t piperead(int32_t fd, void *buf, size_t n) {
  PRESERVING_ERRNO(int64_t, syscall(SYS_read, fd, buf, n));
}

int64_t pipewrite(int32_t fd, const void *buf, size_t n) {
  PRESERVING_ERRNO(int64_t, syscall(SYS_write, fd, buf, n));
}

int32_t netready(int32_t fd, int32_t writing) {
  int saved = errno;
  struct pollfd p = {.fd = fd, .events = writing ? POLLOUT : POLLIN | POLLRDHUP};
  int r;
  do r = poll(&p, 1, 0);
  while (r < 0 && errno == EINTR);
  if (r < 0) r = -errno;
  if (fd < 0 || (r > 0 && (p.revents & POLLNVAL))) r = -EBADF;
  errno = saved;
  return r;
}

int32_t netdup(int32_t fd) { PRESERVING_ERRNO(int32_t, fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

void netclose(int32_t fd) {
  int saved = errno;
  // Not repeated after EINTR: the descriptor is gone by then.
  close(fd);
  errno = saved;
}

void neterror(int32_t code, char *out, size_t n) {
  char text[128];
  snprintf(out, n, "%s", strerror_r(code, text, sizeof text));
}
