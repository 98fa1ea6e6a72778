/* SPDX-License-Identifier: Apache-2.0 */
/* watch_child.h - `watch --no-up` beside an attached `up`, in a process of its own: a rebuild holds up no output.
 * runs in: client.   owns: the process.   layer: cmd. */
#pragma once
#include "compose/cmd/cmd.h"

struct watch_child { int pid; int fd; };       /* 0 and -1: there is none; fd: readable when it says something, or has ended */
#define WATCH_CHILD_NONE { .pid = 0, .fd = -1 }
/* err: ERR_USAGE when the compose file came from standard input, which cannot be read again */
int  watch_child_start(struct watch_child *w, const struct ctx *c, char *const *services, bool quiet, struct err *e)
	__attribute__((warn_unused_result));
/* Print what it says on standard error. ret: whether it goes on */
bool watch_child_tell(const struct watch_child *w);
/* End it, and wait for that. */
void watch_child_stop(struct watch_child *w);
