/* SPDX-License-Identifier: Apache-2.0 */
/* build.c - `compose build`: build (and name) the images of services that have a build section. */
#include "compose/base/json.h"
#include "compose/base/str.h"
#include "compose/cli/ui.h"
#include "compose/cmd/act.h"
#include "compose/cmd/bake.h"
#include "compose/cmd/list.h"
#include "compose/image/image.h"

struct build_args {
	struct strv args, ssh;
	bool no_cache, pull, push, quiet, deps, check, print;
	const char *progress;
	char **services;
};

#define ONE_BUILDER "images are built by this program itself"
#define NO_ATTEST "attestations are not made"

static const struct opt build_opts[] = {
	OPT_STRS(0, "build-arg", struct build_args, args, "KEY=VALUE", "set a build argument; a bare KEY takes the environment's value"),
	OPT_FLAG(0, "check", struct build_args, check, "only look for mistakes in the Dockerfiles"),
	OPT_FLAG(0, "no-cache", struct build_args, no_cache, "carry out every step"),
	OPT_FLAG(0, "print", struct build_args, print, "print the builds as a bake file, build nothing"),
	OPT_FLAG(0, "pull", struct build_args, pull, "ask the registry for newer base images"),
	OPT_FLAG(0, "push", struct build_args, push, "push the images when they are built"),
	OPT_FLAG('q', "quiet", struct build_args, quiet, "no output of the build; print the ids of the images"),
	OPT_FLAG(0, "with-dependencies", struct build_args, deps, "also build services they depend on"),
	OPT_STRS(0, "ssh", struct build_args, ssh, "ID[=PATH]", "lend an ssh agent (`default`, ID=SOCKET) or keys (ID=FILE[,FILE]) to RUN --mount=type=ssh"),
	{ .type = OPT_T_CHOICE, .name = "progress", .off = offsetof(struct build_args, progress), .arg = "WORD",
	  .help = "as the option before the command", .choices = "auto tty plain quiet", .flags = OPT_HIDDEN },
	OPT_NO_STR(0, "builder", "NAME", ONE_BUILDER),
	OPT_NO_STR('m', "memory", "BYTES", "only docker's former builder knew it; limit the memory of the whole command instead"),
	OPT_NO_STR(0, "provenance", "MODE", NO_ATTEST),
	OPT_NO_STR(0, "sbom", "MODE", NO_ATTEST),
	OPT_VAIN_FLAG("compress"), OPT_VAIN_FLAG("force-rm"), OPT_VAIN_FLAG("no-rm"), OPT_VAIN_FLAG("parallel"),
	OPT_REST(struct build_args, services, "SERVICE", "services to build (default: all)"),
	OPT_END
};

static int print_ids(struct ctx *c, const struct build_args *a, struct err *e)
{
	for (size_t i = 0; i < c->project->n_services; i++) {
		const struct service *s = &c->project->services[i];
		auto_free char *made = bake_image_name(c->project, s);
		auto_image struct image *img = NULL;

		if (!s->build || !list_named(a->services, s->name))
			continue;
		if (image_open(c->store, made, &img, e) < 0)
			return -1;
		if (img)
			puts(img->id);
	}
	return 0;
}

static int push_too(struct ctx *c, const struct build_args *a, struct err *e)
{
	const struct goal g = { .verb = GOAL_PUSH, .services = a->services, .no_deps = !a->deps, .timeout_ns = -1 };
	const struct act_opts o = { .quiet_pull = a->quiet };

	return act(c, &g, &o, NULL, e) < 0 ? act_wrap(e, "cannot push") : 0;
}

static int build_run(struct ctx *c, const void *args, struct err *e)
{
	const struct build_args *a = args;
	const struct goal g = { .verb = GOAL_BUILD, .services = a->services, .no_deps = !a->deps, .timeout_ns = -1 };
	const struct act_opts o = { .quiet_build = a->quiet, .quiet_pull = a->quiet, .no_cache = a->no_cache, .pull_base = a->pull,
		.build_args = &a->args, .build_ssh = &a->ssh, .check_build = a->check };
	size_t n = 0;

	if (str_eq(a->progress, "plain"))
		ui_set_plain(c->ui);
	if (a->quiet || str_eq(a->progress, "quiet"))
		ui_set_quiet(c->ui);
	if (a->print)
		return bake_print(c->project, a->services, &a->args, &a->ssh, stdout);
	if (act_check_supported(c, a->services, USE_BUILD, e) < 0)
		return -1;
	if (act(c, &g, &o, &n, e) < 0)
		return act_wrap(e, a->check ? "the check found mistakes" : "cannot build");
	if (!n)
		ui_line(c->ui, "No services to build");
	if (a->check || c->g->dry_run)
		return 0;
	if (a->quiet && print_ids(c, a, e) < 0)
		return -1;
	return a->push ? push_too(c, a, e) : 0;
}

const struct cmd cmd_build = { .name = "build", .usage = "[OPTION...] [SERVICE...]", .summary = "Build images of services",
	.opts = build_opts, .args_size = sizeof(struct build_args), .services_off = offsetof(struct build_args, services),
	.needs = NEED_PROJECT | NEED_PATHS | NEED_STORE | NEED_LOCK, .run = build_run };
