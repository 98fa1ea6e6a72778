/* SPDX-License-Identifier: Apache-2.0 */
/* run.c - `compose run`: a one-off container of a service, with another command.
 * The service's ports are not published and its names are not taken, unless asked for; its restart policy does not count. */
#include <errno.h>
#include <signal.h>
#include "compose/base/fs.h"
#include "compose/base/json.h"
#include "compose/base/str.h"
#include "compose/cli/ui.h"
#include "compose/cmd/act.h"
#include "compose/cmd/run_service.h"
#include "compose/cmd/session.h"
#include "compose/state/record.h"
#include "compose/supervisor/client.h"

static const struct opt run_opts[] = {
	OPT_FLAG(0, "build", struct run_args, build, "build the image first"),
	OPT_STRS(0, "cap-add", struct run_args, cap_add, "CAPABILITY", "give it a capability; repeatable"),
	OPT_STRS(0, "cap-drop", struct run_args, cap_drop, "CAPABILITY", "take a capability away; repeatable"),
	OPT_FLAG('d', "detach", struct run_args, detach, "in the background; prints the container's name"),
	OPT_STR(0, "entrypoint", struct run_args, entrypoint, "COMMAND", "instead of the image's entrypoint"),
	OPT_STRS('e', "env", struct run_args, env, "KEY=VALUE", "set a variable; a bare KEY takes the environment's value; repeatable"),
	OPT_STRS(0, "env-from-file", struct run_args, env_files, "FILE", "set the variables of a file, as env_file does; repeatable"),
	OPT_FLAGX('i', "interactive", struct run_args, interactive, 0, "keep standard input open (default true)"),
	OPT_STRS('l', "label", struct run_args, labels, "KEY=VALUE", "add a label; repeatable"),
	OPT_STR(0, "name", struct run_args, name, "NAME", "name of the container"),
	OPT_FLAG(0, "no-deps", struct run_args, no_deps, "do not start what the service depends on"),
	OPT_FLAG('T', "no-tty", struct run_args, no_tty, "no terminal (default: one where input and output are terminals)"),
	OPT_FLAGX(0, "no-TTY", struct run_args, no_tty, OPT_HIDDEN, ""),
	OPT_FLAGX('t', "tty", struct run_args, no_tty, OPT_HIDDEN | OPT_INVERT, ""),
	OPT_STRS('p', "publish", struct run_args, publish, "PORT", "publish a port; repeatable"),
	OPT_CHOICE(0, "pull", struct run_args, pull, "always missing never policy", "which images to pull"),
	OPT_FLAG('q', "quiet", struct run_args, quiet, "only the container's own output"),
	OPT_FLAG(0, "quiet-build", struct run_args, quiet_build, "no output of builds"),
	OPT_FLAG(0, "quiet-pull", struct run_args, quiet_pull, "no progress of pulls"),
	OPT_FLAG(0, "remove-orphans", struct run_args, remove_orphans, "remove containers of services not in the file"),
	OPT_FLAG(0, "rm", struct run_args, rm, "remove the container when it has ended"),
	OPT_FLAG('P', "service-ports", struct run_args, service_ports, "publish the service's ports"),
	OPT_FLAG(0, "use-aliases", struct run_args, use_aliases, "take the service's names in its networks"),
	OPT_STR('u', "user", struct run_args, user, "USER[:GROUP]", "run as"),
	OPT_STRS('v', "volume", struct run_args, volumes, "[SOURCE:]TARGET[:OPTIONS]", "mount a volume or directory; repeatable"),
	OPT_ALIAS_STRS("volumes", struct run_args, volumes), OPT_ALIAS_STRS("labels", struct run_args, labels),
	OPT_STR('w', "workdir", struct run_args, workdir, "DIR", "working directory"),
	OPT_HEAD(struct run_args, service, "SERVICE", ""),
	OPT_REST(struct run_args, command, "COMMAND", ""),
	OPT_END
};

static void run_defaults(void *args)
{
	((struct run_args *)args)->interactive = true;
}

/* The container is removed also when it could not be started, or when we were told to stop; not when the user left it. */
static int foreground(struct ctx *c, const struct run_args *a, struct engine *en, const char *id, const struct service *s, struct err *e)
{
	struct pump_keys keys;
	struct session se = { .id = id, .start = true, .tty = s->tty, .with_stdin = a->interactive, .kill_second = true, .keys = &keys };
	auto_err struct err ignored = {0};
	int ret;

	if (engine_mount_volumes(en, id, e) < 0 || engine_sup(en, &se.sup, e) < 0 || pump_keys_parse(&keys, "ctrl-p,ctrl-q", e) < 0)
		return -1;
	ret = session_run(&se, &c->status, e);
	if (!a->rm || ret == SESSION_DETACHED)
		return ret < 0 ? -1 : 0;
	if (sup_call(se.sup, "stop", json_pack("{s:s,s:i}", "ctr", id, "timeout_ns", 0), NULL, 0, NULL, &ignored) < 0)
		err_done(&ignored);
	if (engine_remove_ctr(en, id, true, &ignored) < 0)
		ui_warn(c->ui, "container %.12s stays: %s", id, ignored.frame[0]);
	return ret < 0 ? -1 : 0;
}

