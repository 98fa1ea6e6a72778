/* SPDX-License-Identifier: Apache-2.0 */
/* wait.c - `compose wait`: block until the containers of services have ended; print each code, end with the last. */
#include "compose/base/intr.h"
#include "compose/base/json.h"
#include "compose/base/str.h"
#include "compose/cmd/act.h"
#include "compose/supervisor/client.h"

struct wait_args { bool down; char **services; };

static const struct opt wait_opts[] = {
	OPT_FLAG(0, "down-project", struct wait_args, down, "take the project down when the wait ends"),
	OPT_RESTX(struct wait_args, services, "SERVICE", OPT_NEED, "services to wait for"),
	OPT_END
};

static int wait_one(struct ctx *c, struct sup *sup, const struct observed_ctr *o, struct err *e)
{
	auto_json json_t *reply = NULL;
	int code = o->exit_code;

	if (sup && (o->state == CTR_RUNNING || o->state == CTR_PAUSED || o->state == CTR_RESTARTING)) {
		if (sup_call(sup, "wait", json_pack("{s:s,s:s}", "ctr", o->id, "for", "exited"), NULL, 0, &reply, e) < 0)
			return -1;
		code = (int)json_int(reply, "exit_code", 0);
	}
	printf("%d\n", code);
	(void)fflush(stdout);
	c->status = code;
	return 0;
}

static int wait_run(struct ctx *c, const void *args, struct err *e)
{
	const struct wait_args *a = args;
	auto_sup struct sup *sup = NULL;

	if (act_check_names(c, a->services, e) < 0 || sup_open(&sup, &c->paths, c->name, false, e) < 0)
		return -1;
	for (char **s = a->services; *s; s++) {
		bool any = false;

		for (size_t i = 0; i < c->observed->n_ctrs; i++) {
			const struct observed_ctr *o = &c->observed->ctrs[i];

			if (!str_eq(o->service, *s) || o->oneoff)
				continue;
			any = true;
			if (wait_one(c, sup, o, e) < 0)
				return err_wrap(e, "cannot wait for %s", o->name);
		}
		if (!any)
			return err_set(e, ERR_MISSING, 0, "service \"%s\" has no container", *s);
	}
	if (a->down) {
		const struct goal g = { .verb = GOAL_DOWN, .timeout_ns = -1, .remove_orphans = true };

		return act(c, &g, NULL, NULL, e);
	}
	return 0;
}

const struct cmd cmd_wait = { .name = "wait", .usage = "[OPTION...] SERVICE...", .summary = "Wait until containers have ended",
	.opts = wait_opts, .args_size = sizeof(struct wait_args), .needs = NEED_PROJECT | MAY_LACK_FILE | NEED_PATHS | NEED_STATE, .run = wait_run };
