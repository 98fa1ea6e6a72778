/* SPDX-License-Identifier: Apache-2.0 */
/* watch.c - `compose watch`: when files change, copy them into containers, rebuild or restart, as develop.watch says. */
#include <errno.h>
#include <poll.h>
#include "compose/base/intr.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/cli/ui.h"
#include "compose/cmd/act.h"
#include "compose/cmd/watch_act.h"
#include "compose/state/lock.h"

/* Changes come in crowds: act when it has been quiet for a moment, and at the latest after a while. */
enum { QUIET_MS = 100, LATEST_MS = 2000 };

struct watch_args { bool no_up, prune, quiet; char **services; };

static const struct opt watch_opts[] = {
	OPT_FLAG(0, "no-up", struct watch_args, no_up, "do not build and start services first"),
	OPT_FLAG(0, "prune", struct watch_args, prune, "remove the image that a rebuild replaces (default true)"),
	OPT_FLAG(0, "quiet", struct watch_args, quiet, "no output of builds"),
	OPT_REST(struct watch_args, services, "SERVICE", "services to watch for (default: all)"),
	OPT_END
};

static void watch_defaults(void *args)
{
	((struct watch_args *)args)->prune = true;
}

static int up(struct ctx *c, const struct watch_args *a, struct err *e)
{
	const struct act_opts ao = { .quiet_build = a->quiet, .say_unchanged = true };
	struct goal g = { .verb = GOAL_IMAGES, .services = a->services, .build = true, .timeout_ns = -1 };
	int r;

	if (act_check_supported(c, a->services, USE_DEPS, e) < 0 ||
	    (!c->g->dry_run && lock_project(&c->paths, c->name, "watch", true, &c->lock_fd, e) < 0))
		return -1;
	r = act(c, &g, &ao, NULL, e);
	if (r == 0)
		r = act_provide(c, &g, &ao, e);
	g.verb = GOAL_UP;
	g.build = false;
	if (r == 0)
		r = act(c, &g, &ao, NULL, e);
	act_unlock(c);
	ui_flush(c->ui);
	return r < 0 ? err_wrap(e, "cannot bring the project up") : 0;
}

/* ---- waiting --------------------------------------------------------------------------------- */

struct pause { int64_t quiet_until, latest; };     /* monotonic; 0: nothing has changed yet */

static int wait_ms(const struct pause *p)
{
	int64_t until = p->quiet_until < p->latest ? p->quiet_until : p->latest, left = (until - sys_mono_ns()) / 1000000 + 1;

	return !p->quiet_until ? -1 : left < 0 ? 0 : (int)left;
}

static void note_change(struct pause *p)
{
	int64_t now = sys_mono_ns();

	if (!p->quiet_until)
		p->latest = now + LATEST_MS * 1000000LL;
	p->quiet_until = now + QUIET_MS * 1000000LL;
}

static int wait_for_news(const struct rules *r, struct pollfd *p, struct pause *pause, struct err *e)
{
	for (size_t i = 0; i < r->n; i++)
		p[i] = (struct pollfd){ .fd = fswatch_fd(r->v[i]->watch), .events = POLLIN };
	p[r->n] = (struct pollfd){ .fd = intr_fd(), .events = POLLIN };
	if (poll(p, (nfds_t)r->n + 1, wait_ms(pause)) < 0 && errno != EINTR)
		return err_set(e, ERR_SYS, errno, "wait for changes");
	if (intr_check(e) < 0)
		return -1;
	for (size_t i = 0; i < r->n; i++)
		if (p[i].revents && fswatch_read(r->v[i]->watch))
			note_change(pause);
	return 0;
}

static int loop(struct ctx *c, const struct watch_args *a, struct rules *r, struct err *e)
{
	const struct watch_opts o = { .quiet = a->quiet, .prune = a->prune };
	auto_free struct pollfd *p = xcalloc(r->n + 1, sizeof(*p));
	struct pause pause = {0};

	for (;;) {
		if (wait_for_news(r, p, &pause, e) < 0)
			return -1;
		if (!pause.quiet_until || wait_ms(&pause) > 1)
			continue;
		pause = (struct pause){0};
		if (rules_collect(r, e) < 0 || watch_act(c, r, &o, e) < 0)
			return -1;
		rules_clear(r);
	}
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int watch(struct ctx *c, const struct watch_args *a, struct err *e)
{
	auto_rules struct rules r = {0};

	if (rules_open(&r, c, a->services, e) < 0)
		return -1;
	if (!a->no_up && up(c, a, e) < 0)
		return -1;
	if (c->g->dry_run)
		return 0;
	if (watch_first_sync(c, &r, e) < 0)
		return -1;
	watch_say(c, "Watch enabled");
	return loop(c, a, &r, e);
}

static int watch_run(struct ctx *c, const void *args, struct err *e)
{
	int fd = -1, r;

	if (!c->g->dry_run && lock_watch(&c->paths, c->name, &fd, e) < 0)
		return -1;
	r = watch(c, args, e);
	lock_watch_release(&c->paths, c->name, fd);
	if (r < 0 && e->kind == ERR_INTR) {              /* how it is meant to end */
		err_done(e);
		c->status = 128 + intr_signal();
		return 0;
	}
	return r;
}

const struct cmd cmd_watch = { .name = "watch", .usage = "[OPTION...] [SERVICE...]", .summary = "Sync, rebuild or restart when files change",
	.opts = watch_opts, .args_size = sizeof(struct watch_args), .defaults = watch_defaults,
	.services_off = offsetof(struct watch_args, services), .needs = NEED_PROJECT | NEED_PATHS | NEED_STORE, .run = watch_run };
