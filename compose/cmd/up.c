/* SPDX-License-Identifier: Apache-2.0 */
/* up.c - `compose up`, `create` and `scale`: bring what exists to what the file says. */
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/cli/ui.h"
#include "compose/cmd/act.h"
#include "compose/cmd/attach_view.h"
#include "compose/cmd/story.h"
#include "compose/cmd/watch_rules.h"

struct up_args {
	bool detach, build, no_build, force_recreate, no_recreate, always_deps, no_deps, no_start, remove_orphans, ignore_orphans, renew_anon;
	bool wait, no_color, no_prefix, timestamps, quiet_pull, quiet_build, abort_on_exit, abort_on_failure, attach_deps, menu, yes, watch;
	const char *pull, *exit_code_from;
	struct strv scale, attach, no_attach;
	int64_t timeout_ns, wait_timeout_ns;
	char **services;
};

#define UP_COMMON \
	OPT_FLAG(0, "build", struct up_args, build, "build images first"), \
	OPT_FLAG(0, "no-build", struct up_args, no_build, "never build; a missing image is an error"), \
	OPT_FLAG(0, "force-recreate", struct up_args, force_recreate, "make containers anew even if nothing changed"), \
	OPT_FLAG(0, "no-recreate", struct up_args, no_recreate, "keep containers even if their configuration changed"), \
	OPT_CHOICE(0, "pull", struct up_args, pull, "always missing never build policy", "which images to pull"), \
	OPT_FLAG(0, "quiet-pull", struct up_args, quiet_pull, "no progress of pulls"), \
	OPT_FLAG(0, "remove-orphans", struct up_args, remove_orphans, "remove containers of services not in the file"), \
	OPT_STRS(0, "scale", struct up_args, scale, "SERVICE=N", "number of containers; repeatable"), \
	OPT_FLAGX('y', "yes", struct up_args, yes, 0, "make volumes anew that changed in the file, without asking; their data is lost")

static const struct opt up_opts[] = {
	OPT_FLAG('d', "detach", struct up_args, detach, "return when the containers have been started"),
	UP_COMMON,
	OPT_FLAG(0, "abort-on-container-exit", struct up_args, abort_on_exit, "stop all when a container ends; end with its code"),
	OPT_FLAG(0, "abort-on-container-failure", struct up_args, abort_on_failure, "the same, for a code other than 0"),
	OPT_FLAG(0, "always-recreate-deps", struct up_args, always_deps, "with --force-recreate: dependencies too"),
	OPT_STRS(0, "attach", struct up_args, attach, "SERVICE", "show only its output; repeatable"),
	OPT_FLAG(0, "attach-dependencies", struct up_args, attach_deps, "also show the output of dependencies"),
	OPT_STR(0, "exit-code-from", struct up_args, exit_code_from, "SERVICE", "end with its code; implies --abort-on-container-exit"),
	OPT_FLAG(0, "menu", struct up_args, menu, "keys while attached: d detaches (default; COMPOSE_MENU)"),
	OPT_STRS(0, "no-attach", struct up_args, no_attach, "SERVICE", "do not show its output; repeatable"),
	OPT_FLAG(0, "no-color", struct up_args, no_color, "no colours"),
	OPT_FLAG(0, "no-deps", struct up_args, no_deps, "only the named services"),
	OPT_FLAG(0, "no-log-prefix", struct up_args, no_prefix, "lines as they are"),
	OPT_FLAG(0, "no-start", struct up_args, no_start, "create only"),
	OPT_FLAG(0, "quiet-build", struct up_args, quiet_build, "no output of builds"),
	OPT_FLAG('V', "renew-anon-volumes", struct up_args, renew_anon, "fresh anonymous volumes for containers made anew"),
	OPT_SECS('t', "timeout", struct up_args, timeout_ns, "SECONDS", "wait before SIGKILL (default: stop_grace_period)"),
	OPT_FLAG(0, "timestamps", struct up_args, timestamps, "the time in front of each line"),
	OPT_FLAG(0, "wait", struct up_args, wait, "in the background, until all run and are healthy"),
	OPT_SECS(0, "wait-timeout", struct up_args, wait_timeout_ns, "SECONDS", "with --wait: how long at most"),
	OPT_FLAG('w', "watch", struct up_args, watch, "also watch for changed files, as `watch` does"),
	OPT_REST(struct up_args, services, "SERVICE", "services (default: all); with their dependencies"),
	OPT_END
};

