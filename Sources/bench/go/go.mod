// SPDX-License-Identifier: Apache-2.0

module bench

go 1.27