static int background(struct engine *en, const char *id, const char *name, struct err *e)
{
	struct sup *sup;

	if (engine_mount_volumes(en, id, e) < 0 || engine_sup(en, &sup, e) < 0 || sup_call(sup, "start", json_pack("{s:s}", "ctr", id), NULL, 0, NULL, e) < 0)
		return -1;
	puts(name);
	return 0;
}

static int prepare_project(struct ctx *c, const struct run_args *a, struct err *e)
{
	char *services[] = { (char *)(uintptr_t)a->service, NULL };
	const struct act_opts ao = { .quiet_pull = a->quiet || a->quiet_pull, .quiet_build = a->quiet || a->quiet_build };
	struct goal g = { .verb = GOAL_IMAGES, .services = services, .no_deps = a->no_deps, .build = a->build, .timeout_ns = -1,
		.pull = str_eq(a->pull, "policy") ? NULL : a->pull, .remove_orphans = a->remove_orphans };

	if (act_check_supported(c, services, a->no_deps ? USE_NAMED : USE_DEPS, e) < 0 || act(c, &g, &ao, NULL, e) < 0)
		return -1;
	if (act_provide(c, &g, &ao, e) < 0)
		return -1;
	g.verb = GOAL_RUN;
	g.build = false;
	return act(c, &g, &ao, NULL, e);
}

/* Mistakes on the command line, before anything is started for it. */
static int check_args(const struct ctx *c, const struct run_args *a, const struct service *base, struct err *e)
{
	struct arena arena = {0};
	struct service s = *base;
	struct pkvs labels = {0};
	int r = run_service(&arena, c->project, a, &s, &labels, e);

	arena_done(&arena);
	return r;
}

/* Two of one name could not be told apart, by people or by the names of networks. */
static int check_free(const struct ctx *c, const struct run_args *a, struct err *e)
{
	for (size_t i = 0; a->name && i < c->observed->n_ctrs; i++) {
		const struct observed_ctr *o = &c->observed->ctrs[i];

		if (!str_eq(o->name, a->name))
			continue;
		err_set(e, ERR_CONFLICT, 0, "the name %s is that of a container of service %s", a->name, o->service);
		return err_hint(e, "give it another --name, or remove that one");
	}
	return 0;
}

static int run_run(struct ctx *c, const void *args, struct err *e)
{
	const struct run_args *a = args;
	const struct service *base = project_service(c->project, a->service);
	auto_engine struct engine *en = NULL;
	struct arena arena = {0};
	struct service s;
	struct pkvs labels = {0};
	char id[65], *name = NULL;
	int r;

	if (!base)
		return project_no_service(c->project, a->service, e);
	if (base->provider) {
		err_set(e, ERR_MODEL, 0, "service %s is a provider's: there is no container to run", base->name);
		return err_at(e, base->provider->pos, base->name);
	}
	if (a->quiet)
		ui_set_quiet(c->ui);
	if (check_args(c, a, base, e) < 0)
		return -1;
	if (prepare_project(c, a, e) < 0)
		return err_wrap(e, "cannot run %s", a->service);
	if (c->g->dry_run) {
		act_would(c, "run %s in a new container of service %s", a->command && *a->command ? a->command[0] : "its command", a->service);
		return 0;
	}
	s = *base;
	r = run_service(&arena, c->project, a, &s, &labels, e);
	if (r == 0) {
		const struct oneoff o = { .name = a->name, .auto_remove = a->rm, .use_aliases = a->use_aliases, .labels = labels.v,
			.n_labels = labels.n };

		r = act_observe(c, e) < 0 || check_free(c, a, e) < 0 ? -1 : 0;
		en = r == 0 ? act_engine(c, NULL) : NULL;
		if (r == 0)
			r = engine_oneoff(en, &s, &o, id, &name, e);
	}
	ui_flush(c->ui);
	act_unlock(c);                            /* while it runs, other commands may act on the project */
	if (r == 0)
		r = a->detach ? background(en, id, name, e) : foreground(c, a, en, id, &s, e);
	free(name);
	arena_done(&arena);
	return r < 0 ? err_wrap(e, "cannot run %s", a->service) : 0;
}

const struct cmd cmd_run = { .name = "run", .usage = "[OPTION...] SERVICE [COMMAND [ARGUMENT...]]",
	.summary = "Run a one-off container of a service", .opts = run_opts, .args_size = sizeof(struct run_args), .defaults = run_defaults,
	.one_service_off = offsetof(struct run_args, service),
	.needs = NEED_PROJECT | NEED_PATHS | NEED_STORE | NEED_LOCK | OPTS_STOP, .run = run_run };