static void up_defaults(void *args)
{
	struct up_args *a = args;

	a->timeout_ns = -1;
	a->menu = globals_flag("COMPOSE_MENU", true);
	a->remove_orphans = globals_flag("COMPOSE_REMOVE_ORPHANS", false);
	a->ignore_orphans = globals_flag("COMPOSE_IGNORE_ORPHANS", false);
}

/* "web=3" ... to numbers. ret: array of *ret_n, caller frees (names are borrowed from keep) */
static int parse_scales(struct ctx *c, const struct strv *texts, struct goal_scale **ret, size_t *ret_n, struct strv *keep, struct err *e)
{
	struct goal_scale *v = xcalloc(texts->n, sizeof(*v));

	*ret = v;
	for (size_t i = 0; i < texts->n; i++) {
		const char *eq = strchr(texts->v[i], '=');
		const struct service *s;
		uint64_t n;

		if (!eq || !str_to_u64(eq + 1, &n) || n > 100000) {
			err_set(e, ERR_USAGE, 0, "\"%s\" is not SERVICE=NUMBER", texts->v[i]);
			return -1;
		}
		strv_take(keep, xstrndup(texts->v[i], (size_t)(eq - texts->v[i])));
		s = project_service(c->project, keep->v[keep->n - 1]);
		if (!s)
			return project_no_service(c->project, keep->v[keep->n - 1], e);
		if (n > 1 && *s->container_name) {
			err_set(e, ERR_MODEL, 0, "service %s has container_name %s and cannot have %d containers", s->name, s->container_name, (int)n);
			return err_at(e, s->pos, s->name);
		}
		v[(*ret_n)++] = (struct goal_scale){ keep->v[keep->n - 1], (unsigned)n };
	}
	return 0;
}

