/* SPDX-License-Identifier: Apache-2.0 */
/* processes.h - what runs in a container, read from its control group and /proc.
 * runs in: client.   owns: struct processes its texts.   layer: engine. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "compose/base/err.h"
#include "compose/state/paths.h"

struct process { pid_t pid, ppid; unsigned uid; int64_t started_s, cpu_s; char *tty, *command; };
struct processes { struct process *v; size_t n, cap; };

/* One that ends while it is read is left out. */
int  processes_of(const struct paths *p, const char *project, const char *id, struct processes *ret, struct err *e)
	__attribute__((warn_unused_result));
void processes_done(struct processes *l);
