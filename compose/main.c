/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - which role this process plays; for the client: global options, the command's row, what the row needs. */
#include <errno.h>
#include <signal.h>
#include <sys/capability.h>
#include <sys/stat.h>
#include <unistd.h>
#include "compose/base/intr.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/cli/ui.h"
#include "compose/cmd/act.h"
#include "compose/cmd/cmd.h"
#include "compose/engine/dry.h"
#include "compose/engine/enter.h"
#include "compose/engine/observe.h"
#include "compose/engine/remote.h"
#include "compose/image/image.h"
#include "compose/oci/oci.h"
#include "compose/state/lock.h"
#include "compose/supervisor/supervisor.h"

#define CMD_ROW(n) &cmd_##n,
static const struct cmd *const commands[] = { COMMANDS(CMD_ROW) };

static const struct cmd *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (str_eq(commands[i]->name, name) || str_eq(commands[i]->alias, name))
			return commands[i];
	return NULL;
}

static void help_all(FILE *f)
{
	fputs("Usage: compose [OPTION...] COMMAND [ARGUMENT...]\n\nRun multi-container applications from Compose files.\n\nCommands:\n", f);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (!(commands[i]->needs & CMD_HIDDEN))
			fprintf(f, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
	fputs("  oci        Run OCI bundles (create, start, state, kill, delete, run, exec ...)\n\nOptions:\n", f);
	opt_help(global_opts, f);
	fputs("\n`compose COMMAND --help` tells more.\n", f);
}

static void help_command(const struct cmd *cmd, FILE *f)
{
	fprintf(f, "Usage: compose %s %s\n\n%s.\n", cmd->name, cmd->usage, cmd->summary);
	if (opt_any(cmd->opts)) {
		fputs("\nOptions:\n", f);
		opt_help(cmd->opts, f);
	}
}

static int unknown_command(const char *name, struct err *e)
{
	const char *names[ARRAY_LEN(commands) + 1], *near;

	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		names[i] = must(commands[i])->name;
	names[ARRAY_LEN(commands)] = NULL;
	near = str_nearest(name, names);
	err_set(e, ERR_USAGE, 0, "unknown command \"%s\"", name);
	if (near)
		return err_hint(e, "did you mean `compose %s`?", near);
	return err_hint(e, "`compose --help` lists the commands");
}

static const char *const *list(struct strv *v)
{
	return v->n ? (const char *const *)strv_null(v) : NULL;
}

/* ---- what a command's row asks for ------------------------------------------------------------------------------- */

/* Services named on the command line; one is room for the single one of `run`. */
static const char *const *selected(const struct cmd *cmd, const void *args, const char *one[2])
{
	if (cmd->one_service_off) {
		one[0] = *(const char *const *)((const char *)args + cmd->one_service_off);
		return one;
	}
	if (!cmd->services_off)
		return NULL;
	return *(const char *const *const *)((const char *)args + cmd->services_off);
}

static int load_project(struct ctx *c, const void *args)
{
	struct globals *g = (struct globals *)(uintptr_t)c->g;
	const char *one[2] = {0};
	struct remote remote = { g->root };
	const struct load_io io = remote_io(&remote);
	const struct project_opts o = {
		.io = &io,
		.files = list(&g->files), .env_files = list(&g->env_files), .profiles = list(&g->profiles),
		.project_dir = g->project_dir, .project_name = g->project_name,
		.services = selected(c->cmd, args, one),
		.all_profiles = c->cmd->needs & ALL_PROFILES,
		.allow_no_file = c->cmd->needs & MAY_LACK_FILE && g->project_name,
		.strict = g->strict, .all_resources = g->all_resources, .compatibility = g->compatibility,
	};
	auto_errs struct errs errs = {0};
	int r = project_load(&c->project, &o, &errs), status;

	status = project_report(c->project, &errs, stderr, ui_colour_err(c->ui));
	if (r < 0)
		return status ? status : 3;
	project_default_platform(c->project, project_env(c->project, "DOCKER_DEFAULT_PLATFORM"));
	c->name = c->project->name;
	if (!c->project->files.n && c->cmd->needs & MAY_LACK_FILE) {       /* -p NAME alone: act on what exists */
		c->name = g->project_name;
		project_free(c->project);
		c->project = NULL;
	}
	return 0;
}

static bool has_capability(cap_value_t v)
{
	cap_t c = cap_get_proc();
	cap_flag_value_t on = CAP_CLEAR;

	if (c)
		(void)cap_get_flag(c, v, CAP_EFFECTIVE, &on);
	(void)cap_free(c);
	return on == CAP_SET;
}

/* Rootless operation is yet to come; a half-way try would fail at some mount, and `ps` would show nothing that root runs.
 * acts: namespaces and mounts will be made, which root inside another container often may not. */
static int need_root(bool acts, struct err *e)
{
	if (geteuid() != 0) {
		err_set(e, ERR_DENIED, 0, "containers need root, and this is user %u", (unsigned)geteuid());
		return err_hint(e, "run it with sudo, or as root");
	}
	if (!acts || has_capability(CAP_SYS_ADMIN))
		return 0;
	err_set(e, ERR_DENIED, 0, "containers need CAP_SYS_ADMIN, which root does not have here");
	return err_hint(e, "inside another container, give it that capability");
}

/* The directories are made while that is possible; from then on nothing is. */
static int prepare_dry(const struct ctx *c, struct err *e)
{
	struct paths p = { .root_fd = -1, .run_fd = -1 };
	auto_store struct store *s = NULL;
	int r = paths_open(&p, c->g->root, true, e);

	if (r == 0 && c->cmd->needs & NEED_STORE)
		r = store_open(&s, p.root, e);
	paths_done(&p);
	store_free(take_ptr(s));
	return r < 0 ? -1 : dry_lock(e);
}

/* One command at a time changes a project: a second one waits, and says for whom. */
static int lock(struct ctx *c, const char *line, struct err *e)
{
	int r = lock_project(&c->paths, c->name, line, false, &c->lock_fd, e);

	if (r == 0 || e->kind != ERR_CONFLICT)
		return r;
	fprintf(stderr, "compose: %s: waiting for it\n", e->frame[0]);
	err_done(e);
	return lock_project(&c->paths, c->name, line, true, &c->lock_fd, e);
}

static int prepare(struct ctx *c, const char *line, struct err *e)
{
	unsigned needs = c->cmd->needs;

	if (needs & NEED_PATHS && need_root(needs & NEED_LOCK, e) < 0)
		return -1;
	if (needs & NEED_PATHS && c->g->dry_run && !(needs & ONLY_LOOKS) && prepare_dry(c, e) < 0)
		return -1;
	if (needs & NEED_PATHS && paths_open(&c->paths, c->g->root, true, e) < 0)
		return -1;
	if (needs & NEED_LOCK && !c->g->dry_run && lock(c, line, e) < 0)
		return -1;
	if (needs & NEED_STORE && store_open(&c->store, c->paths.root, e) < 0)
		return -1;
	if (needs & NEED_STATE && observe(&c->observed, &c->paths, c->project, c->name, c->store, false, e) < 0)
		return -1;
	return 0;
}

static void cleanup(struct ctx *c)
{
	observed_free(c->observed);
	store_free(c->store);
	act_unlock(c);
	project_free(c->project);
	if (c->cmd->needs & NEED_PATHS)
		paths_done(&c->paths);
	ui_flush(c->ui);
	ui_free(c->ui);
}

/* Ctrl-C ends many operations at once, and is told once. */
static bool only_interrupted(const struct ctx *c, const struct err *e)
{
	for (size_t i = 0; i < c->errs.n; i++)
		if (c->errs.v[i].kind != ERR_INTR)
			return false;
	return e->kind == ERR_INTR || (e->kind == ERR_NONE && c->errs.n);
}

static int report(struct ctx *c, struct err *e)
{
	int status, more;

	if (e->kind == ERR_NONE && !c->errs.n)
		return c->status;
	ui_flush(c->ui);
	if (only_interrupted(c, e)) {
		fputs("compose: interrupted\n", stderr);
		errs_done(&c->errs);
		return c->status ? c->status : 128 + (intr_signal() ? intr_signal() : SIGINT);
	}
	if (e->n)
		errs_add(&c->errs, e);
	status = ui_errors(c->ui, &c->errs);
	more = c->status;
	errs_done(&c->errs);
	return more ? more : status ? status : 1;
}

static char *join(char **argv)
{
	auto_str struct str b = {0};

	for (; *argv; argv++)
		str_addf(&b, "%s%s", b.len ? " " : "", *argv);
	return str_take(&b);
}

static int run_command(const struct globals *g, const struct cmd *cmd, char **argv)
{
	auto_free void *args = xcalloc(1, cmd->args_size ? cmd->args_size : 1);
	auto_free char *line = join(argv);
	auto_err struct err e = {0};
	struct ctx c = { .g = g, .cmd = cmd, .lock_fd = -1, .paths = { .root_fd = -1, .run_fd = -1 } };
	int r;

	if (cmd->defaults)
		cmd->defaults(args);
	r = opt_parse(cmd->opts, cmd->name, argv + 1, cmd->needs & OPTS_STOP ? OPT_STOP : OPT_MIXED, args, &e);
	if (r > 0)
		help_command(cmd, stdout);
	if (r) {
		opt_done(cmd->opts, args);
		return r > 0 ? 0 : err_report(&e, stderr);
	}
	c.ui = ui_new(g->progress, g->ansi, globals_flag("COMPOSE_STATUS_STDOUT", false));
	if (cmd->needs & NEED_PROJECT)
		r = load_project(&c, args);
	if (r == 0) {
		intr_install();
		if (prepare(&c, line, &e) == 0)
			(void)cmd->run(&c, args, &e);
		r = report(&c, &e);
	}
	cleanup(&c);
	opt_done(cmd->opts, args);
	return r;
}

static char **copy_args(char **argv)
{
	size_t n = 0;

	while (argv[n])
		n++;
	return xmemdup(argv, (n + 1) * sizeof(*argv));
}

static int help(char **rest, struct err *e)
{
	const char *name = rest[0] ? rest[1] : NULL;
	const struct cmd *cmd = name ? find_command(name) : NULL;

	if (name && !cmd && !str_eq(name, "oci")) {
		(void)unknown_command(name, e);
		return err_report(e, stderr);
	}
	if (cmd)
		help_command(cmd, stdout);
	else
		help_all(stdout);
	return 0;
}

static int dispatch(struct globals *g, char **whole, struct err *e)
{
	static char version[] = "version", *only_version[] = { version, NULL };
	char **rest = globals_settle(g, e) < 0 ? NULL : g->version ? only_version : globals_command(g, g->rest, e);
	const struct cmd *cmd;

	if (!rest)
		return err_report(e, stderr);
	if (!*rest || str_eq(*rest, "help"))
		return help(rest, e);
	cmd = find_command(*rest);
	if (!cmd) {
		(void)unknown_command(*rest, e);
		return err_report(e, stderr);
	}
	if (cmd == &cmd_exec && enter_protect(whole, e) < 0)
		return err_report(e, stderr);
	return run_command(g, cmd, rest);
}

static int client_main(char **argv)
{
	struct globals g = { .parallel = -1 };
	auto_err struct err e = {0};
	auto_free char **whole = copy_args(argv);        /* opt_parse moves them about */
	int r = opt_parse(global_opts, "", argv + 1, OPT_STOP, &g, &e);

	if (r > 0) {
		help_all(stdout);
		r = 0;
	} else if (r < 0 || globals_environment(&g, &e) < 0) {
		r = err_report(&e, stderr);
	} else {
		r = dispatch(&g, whole, &e);
	}
	opt_done(global_opts, &g);
	return r;
}

/* A reader that has gone away has seen enough; a full disk has not. */
static int flush_output(int status)
{
	if (fflush(stdout) == 0 || errno == EPIPE)
		return status;
	fprintf(stderr, "compose: cannot write to standard output: %s\n", strerror(errno));
	return status ? status : 1;
}

int main(int argc, char **argv)
{
	const char *base = argc ? strrchr(argv[0], '/') : NULL;

	sys_title_init(argc, argv);
	(void)umask(022);
	(void)signal(SIGPIPE, SIG_IGN);
	base = base ? base + 1 : argc ? argv[0] : "";
	if (str_eq(base, "compose-oci"))
		return oci_main(argc, argv);
	if (argc > 1 && str_eq(argv[1], "oci"))
		return oci_main(argc - 1, argv + 1);
	if (argc > 1 && str_starts(argv[1], "__"))
		return supervisor_main(argc, argv);
	return flush_output(client_main(argv));
}
