// SPDX-License-Identifier: Apache-2.0
//
// Sockets and pipes, nonblocking and close-on-exec from birth.
#ifndef CLINUX_NET_H
#define CLINUX_NET_H

#include <stddef.h>
#include <stdint.h>

#endif