/* spec: docker compose refuses the same pairs. */
static int contradiction(const struct up_args *a, struct err *e)
{
	const char *back = a->detach ? "--detach" : a->wait ? "--wait" : "--no-start";
	const bool away = a->detach || a->wait || a->no_start;
	const struct { bool both; const char *a, *b; } v[] = {
		{ a->build && a->no_build, "--build", "--no-build" },
		{ a->force_recreate && a->no_recreate, "--force-recreate", "--no-recreate" },
		{ a->renew_anon && a->no_recreate, "--renew-anon-volumes", "--no-recreate" },
		{ a->always_deps && a->no_recreate, "--always-recreate-deps", "--no-recreate" },
		{ a->abort_on_exit && a->abort_on_failure, "--abort-on-container-exit", "--abort-on-container-failure" },
		{ a->attach.n && a->attach_deps, "--attach", "--attach-dependencies" },
		{ a->no_build && a->watch, "--no-build", "--watch" },
		{ away && a->abort_on_exit, back, "--abort-on-container-exit" },
		{ away && a->abort_on_failure, back, "--abort-on-container-failure" },
		{ away && a->exit_code_from, back, "--exit-code-from" },
		{ away && a->attach.n, back, "--attach" },
		{ away && a->attach_deps, back, "--attach-dependencies" },
		{ away && a->watch, back, "--watch" },
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		if (v[i].both)
			return err_set(e, ERR_USAGE, 0, "%s and %s contradict each other", v[i].a, v[i].b);
	return 0;
}

/* A service that an option names, and that may have a profile which is not enabled. */
static int check_named(const struct ctx *c, const char *name, struct err *e)
{
	bool known = project_service(c->project, name);

	for (size_t i = 0; i < c->project->inactive.n; i++)
		known = known || str_eq(c->project->inactive.v[i], name);
	return known ? 0 : project_no_service(c->project, name, e);
}

static int check_names(const struct ctx *c, const struct up_args *a, struct err *e)
{
	for (size_t i = 0; i < a->attach.n; i++)
		if (check_named(c, a->attach.v[i], e) < 0)
			return err_wrap(e, "--attach");
	for (size_t i = 0; i < a->no_attach.n; i++)
		if (check_named(c, a->no_attach.v[i], e) < 0)
			return err_wrap(e, "--no-attach");
	if (a->exit_code_from && !project_service(c->project, a->exit_code_from)) {
		(void)project_no_service(c->project, a->exit_code_from, e);
		return err_wrap(e, "--exit-code-from");
	}
	return 0;
}

static int check(const struct ctx *c, const struct up_args *a, struct err *e)
{
	if (contradiction(a, e) < 0 || check_names(c, a, e) < 0)
		return -1;
	if (a->remove_orphans && a->ignore_orphans)
		return err_set(e, ERR_USAGE, 0, "cannot combine COMPOSE_IGNORE_ORPHANS and --remove-orphans");
	if (a->wait_timeout_ns && !a->wait)
		ui_warn(c->ui, "--wait-timeout does nothing without --wait");
	if (a->watch && rules_check(c->project, a->services, e) < 0)
		return -1;
	if (!c->project->n_services) {
		err_set(e, ERR_MODEL, 0, "no service selected");
		return err_hint(e, c->project->inactive.n ? "every service has a profile: enable one with --profile" : "add a service to the file");
	}
	return 0;
}

static int attached(struct ctx *c, const struct up_args *a, const struct goal *g, const struct act_opts *ao, struct err *e)
{
	auto_plan struct plan *p = NULL;
	const struct attach_opts o = { .services = a->services, .attach = &a->attach, .no_attach = &a->no_attach, .attach_deps = a->attach_deps,
		.menu = a->menu, .watch = a->watch, .quiet_watch = a->quiet_build,
		.view = { .no_prefix = a->no_prefix, .timestamps = a->timestamps, .colour = !a->no_color && ui_colour(c->ui) },
		.abort_on_exit = a->abort_on_exit || a->exit_code_from, .abort_on_failure = a->abort_on_failure,
		.exit_code_from = a->exit_code_from, .timeout_ns = a->timeout_ns };

	if (act_plan(c, g, ao, &p, e) < 0)
		return -1;
	return attach_run(c, p, ao, &o, e);
}

static int images_first(struct ctx *c, const struct goal *up, const struct act_opts *ao, struct err *e)
{
	struct goal g = *up;

	g.verb = GOAL_IMAGES;
	return act(c, &g, ao, NULL, e);
}

static int up_run(struct ctx *c, const void *args, struct err *e)
{
	const struct up_args *a = args;
	struct act_opts ao = { .quiet_pull = a->quiet_pull, .quiet_build = a->quiet_build, .say_unchanged = true,
		.renew = a->yes ? RENEW_YES : RENEW_ASK };
	auto_free struct goal_scale *scale = NULL;
	auto_strv struct strv names = {0};
	int64_t began_ns = sys_now_ns();
	struct goal g = { .verb = a->no_start ? GOAL_CREATE : GOAL_UP, .services = a->services, .no_deps = a->no_deps,
		.recreate = a->force_recreate ? RECREATE_FORCE : a->no_recreate ? RECREATE_NEVER : RECREATE_DIVERGED,
		.always_recreate_deps = a->always_deps, .renew_anon_volumes = a->renew_anon, .remove_orphans = a->remove_orphans,
		.ignore_orphans = a->ignore_orphans,
		.build = a->build || a->watch, .no_build = a->no_build, .pull = str_eq(a->pull, "policy") ? NULL : a->pull, .timeout_ns = a->timeout_ns,
		.wait_healthy = a->wait };

	if (check(c, a, e) < 0 || act_check_supported(c, a->services, a->no_deps ? USE_NAMED : USE_DEPS, e) < 0 ||
	    parse_scales(c, &a->scale, &scale, &g.n_scale, &names, e) < 0)
		return -1;
	g.scale = scale;
	if (images_first(c, &g, &ao, e) < 0)
		return act_wrap(e, "cannot get the images");
	if (act_provide(c, &g, &ao, e) < 0)
		return -1;
	if (a->wait && a->wait_timeout_ns > 0)
		c->wait_deadline_ns = sys_mono_ns() + a->wait_timeout_ns;
	if (a->detach || a->wait || a->no_start || c->g->dry_run ? act(c, &g, &ao, NULL, e) < 0 : attached(c, a, &g, &ao, e) < 0) {
		const struct story_opts o = { .f = stderr, .tail = 10, .no_output = !(a->detach || a->wait), .told = e };

		if (!c->g->dry_run && e->kind != ERR_INTR && ui_mode(c->ui) != UI_JSON)
			story_of_failures(c, a->services, began_ns, &o);
		return act_wrap(e, "cannot bring the project up");
	}
	if (c->g->dry_run && !a->detach && !a->wait && !a->no_start)
		act_would(c, "end of 'compose up' output, interactive run is not supported in dry-run mode");
	return 0;
}

const struct cmd cmd_up = { .name = "up", .usage = "[OPTION...] [SERVICE...]", .summary = "Create and start containers",
	.opts = up_opts, .args_size = sizeof(struct up_args), .defaults = up_defaults, .services_off = offsetof(struct up_args, services),
	.needs = NEED_PROJECT | NEED_PATHS | NEED_STORE | NEED_LOCK, .run = up_run };

/* ---- create --------------------------------------------------------------------------------------------------------- */

static const struct opt create_opts[] = {
	UP_COMMON,
	OPT_REST(struct up_args, services, "SERVICE", "services (default: all); with their dependencies"),
	OPT_END
};

static int create_run(struct ctx *c, const void *args, struct err *e)
{
	struct up_args a = *(const struct up_args *)args;

	a.no_start = true;
	return up_run(c, &a, e);
}

const struct cmd cmd_create = { .name = "create", .usage = "[OPTION...] [SERVICE...]", .summary = "Create containers, do not start them",
	.opts = create_opts, .args_size = sizeof(struct up_args), .defaults = up_defaults,
	.services_off = offsetof(struct up_args, services),
	.needs = NEED_PROJECT | NEED_PATHS | NEED_STORE | NEED_LOCK, .run = create_run };

/* ---- scale ----------------------------------------------------------------------------------------------------------- */

struct scale_args { bool no_deps; char **pairs; };

static const struct opt scale_opts[] = {
	OPT_FLAG(0, "no-deps", struct scale_args, no_deps, "do not start dependencies"),
	OPT_RESTX(struct scale_args, pairs, "SERVICE=N", OPT_NEED, "number of containers"),
	OPT_END
};

static int scale_run(struct ctx *c, const void *args, struct err *e)
{
	const struct scale_args *s = args;
	auto_strv struct strv names = {0};
	struct up_args a = { .detach = true, .no_deps = s->no_deps, .timeout_ns = -1 };
	int r;

	for (char **p = s->pairs; *p; p++) {
		strv_add(&a.scale, *p);
		strv_take(&names, xstrndup(*p, strcspn(*p, "=")));
	}
	a.services = strv_null(&names);
	r = up_run(c, &a, e);
	strv_done(&a.scale);
	return r;
}

const struct cmd cmd_scale = { .name = "scale", .usage = "[OPTION...] SERVICE=N...", .summary = "Set the number of containers of services",
	.opts = scale_opts, .args_size = sizeof(struct scale_args), .needs = NEED_PROJECT | NEED_PATHS | NEED_STORE | NEED_LOCK,
	.run = scale_run };
