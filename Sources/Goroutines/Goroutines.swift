// SPDX-License-Identifier: Apache-2.0
//
// The library is the last stage, under a name of its own.

@_exported import Stage15
