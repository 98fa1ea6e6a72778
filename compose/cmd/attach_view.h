/* SPDX-License-Identifier: Apache-2.0 */
/* attach_view.h - `up` in the foreground: carry out the plan while the containers' output is shown, until they have ended
 * Ctrl-C stops them or a key leaves them running.
 * runs in: client; the engine in a second thread.   layer: cmd. */
#pragma once
#include "compose/cmd/act.h"
#include "compose/cmd/log_view.h"

struct attach_opts {
	char *const *services;            /* whose output is shown; NULL or empty: all with attach: true */
	const struct strv *attach, *no_attach;
	bool attach_deps;
	bool menu;                        /* keys, where there is a terminal */
	bool watch, quiet_watch;          /* also watch for changes; without the output of builds */
	struct log_view_opts view;
	bool abort_on_exit, abort_on_failure;
	const char *exit_code_from;       /* service, or NULL */
	int64_t timeout_ns;
};
/* Run p (made from c->observed) and show. ret: 0 with c->status set, or -1 */
int attach_run(struct ctx *c, const struct plan *p, const struct act_opts *ao, const struct attach_opts *o, struct err *e)
	__attribute__((warn_unused_result));
