/* SPDX-License-Identifier: Apache-2.0 */
/* pull.c - `compose pull`: get the images of services from their registries. */
#include "compose/base/str.h"
#include "compose/cmd/act.h"

struct pull_args { bool quiet, ignore_failures, ignore_buildable, deps; const char *policy; char **services; };

static const struct opt pull_opts[] = {
	OPT_FLAG('q', "quiet", struct pull_args, quiet, "no progress"),
	OPT_CHOICE(0, "policy", struct pull_args, policy, "missing always", "which images to pull"),
	OPT_FLAG(0, "include-deps", struct pull_args, deps, "also services they depend on"),
	OPT_FLAG(0, "ignore-pull-failures", struct pull_args, ignore_failures, "report failures, then go on and end with 0"),
	OPT_FLAGX(0, "ignore-buildable", struct pull_args, ignore_buildable, 0, "skip services that have a build section"),
	OPT_VAIN_FLAG("parallel"), OPT_VAIN_FLAG("no-parallel"),
	OPT_REST(struct pull_args, services, "SERVICE", "services (default: all)"),
	OPT_END
};

static int pull_run(struct ctx *c, const void *args, struct err *e)
{
	const struct pull_args *a = args;
	const struct goal g = { .verb = GOAL_PULL, .services = a->services, .no_deps = !a->deps, .timeout_ns = -1, .pull = a->policy,
		.no_build = a->ignore_buildable };
	const struct act_opts o = { .quiet_pull = a->quiet };

	if (act(c, &g, &o, NULL, e) == 0)
		return 0;
	act_wrap(e, "cannot pull");
	return a->ignore_failures ? act_forgive(c, e) : -1;
}

const struct cmd cmd_pull = { .name = "pull", .usage = "[OPTION...] [SERVICE...]", .summary = "Pull images of services",
	.opts = pull_opts, .args_size = sizeof(struct pull_args), .services_off = offsetof(struct pull_args, services),
	.needs = NEED_PROJECT | NEED_PATHS | NEED_STORE | NEED_LOCK, .run = pull_run };
