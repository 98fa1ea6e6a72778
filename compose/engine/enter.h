/* SPDX-License-Identifier: Apache-2.0 */
/* enter.h - a further process in a running container, as a child of the caller.
 * runs in: client, single-threaded, after rt_reexec_protected().   owns: struct enter.   layer: engine. */
#pragma once
#include <stdbool.h>
#include "compose/base/coll.h"
#include "compose/base/err.h"
#include "compose/state/paths.h"

struct enter;
struct enter_want {
	char *const *args;                /* NULL-terminated */
	const struct strv *env;           /* "K=V", or "K" for the caller's value; over the container's; or NULL */
	const char *user, *workdir;       /* NULL: the container's */
	bool tty, privileged;
	unsigned short rows, cols;        /* of the terminal, before the command starts */
	const int *stdio;                 /* three descriptors; -1 = /dev/null; unused with tty */
};

/* ret: 0 with *ret when the command's exec succeeded. err: ERR_NOTFOUND, ERR_NOEXEC, ERR_CONFLICT when it does not run */
int  enter_start(struct enter **ret, const struct paths *p, const char *project, const char *id, const struct enter_want *w,
		 struct err *e) __attribute__((warn_unused_result));
int  enter_pidfd(const struct enter *en);
int  enter_master(const struct enter *en);
/* ret: exit status, 128 + signal; -1 with e */
int  enter_wait(struct enter *en, struct err *e) __attribute__((warn_unused_result));
void enter_free(struct enter *en);
/* First thing in main() of a command that will enter a container: see rt_reexec_protected(). */
int  enter_protect(char *const argv[], struct err *e) __attribute__((warn_unused_result));
