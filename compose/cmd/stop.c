/* SPDX-License-Identifier: Apache-2.0 */
/* stop.c - `compose stop`: stop containers, keep them and their networks.
 * spec: compose-spec 05-services stop_signal, stop_grace_period; order: reverse of depends_on */
#include "compose/cmd/act.h"

struct stop_args { int64_t timeout_ns; char **services; };

static const struct opt stop_opts[] = {
	OPT_SECS('t', "timeout", struct stop_args, timeout_ns, "SECONDS", "wait before SIGKILL (default: stop_grace_period)"),
	OPT_REST(struct stop_args, services, "SERVICE", "services to stop (default: all)"),
	OPT_END
};

static void stop_defaults(void *args)
{
	((struct stop_args *)args)->timeout_ns = -1;
}

static int stop_run(struct ctx *c, const void *args, struct err *e)
{
	const struct stop_args *a = args;
	const struct goal g = { .verb = GOAL_STOP, .services = a->services, .timeout_ns = a->timeout_ns };

	if (act(c, &g, NULL, NULL, e) < 0)
		return act_wrap(e, "cannot stop the project");
	return 0;
}

const struct cmd cmd_stop = { .name = "stop", .usage = "[OPTION...] [SERVICE...]", .summary = "Stop services, keep their containers",
	.opts = stop_opts, .args_size = sizeof(struct stop_args), .defaults = stop_defaults,
	.services_off = offsetof(struct stop_args, services),
	.needs = NEED_PROJECT | MAY_LACK_FILE | NEED_PATHS | NEED_LOCK, .run = stop_run };
