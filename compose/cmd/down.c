/* SPDX-License-Identifier: Apache-2.0 */
/* down.c - `compose down`: stop and remove containers and networks; on request volumes, images, orphans. */
#include "compose/base/str.h"
#include "compose/cli/ui.h"
#include "compose/cmd/act.h"
#include "compose/state/lock.h"
#include "compose/state/sweep.h"
#include "compose/supervisor/client.h"

struct down_args { bool remove_orphans, volumes; const char *rmi; int64_t timeout_ns; char **services; };

static const struct opt down_opts[] = {
	OPT_FLAG(0, "remove-orphans", struct down_args, remove_orphans, "also containers of services not in the file, and one-offs"),
	OPT_CHOICE(0, "rmi", struct down_args, rmi, "local all", "remove images: those without a name of their own, or all"),
	OPT_SECS('t', "timeout", struct down_args, timeout_ns, "SECONDS", "wait before SIGKILL (default: stop_grace_period)"),
	OPT_FLAG('v', "volumes", struct down_args, volumes, "remove named volumes of the file and anonymous ones"),
	OPT_FLAGX(0, "volume", struct down_args, volumes, OPT_HIDDEN, ""),
	OPT_REST(struct down_args, services, "SERVICE", "services to take down (default: all, with the networks)"),
	OPT_END
};

static void down_defaults(void *args)
{
	struct down_args *a = args;

	a->timeout_ns = -1;
	a->remove_orphans = globals_flag("COMPOSE_REMOVE_ORPHANS", false);
}

/* No file may tell of what a killed supervisor has left in the kernel: another one, as it begins, takes that away. */
static int clean_crash(struct ctx *c, struct err *e)
{
	auto_sup struct sup *s = NULL;

	return lock_is_crashed(&c->paths, c->name) ? sup_open(&s, &c->paths, c->name, true, e) : 0;
}

static int down_run(struct ctx *c, const void *args, struct err *e)
{
	const struct down_args *a = args;
	const struct goal g = { .verb = GOAL_DOWN, .services = a->services, .timeout_ns = a->timeout_ns, .remove_orphans = a->remove_orphans,
		.volumes = a->volumes, .rmi = a->rmi };

	size_t n = 0;

	if (act(c, &g, NULL, &n, e) < 0)
		return act_wrap(e, "cannot take the project down");
	if (!n)
		ui_warn(c->ui, "no resource found to remove for project \"%s\"", c->name);
	if (!c->g->dry_run && (!a->services || !*a->services) &&
	    (clean_crash(c, e) < 0 || sweep_project(&c->paths, c->name, e) < 0))
		return err_wrap(e, "clean up after the project");
	return 0;
}

const struct cmd cmd_down = { .name = "down", .usage = "[OPTION...] [SERVICE...]", .summary = "Stop and remove containers and networks",
	.opts = down_opts, .args_size = sizeof(struct down_args), .defaults = down_defaults,
	.services_off = offsetof(struct down_args, services),
	.needs = NEED_PROJECT | MAY_LACK_FILE | NEED_PATHS | NEED_STORE | NEED_LOCK, .run = down_run };
