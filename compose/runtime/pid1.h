/* SPDX-License-Identifier: Apache-2.0 */
/* pid1.h - the first process of a container with `init: true`: reaps orphans, forwards signals, ends with the command.
 * runs in: the container, as its pid 1, under the container's own rights and filter.   owns: nothing.   layer:
 * runtime. */
#pragma once
#include <sys/types.h>

/* Block every signal, so that none is lost between fork and pid1_run(). */
void pid1_block(void);
/* In the command's process: own process group (the terminal's foreground one when there is a terminal), signals
 * open. */
void pid1_child(void);
/* Serve until child has ended; exits with its status, 128 + signal when killed by one. Closes every descriptor. */
_Noreturn void pid1_run(pid_t child);
