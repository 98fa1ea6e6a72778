/* SPDX-License-Identifier: Apache-2.0 */
/* wait.c - `compose wait`: block until the containers of services have ended; print each code as it comes, end with the last. */
#include <errno.h>
#include <poll.h>
#include "compose/base/intr.h"
#include "compose/base/json.h"
#include "compose/base/str.h"
#include "compose/cmd/act.h"
#include "compose/state/lock.h"
#include "compose/supervisor/client.h"

struct wait_args { bool down; char **services; };

static const struct opt wait_opts[] = {
	OPT_FLAG(0, "down-project", struct wait_args, down, "take the project down when the wait ends"),
	OPT_RESTX(struct wait_args, services, "SERVICE", OPT_NEED, "services to wait for"),
	OPT_END
};

struct awaited { int64_t request; const struct observed_ctr *ctr; };
struct waiting { struct ctx *c; struct sup *sup; VEC(struct awaited) left; struct err *e; };

static void ended(struct waiting *w, const struct observed_ctr *o, int code)
{
	printf("container \"%s\" exited with status code %d\n", o->id, code);
	(void)fflush(stdout);
	w->c->status = code;
}

static int await(struct waiting *w, const struct observed_ctr *o)
{
	struct awaited a = { 0, o };

	if (!w->sup || (o->state != CTR_RUNNING && o->state != CTR_PAUSED && o->state != CTR_RESTARTING)) {
		ended(w, o, o->exit_code);
		return 0;
	}
	a.request = sup_send(w->sup, "wait", json_pack("{s:s,s:s}", "ctr", o->id, "for", "exited"), NULL, 0, w->e);
	vec_push(&w->left, a);
	return a.request < 0 ? -1 : 0;
}

static int await_service(struct waiting *w, const char *service)
{
	const struct observed *have = w->c->observed;
	bool any = false;

	for (size_t i = 0; i < have->n_ctrs; i++) {
		if (!str_eq(have->ctrs[i].service, service) || have->ctrs[i].oneoff)
			continue;
		any = true;
		if (await(w, &have->ctrs[i]) < 0)
			return err_wrap(w->e, "cannot wait for %s", have->ctrs[i].name);
	}
	return any ? 0 : err_set(w->e, ERR_MISSING, 0, "service \"%s\" has no container", service);
}

/* ret: 1 when an answer was taken, 0 when none is there */
static int take_answer(struct waiting *w)
{
	auto_json json_t *j = NULL;
	int64_t id = 0;
	int r = sup_recv(w->sup, &id, &j, w->e);

	if (r <= 0)
		return r;
	for (size_t i = 0; i < w->left.n; i++) {
		const struct observed_ctr *o = w->left.v[i].ctr;

		if (w->left.v[i].request != id)
			continue;
		vec_remove(&w->left, i);
		if (!j)
			return err_wrap(w->e, "cannot wait for %s", o->name);
		ended(w, o, (int)json_int(j, "exit_code", 0));
		return 1;
	}
	err_done(w->e);
	return 1;
}

static int await_answers(struct waiting *w)
{
	while (w->left.n) {
		struct pollfd p[2] = { { .fd = sup_fd(w->sup), .events = POLLIN }, { .fd = intr_fd(), .events = POLLIN } };
		int r = take_answer(w);

		if (r < 0)
			return -1;
		if (r == 0 && poll(p, 2, -1) < 0 && errno != EINTR)
			return err_set(w->e, ERR_SYS, errno, "wait for containers");
		if (intr_check(w->e) < 0)
			return -1;
	}
	return 0;
}

static int take_down(struct ctx *c, struct err *e)
{
	const struct goal g = { .verb = GOAL_DOWN, .timeout_ns = -1, .remove_orphans = true };

	if (!c->g->dry_run && lock_project(&c->paths, c->name, "wait --down-project", true, &c->lock_fd, e) < 0)
		return -1;
	return act(c, &g, NULL, NULL, e);
}

static int wait_run(struct ctx *c, const void *args, struct err *e)
{
	const struct wait_args *a = args;
	auto_sup struct sup *sup = NULL;
	struct waiting w = { .c = c, .e = e };
	int r = 0;

	if (act_check_names(c, a->services, e) < 0)
		return -1;
	if (c->g->dry_run) {
		act_would(c, "wait for the containers of %s%s", a->services[0], a->services[1] ? " and others" : "");
		return a->down ? take_down(c, e) : 0;
	}
	if (sup_open(&sup, &c->paths, c->name, false, e) < 0)
		return -1;
	w.sup = sup;
	for (char **s = a->services; *s && r == 0; s++)
		r = await_service(&w, *s);
	if (r == 0)
		r = await_answers(&w);
	vec_done(&w.left);
	return r < 0 || !a->down ? r : take_down(c, e);
}

const struct cmd cmd_wait = { .name = "wait", .usage = "[OPTION...] SERVICE...", .summary = "Wait until containers have ended",
	.opts = wait_opts, .args_size = sizeof(struct wait_args), .needs = NEED_PROJECT | MAY_LACK_FILE | NEED_PATHS | NEED_STATE, .run = wait_run };
