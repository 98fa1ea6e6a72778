/* SPDX-License-Identifier: Apache-2.0 */
/* push.c - `compose push`: send the images that services build, under the names that the file gives them. */
#include "compose/cli/ui.h"
#include "compose/cmd/act.h"
#include "compose/cmd/list.h"

struct push_args { bool quiet, ignore_failures, deps; char **services; };

static const struct opt push_opts[] = {
	OPT_FLAG('q', "quiet", struct push_args, quiet, "no progress"),
	OPT_FLAG(0, "include-deps", struct push_args, deps, "also services they depend on"),
	OPT_FLAG(0, "ignore-push-failures", struct push_args, ignore_failures, "report failures, then go on and end with 0"),
	OPT_REST(struct push_args, services, "SERVICE", "services (default: all)"),
	OPT_END
};

/* Those that are named or built, and have nothing to push or no name to push to. */
static void tell_skipped(struct ctx *c, const struct push_args *a)
{
	for (size_t i = 0; i < c->project->n_services; i++) {
		const struct service *s = &c->project->services[i];

		if (!list_named(a->services, s->name) || (s->build && *s->image))
			continue;
		ui_status(c->ui, "Service", s->name, s->build ? "Skipped: its build has no `image:` to be pushed as" : "Skipped", UI_OK, true);
	}
}

static int push_run(struct ctx *c, const void *args, struct err *e)
{
	const struct push_args *a = args;
	const struct goal g = { .verb = GOAL_PUSH, .services = a->services, .no_deps = !a->deps, .timeout_ns = -1 };
	const struct act_opts o = { .quiet_pull = a->quiet };

	if (a->quiet)
		ui_set_quiet(c->ui);
	if (!c->g->dry_run)
		tell_skipped(c, a);
	if (act(c, &g, &o, NULL, e) == 0)
		return 0;
	act_wrap(e, "cannot push");
	return a->ignore_failures ? act_forgive(c, e) : -1;
}

const struct cmd cmd_push = { .name = "push", .usage = "[OPTION...] [SERVICE...]", .summary = "Push images of services",
	.opts = push_opts, .args_size = sizeof(struct push_args), .services_off = offsetof(struct push_args, services),
	.needs = NEED_PROJECT | NEED_PATHS | NEED_STORE | NEED_LOCK, .run = push_run };
