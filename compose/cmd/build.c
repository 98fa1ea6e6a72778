/* SPDX-License-Identifier: Apache-2.0 */
/* build.c - `compose build`: build (and name) the images of services that have a build section. */
#include "compose/cli/ui.h"
#include "compose/cmd/act.h"

struct build_args { struct strv args; bool no_cache, pull, quiet, deps; char **services; };

static const struct opt build_opts[] = {
	OPT_STRS(0, "build-arg", struct build_args, args, "KEY=VALUE", "set a build argument; a bare KEY takes the environment's value"),
	OPT_FLAG(0, "no-cache", struct build_args, no_cache, "carry out every step"),
	OPT_FLAG(0, "pull", struct build_args, pull, "ask the registry for newer base images"),
	OPT_FLAG('q', "quiet", struct build_args, quiet, "no output of the build"),
	OPT_FLAG(0, "with-dependencies", struct build_args, deps, "also build services they depend on"),
	OPT_REST(struct build_args, services, "SERVICE", "services to build (default: all)"),
	OPT_END
};

static int build_run(struct ctx *c, const void *args, struct err *e)
{
	const struct build_args *a = args;
	const struct goal g = { .verb = GOAL_BUILD, .services = a->services, .no_deps = !a->deps, .timeout_ns = -1 };
	const struct act_opts o = { .quiet_build = a->quiet, .quiet_pull = a->quiet, .no_cache = a->no_cache, .pull_base = a->pull,
		.build_args = &a->args };
	size_t n = 0;

	if (act(c, &g, &o, &n, e) < 0)
		return err_wrap(e, "cannot build");
	if (!n)
		ui_line(c->ui, "No services to build");
	return 0;
}

const struct cmd cmd_build = { .name = "build", .usage = "[OPTION...] [SERVICE...]", .summary = "Build images of services",
	.opts = build_opts, .args_size = sizeof(struct build_args), .services_off = offsetof(struct build_args, services),
	.needs = NEED_PROJECT | NEED_PATHS | NEED_STORE | NEED_LOCK, .run = build_run };
