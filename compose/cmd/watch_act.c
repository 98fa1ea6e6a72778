/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/cmd/watch_act.h"
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <sys/wait.h>
#include "compose/base/str.h"
#include "compose/cli/ui.h"
#include "compose/cmd/act.h"
#include "compose/cmd/bake.h"
#include "compose/engine/sync.h"
#include "compose/engine/used.h"
#include "compose/image/image.h"
#include "compose/state/lock.h"

void watch_say(const struct ctx *c, const char *fmt, ...)
{
	bool colour = ui_colour(c->ui);
	auto_free char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	printf("%s ⦿ %s%s\n", colour ? "\033[92m" : "", colour ? "\033[0m" : "", text);
	(void)fflush(stdout);
}

/* ret: -1 with ERR_INTR when that was it, else 0: told, and forgotten */
static int complain(struct ctx *c, struct err *e)
{
	if (act_forgive(c, e) == 0)
		return 0;
	errs_done(&c->errs);
	return -1;
}

/* "[a, b]" */
static char *list_text(const struct strv *l)
{
	auto_str struct str b = {0};

	for (size_t i = 0; i < l->n; i++)
		str_addf(&b, "%s\"%s\"", i ? " " : "[", l->v[i]);
	str_add(&b, "]");
	return str_take(&b);
}

static void add_once(struct strv *l, const char *name)
{
	if (!strv_has(l, name))
		strv_add(l, name);
}

/* ---- rebuild and restart --------------------------------------------------------------------- */

static int locked(struct ctx *c, struct err *e)
{
	return lock_project(&c->paths, c->name, "watch", true, &c->lock_fd, e);
}

static char *image_of(struct ctx *c, const char *service)
{
	auto_free char *name = bake_image_name(c->project, project_service(c->project, service));
	auto_image struct image *img = NULL;
	auto_err struct err ignored = {0};

	return image_open(c->store, name, &img, &ignored) == 0 ? xstrdup(img->id) : xstrdup("");
}

/* The image that a rebuild has taken the name from, unless something still needs it. */
static void prune(struct ctx *c, const char *id, const char *now)
{
	auto_image struct image *img = NULL;
	auto_strv struct strv used = {0};
	auto_err struct err e = {0};
	struct image_removed removed = {0};

	if (!*id || str_eq(id, now) || image_open(c->store, id, &img, &e) != 0 || img->tags.n)
		return;
	if (used_layers(&c->paths, &used, &e) < 0 || image_remove(c->store, id, false, &used, &removed, &e) < 0)
		ui_warn(c->ui, "the former image %.19s stays: %s", id, e.n ? e.frame[0] : "");
	image_removed_done(&removed);
}

static int build_and_up(struct ctx *c, struct strv *services, const struct watch_opts *o, struct err *e)
{
	const struct act_opts ao = { .quiet_build = o->quiet };
	struct goal g = { .verb = GOAL_IMAGES, .services = strv_null(services), .no_deps = true, .build = true, .timeout_ns = -1,
		.ignore_orphans = true };

	if (act(c, &g, &ao, NULL, e) < 0 || act_provide(c, &g, &ao, e) < 0)
		return -1;
	g.verb = GOAL_UP;
	g.build = false;
	return act(c, &g, &ao, NULL, e);
}

static int rebuild(struct ctx *c, struct strv *services, const struct watch_opts *o, struct err *e)
{
	auto_free char *text = list_text(services);
	auto_strv struct strv before = {0};
	int r;

	watch_say(c, "Rebuilding service(s) %s after changes were detected...", text);
	for (size_t i = 0; i < services->n; i++)
		strv_take(&before, image_of(c, services->v[i]));
	if (locked(c, e) < 0)
		return -1;
	r = build_and_up(c, services, o, e);
	ui_flush(c->ui);
	if (r < 0)
		err_wrap(e, "cannot rebuild %s", text);
	for (size_t i = 0; r == 0 && o->prune && i < services->n; i++) {
		auto_free char *now = image_of(c, services->v[i]);

		prune(c, before.v[i], now);
	}
	act_unlock(c);
	if (r == 0)
		watch_say(c, "service(s) %s successfully built", text);
	return r;
}

static int restart(struct ctx *c, struct strv *services, struct err *e)
{
	const struct goal g = { .verb = GOAL_RESTART, .services = strv_null(services), .no_deps = true, .timeout_ns = -1 };
	auto_free char *text = list_text(services);
	int r;

	if (locked(c, e) < 0)
		return -1;
	r = act(c, &g, NULL, NULL, e);
	ui_flush(c->ui);
	act_unlock(c);
	if (r < 0)
		return err_wrap(e, "cannot restart %s", text);
	watch_say(c, "service(s) %s restarted", text);
	return 0;
}

/* ---- sync ------------------------------------------------------------------------------------ */

static bool runs(const struct observed_ctr *o, const struct rule *r)
{
	return str_eq(o->service, r->service->name) && !o->oneoff && (o->state == CTR_RUNNING || o->state == CTR_PAUSED);
}

static int sync_ctr(struct ctx *c, const struct rule *r, const struct observed_ctr *o, const struct fsw_changes *changes, struct err *e)
{
	auto_ctr_root struct ctr_root root = CTR_ROOT_INIT;

	if (ctr_root_find(&root, &c->paths, c->name, o->id, e) < 0)
		return -1;
	if (!root.live)
		return 0;                         /* it has ended since: the next one is made of the image */
	if (ctr_root_open(&root, &c->paths, true, e) < 0)
		return -1;
	return sync_into(&root, r->path, r->trigger->target, changes, e);
}

