/* SPDX-License-Identifier: Apache-2.0 */
/* session.h - the user's terminal or pipes joined to a container through its supervisor: what run and attach share.
 * runs in: client.   layer: cmd. */
#pragma once
#include <stdbool.h>
#include "compose/base/err.h"
#include "compose/cmd/pump.h"

struct sup;

struct session {
	struct sup *sup;
	const char *id;                   /* container */
	bool start;                       /* start it; else attach to it while it runs */
	bool tty, with_stdin;             /* it has a terminal; our input goes to it */
	bool no_sig_proxy;                /* Ctrl-C ends us (ERR_INTR) instead of reaching it */
	bool kill_second;                 /* the second Ctrl-C kills it */
	const struct pump_keys *keys;     /* detach; only with a terminal */
};
enum session_end { SESSION_EXITED, SESSION_CLOSED, SESSION_DETACHED };   /* closed: our output, by its reader */

/* Until the container ends or the user leaves it. ret: enum session_end, with *ret_status for SESSION_EXITED; -1 with e
 */
int session_run(const struct session *s, int *ret_status, struct err *e) __attribute__((warn_unused_result));
