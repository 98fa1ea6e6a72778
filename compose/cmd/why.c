/* SPDX-License-Identifier: Apache-2.0 */
/* why.c - `compose why`: why services are as they are. The cause comes first, then what can be done, then the last
 * output. */
#include "compose/base/str.h"
#include "compose/cmd/story.h"

struct why_args { int64_t tail; char **services; };

static const struct opt why_opts[] = {
	OPT_INT('n', "tail", struct why_args, tail, "N", "lines of the last output (default 10)"),
	OPT_REST(struct why_args, services, "SERVICE", "services (default: those that are not well)"),
	OPT_END
};

static void why_defaults(void *args)
{
	((struct why_args *)args)->tail = 10;
}

static bool has_container(const struct list *all, const char *service)
{
	for (size_t i = 0; i < all->n; i++)
		if (str_eq(all->v[i]->r.service, service))
			return true;
	return false;
}

static int why_run(struct ctx *c, const void *args, struct err *e)
{
	const struct why_args *a = args;
	auto_list struct list all = {0};
	bool named = *a->services;
	const struct story_opts o = { .f = stdout, .tail = a->tail < 0 ? -1 : a->tail, .fine_too = named };

	if (list_read(c, &all, e) < 0 || list_check_names(c, &all, a->services, e) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (list_named(a->services, all.v[i]->r.service) && (named || all.v[i]->r.kind == KIND_SERVICE) &&
		    story_tell(c, &all, all.v[i], &o, e) < 0)
			return -1;
	for (size_t i = 0; c->project && i < c->project->n_services; i++) {
		const char *service = c->project->services[i].name;

		if (list_named(a->services, service) && !has_container(&all, service) && (named || all.n))
			story_of_none(c, &all, service, stdout);
	}
	return 0;
}

const struct cmd cmd_why = {.name = "why",
			    .usage = "[OPTION...] [SERVICE...]",
			    .summary = "Tell why services are as they are",
			    .opts = why_opts,
			    .args_size = sizeof(struct why_args),
			    .defaults = why_defaults,
			    .services_off = offsetof(struct why_args, services),
			    .needs = ONLY_LOOKS | NEED_PROJECT | MAY_LACK_FILE | NEED_PATHS,
			    .run = why_run};
