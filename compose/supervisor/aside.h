/* SPDX-License-Identifier: Apache-2.0 */
/* aside.h - a command in a container beside its own: a health probe, a hook. Private to compose/supervisor.
 * runs in: supervisor worker.   owns: struct aside its process and pipe; it is freed by its end or by aside_abandon().
 * layer: supervisor. */
#pragma once
#include <stddef.h>
#include "compose/supervisor/ctr.h"

struct aside;
enum { ASIDE_UNTOLD = 255 };
struct aside_calls {
	/* What it said, standard output and error as they came. */
	void (*output)(void *arg, const char *p, size_t n);
	/* It has ended; all it said has been told. status: exit status, 128 + signal, or ASIDE_UNTOLD when a tracer holds what is
	 * left of it (that is told as output). The aside is gone after. */
	void (*end)(void *arg, int status);
};

/* Start a command. in: s: the container's bundle, its process already that of the command
 * err: as rt_exec(): ERR_NOTFOUND, ERR_NOEXEC, ERR_SYS */
int  aside_start(struct aside **ret, struct ctr *c, const struct spec *s, const struct aside_calls *calls, void *arg,
		 struct err *e) __attribute__((warn_unused_result));
/* Kill it with its children; its end is told all the same. */
void aside_kill(struct aside *a);
/* Kill it and hear no more of it; taken from the process table when it is dead, however long that takes. NULL is fine. */
void aside_abandon(struct aside *a);