static int sync_rule(struct ctx *c, const struct rule *r, const struct fsw_changes *changes, struct err *e)
{
	size_t n = 0;

	if (act_observe(c, e) < 0)
		return -1;
	for (size_t i = 0; i < c->observed->n_ctrs; i++) {
		const struct observed_ctr *o = &c->observed->ctrs[i];
		auto_err struct err why = {0};

		if (!runs(o, r))
			continue;
		n++;
		if (sync_ctr(c, r, o, changes, &why) == 0)
			continue;
		err_wrap(&why, "cannot sync %s to container %s", r->path, o->name);
		if (complain(c, &why) < 0)
			return err_set(e, ERR_INTR, 0, "interrupted");
	}
	if (!n)
		ui_warn(c->ui, "service %s has no running container: nothing was synced", r->service->name);
	return 0;
}

int watch_first_sync(struct ctx *c, const struct rules *rules, struct err *e)
{
	for (size_t i = 0; i < rules->n; i++) {
		auto_fsw_changes struct fsw_changes all = {0};
		const struct rule *r = rules->v[i];

		if (!r->trigger->initial_sync || r->trigger->action == WATCH_REBUILD || r->trigger->action == WATCH_RESTART)
			continue;
		fswatch_all(r->watch, &all);
		if (sync_rule(c, r, &all, e) < 0)
			return -1;
	}
	return 0;
}

/* ---- exec ------------------------------------------------------------------------------------ */

extern char **environ;

/* `exec` by a process of its own: this one has threads by now, and could not join the container. */
static void exec_args(const struct ctx *c, const struct rule *r, const struct observed_ctr *o, struct strv *args)
{
	const struct hook *h = &r->trigger->exec;
	const char *const fixed[] = { "compose", "--root", c->paths.root, "-p", c->name, "exec", "-T", "--index" };

	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		strv_add(args, fixed[i]);
	strv_take(args, xasprintf("%u", (unsigned)o->number));
	if (h->privileged)
		strv_add(args, "--privileged");
	if (h->user && *h->user)
		strv_take(args, xasprintf("--user=%s", h->user));
	if (h->working_dir && *h->working_dir)
		strv_take(args, xasprintf("--workdir=%s", h->working_dir));
	for (size_t i = 0; i < h->environment.n; i++)
		strv_take(args, xasprintf("--env=%s=%s", h->environment.v[i].key, h->environment.v[i].val ? h->environment.v[i].val : ""));
	strv_add(args, r->service->name);
	for (size_t i = 0; i < h->command.n; i++)
		strv_add(args, h->command.v[i]);
}

/* ret: exit status, or -1 */
static int run_self(struct strv *args, struct err *e)
{
	auto_strv struct strv env = {0};
	posix_spawn_file_actions_t fa;
	int r, status = 0;
	pid_t pid;

	for (char **v = environ; *v; v++)
		if (!str_starts(*v, "COMPOSE_FILE="))
			strv_add(&env, *v);
	(void)posix_spawn_file_actions_init(&fa);
	(void)posix_spawn_file_actions_addopen(&fa, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	(void)posix_spawn_file_actions_addchdir_np(&fa, "/");
	r = posix_spawn(&pid, "/proc/self/exe", &fa, NULL, strv_null(args), strv_null(&env));
	(void)posix_spawn_file_actions_destroy(&fa);
	if (r)
		return err_set(e, ERR_SYS, r, "start another process of this program");
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int exec_rule(struct ctx *c, const struct rule *r, struct err *e)
{
	for (size_t i = 0; i < c->observed->n_ctrs; i++) {
		const struct observed_ctr *o = &c->observed->ctrs[i];
		auto_strv struct strv args = {0};
		int status;

		if (!runs(o, r))
			continue;
		exec_args(c, r, o, &args);
		status = run_self(&args, e);
		if (status < 0)
			return -1;
		if (status)
			ui_warn(c->ui, "container %s: %s ended with status %d", o->name, r->trigger->exec.command.v[0], status);
	}
	return 0;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int sync_and_exec(struct ctx *c, const struct rule *r, struct strv *restarts, struct err *e)
{
	const struct trigger *t = r->trigger;

	if (t->action == WATCH_RESTART || t->action == WATCH_SYNC_RESTART)
		add_once(restarts, r->service->name);
	if (t->action == WATCH_RESTART)
		return 0;
	watch_say(c, "Syncing service \"%s\" after %zu changes were detected", r->service->name, r->changes.n);
	if (sync_rule(c, r, &r->changes, e) < 0)
		return -1;
	return t->action == WATCH_SYNC_EXEC ? exec_rule(c, r, e) : 0;
}

int watch_act(struct ctx *c, const struct rules *rules, const struct watch_opts *o, struct err *e)
{
	auto_strv struct strv rebuilds = {0}, restarts = {0};

	for (size_t i = 0; i < rules->n; i++)
		if (rules->v[i]->changes.n && rules->v[i]->trigger->action == WATCH_REBUILD)
			add_once(&rebuilds, rules->v[i]->service->name);
	if (rebuilds.n && rebuild(c, &rebuilds, o, e) < 0 && complain(c, e) < 0)
		return -1;
	for (size_t i = 0; i < rules->n; i++) {
		const struct rule *r = rules->v[i];

		/* one that was rebuilt has everything from the image */
		if (!r->changes.n || strv_has(&rebuilds, r->service->name))
			continue;
		if (sync_and_exec(c, r, &restarts, e) < 0 && complain(c, e) < 0)
			return -1;
	}
	if (restarts.n && restart(c, &restarts, e) < 0 && complain(c, e) < 0)
		return -1;
	return 0;
}
