// SPDX-License-Identifier: Apache-2.0
//
// See net.h.
#include "net.h"
