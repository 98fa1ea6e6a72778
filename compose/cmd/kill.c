/* SPDX-License-Identifier: Apache-2.0 */
/* kill.c - `compose kill`: send a signal to running containers. */
#include "compose/cmd/act.h"
#include "compose/cli/ui.h"
#include "compose/engine/signals.h"

struct kill_args { const char *signal; bool remove_orphans; char **services; };

static const struct opt kill_opts[] = {
	OPT_STR('s', "signal", struct kill_args, signal, "SIGNAL", "name or number (default: SIGKILL)"),
	OPT_FLAG(0, "remove-orphans", struct kill_args, remove_orphans, "also containers of services not in the file"),
	OPT_REST(struct kill_args, services, "SERVICE", "services to signal (default: all)"),
	OPT_END
};

static int kill_run(struct ctx *c, const void *args, struct err *e)
{
	const struct kill_args *a = args;
	const struct goal g = { .verb = GOAL_KILL, .services = a->services, .signal = a->signal, .timeout_ns = -1,
		.remove_orphans = a->remove_orphans };
	size_t n = 0;

	if (a->signal && signal_number(a->signal) < 1) {     /* also where nothing runs */
		err_set(e, ERR_USAGE, 0, "-s: \"%s\" is no signal", a->signal);
		return err_hint(e, "write a name such as SIGHUP, or a number");
	}
	if (act(c, &g, NULL, &n, e) < 0)
		return act_wrap(e, "cannot kill");
	if (!n)
		ui_line(c->ui, "No container to kill");
	return 0;
}

const struct cmd cmd_kill = { .name = "kill", .usage = "[OPTION...] [SERVICE...]", .summary = "Send a signal to running containers",
	.opts = kill_opts, .args_size = sizeof(struct kill_args), .services_off = offsetof(struct kill_args, services),
	.needs = NEED_PROJECT | MAY_LACK_FILE | NEED_PATHS, .run = kill_run };
