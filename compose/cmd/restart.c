/* SPDX-License-Identifier: Apache-2.0 */
/* restart.c - `compose restart`: stop and start containers, as they are; changes in the file are not applied. */
#include "compose/cmd/act.h"

struct restart_args { int64_t timeout_ns; bool no_deps; char **services; };

static const struct opt restart_opts[] = {
	OPT_SECS('t', "timeout", struct restart_args, timeout_ns, "SECONDS", "wait before SIGKILL (default: stop_grace_period)"),
	OPT_FLAG(0, "no-deps", struct restart_args, no_deps, "leave dependents with restart: true alone"),
	OPT_REST(struct restart_args, services, "SERVICE", "services to restart (default: all)"),
	OPT_END
};

static void restart_defaults(void *args)
{
	((struct restart_args *)args)->timeout_ns = -1;
}

static int restart_run(struct ctx *c, const void *args, struct err *e)
{
	const struct restart_args *a = args;
	const struct goal g = { .verb = GOAL_RESTART, .services = a->services, .timeout_ns = a->timeout_ns, .no_deps = a->no_deps };

	if (act(c, &g, NULL, NULL, e) < 0)
		return act_wrap(e, "cannot restart the project");
	return 0;
}

const struct cmd cmd_restart = { .name = "restart", .usage = "[OPTION...] [SERVICE...]", .summary = "Restart containers",
	.opts = restart_opts, .args_size = sizeof(struct restart_args), .defaults = restart_defaults,
	.services_off = offsetof(struct restart_args, services),
	.needs = NEED_PROJECT | MAY_LACK_FILE | NEED_PATHS | NEED_LOCK, .run = restart_run };
