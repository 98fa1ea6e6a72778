/* SPDX-License-Identifier: Apache-2.0 */
/* rm.c - `compose rm`: remove stopped containers. */
#include "compose/base/str.h"
#include "compose/cli/ui.h"
#include "compose/cmd/act.h"

struct rm_args { bool force, stop, volumes; char **services; };

static const struct opt rm_opts[] = {
	OPT_FLAG('f', "force", struct rm_args, force, "do not ask"),
	OPT_FLAG('s', "stop", struct rm_args, stop, "stop the containers first"),
	OPT_FLAG('v', "volumes", struct rm_args, volumes, "also remove their anonymous volumes"),
	{ .type = OPT_T_FLAG, .sh = 'a', .name = "all", .help = "", .flags = OPT_HIDDEN | OPT_VAIN },
	OPT_REST(struct rm_args, services, "SERVICE", "services (default: all)"),
	OPT_END
};

static bool named(char *const *services, const char *s)
{
	if (!services || !*services)
		return true;
	for (; *services; services++)
		if (str_eq(*services, s))
			return true;
	return false;
}

/* ret: "Going to remove a, b", or NULL when there is nothing to remove; caller frees */
static char *question(const struct ctx *c, const struct rm_args *a)
{
	auto_str struct str b = {0};

	for (size_t i = 0; i < c->observed->n_ctrs; i++) {
		const struct observed_ctr *o = &c->observed->ctrs[i];
		bool runs = o->state == CTR_RUNNING || o->state == CTR_PAUSED || o->state == CTR_RESTARTING;

		if (named(a->services, o->service) && (!runs || a->stop))
			str_addf(&b, "%s%s", b.len ? ", " : "Going to remove ", o->name);
	}
	return b.len ? str_take(&b) : NULL;
}

static int rm_run(struct ctx *c, const void *args, struct err *e)
{
	const struct rm_args *a = args;
	const struct goal g = { .verb = GOAL_REMOVE, .services = a->services, .timeout_ns = -1, .stop_first = a->stop, .volumes = a->volumes };
	auto_free char *q = question(c, a);

	if (act_check_names(c, a->services, e) < 0)
		return -1;
	if (!q) {
		ui_line(c->ui, "No stopped containers");
		return 0;
	}
	if (!a->force && !c->g->dry_run && !ui_confirm(q, false, true)) {
		ui_line(c->ui, "Nothing removed; -f removes without a question");
		return 0;
	}
	return act(c, &g, NULL, NULL, e) < 0 ? act_wrap(e, "cannot remove containers") : 0;
}

const struct cmd cmd_rm = { .name = "rm", .usage = "[OPTION...] [SERVICE...]", .summary = "Remove stopped containers",
	.opts = rm_opts, .args_size = sizeof(struct rm_args), .services_off = offsetof(struct rm_args, services),
	.needs = NEED_PROJECT | MAY_LACK_FILE | NEED_PATHS | NEED_STATE | NEED_LOCK, .run = rm_run };
