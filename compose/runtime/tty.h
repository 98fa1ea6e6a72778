/* SPDX-License-Identifier: Apache-2.0 */
/* tty.h - a pseudo terminal from the container's own devpts.
 * runs in: the container's process.   owns: nothing.   layer: runtime.   CVE-2025-52565: everything by descriptor,
 * checked */
#pragma once
#include "compose/base/err.h"

/* Open a new pair below root, where /dev/pts is mounted. ret: 0 with both ends (O_CLOEXEC)
 * err: ERR_DENIED when /dev/ptmx is not what it should be. in: rows, cols 0: leave the size */
int tty_open(int root, unsigned short rows, unsigned short cols, int *ret_master, int *ret_slave, struct err *e)
	__attribute__((warn_unused_result));
/* Mount the slave on dev/console below root. */
int tty_console(int root, int slave, struct err *e) __attribute__((warn_unused_result));
