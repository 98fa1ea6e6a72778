/* SPDX-License-Identifier: Apache-2.0 */
/* start.c - `compose start`: start containers that exist, in dependency order; never creates. */
#include "compose/base/sys.h"
#include "compose/cmd/act.h"

struct start_args { bool wait; int64_t wait_timeout_ns; char **services; };

static const struct opt start_opts[] = {
	OPT_FLAG(0, "wait", struct start_args, wait, "wait until the services run, and are healthy where they have a check"),
	OPT_SECS(0, "wait-timeout", struct start_args, wait_timeout_ns, "SECONDS", "with --wait: how long at most (0: no limit)"),
	OPT_REST(struct start_args, services, "SERVICE", "services to start (default: all)"),
	OPT_END
};

static int start_run(struct ctx *c, const void *args, struct err *e)
{
	const struct start_args *a = args;
	const struct goal g = { .verb = GOAL_START, .services = a->services, .timeout_ns = -1, .wait_healthy = a->wait };

	if (a->wait && a->wait_timeout_ns > 0)
		c->wait_deadline_ns = sys_mono_ns() + a->wait_timeout_ns;
	if (act(c, &g, NULL, NULL, e) < 0)
		return act_wrap(e, "cannot start the project");
	return 0;
}

const struct cmd cmd_start = { .name = "start", .usage = "[OPTION...] [SERVICE...]", .summary = "Start containers that exist",
	.opts = start_opts, .args_size = sizeof(struct start_args), .services_off = offsetof(struct start_args, services),
	.needs = NEED_PROJECT | MAY_LACK_FILE | NEED_PATHS | NEED_STORE | NEED_LOCK, .run = start_run };
