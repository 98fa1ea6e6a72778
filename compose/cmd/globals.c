/* SPDX-License-Identifier: Apache-2.0 */
/* globals.c - the options that stand before the command, and commands under names they no longer have. */
#include "compose/base/str.h"
#include "compose/cmd/cmd.h"

const struct opt global_opts[] = {
	OPT_STRS('f', "file", struct globals, files, "FILE", "compose file; repeatable, - is standard input"),
	OPT_STR('p', "project-name", struct globals, project_name, "NAME", "project name"),
	OPT_STRS(0, "profile", struct globals, profiles, "NAME", "enable a profile; repeatable, * is all"),
	OPT_STRS(0, "env-file", struct globals, env_files, "FILE", "environment file instead of .env; repeatable"),
	OPT_STR(0, "project-directory", struct globals, project_dir, "DIR",
		"base of relative paths and of the default name"),
	{.type = OPT_T_STR,
	 .name = "workdir",
	 .off = offsetof(struct globals, project_dir),
	 .arg = "DIR",
	 .help = "",
	 .flags = OPT_HIDDEN},
	OPT_CHOICE(0, "progress", struct globals, progress, "auto tty plain json quiet", "how progress is shown"),
	OPT_CHOICE(0, "ansi", struct globals, ansi, "auto always never", "colours and cursor movement"),
	OPT_INT(0, "parallel", struct globals, parallel, "N", "operations at once (-1: no limit)"),
	OPT_FLAG(0, "dry-run", struct globals, dry_run, "print what would be done, do nothing"),
	OPT_FLAG(0, "all-resources", struct globals, all_resources,
		 "also networks, volumes, configs and secrets that no service uses"),
	OPT_FLAG(0, "compatibility", struct globals, compatibility,
		 "names with _ instead of -, as docker-compose v1 made them"),
	OPT_FLAGX(0, "verbose", struct globals, verbose, OPT_HIDDEN, ""),
	OPT_FLAGX(0, "no-ansi", struct globals, no_ansi, OPT_HIDDEN, ""),
	{.type = OPT_T_STRS,
	 .name = "insecure-registry",
	 .off = offsetof(struct globals, insecure),
	 .arg = "HOST",
	 .help = "",
	 .flags = OPT_HIDDEN},
	OPT_FLAG(0, "strict", struct globals, strict, "treat warnings about the files as errors"),
	OPT_STR(0, "root", struct globals, root, "DIR",
		"where everything is kept (COMPOSE_ROOT; default /var/lib/compose)"),
	OPT_FLAG('v', "version", struct globals, version, "print the version"),
	OPT_REST(struct globals, rest, "COMMAND", "command and its arguments"),
	OPT_END
};

static void adopt(const char *name, const char *val)
{
	(void)setenv(name, val, 0);
}

static const char *const *list(struct strv *v)
{
	return v->n ? (const char *const *)strv_null(v) : NULL;
}

bool globals_flag(const char *name, bool dflt)
{
	bool yes = dflt;

	(void)str_to_bool(getenv(name), &yes);
	return yes;
}

static int check_flags(struct err *e)
{
	static const char *const names[] = { "COMPOSE_COMPATIBILITY", "COMPOSE_IGNORE_ORPHANS", "COMPOSE_MENU",
		"COMPOSE_REMOVE_ORPHANS", "COMPOSE_STATUS_STDOUT" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *v = getenv(names[i]);
		bool yes;

		if (v && *v && !str_to_bool(v, &yes)) {
			err_set(e, ERR_USAGE, 0, "%s is neither true nor false: %s", names[i], v);
			return err_hint(e, "set it to 1 or 0");
		}
	}
	return 0;
}

/* A variable that stands for an option with a list of words. */
static int word(const char *name, const char *option, const char **out, struct err *e)
{
	const char *v = getenv(name);
	const struct opt *o = global_opts;

	if (*out || !v || !*v)
		return 0;
	while (!str_eq(o->name, option))
		o++;
	*out = v;
	if (opt_is_choice(o->choices, v))
		return 0;
	err_set(e, ERR_USAGE, 0, "%s: \"%s\" is not known here", name, v);
	return err_hint(e, "use one of: %s", o->choices);
}

/* Docker's builder reads this one, and has more words; those that mean nothing here are its own affair. */
static void buildkit_progress(struct globals *g)
{
	const char *v = getenv("BUILDKIT_PROGRESS");
	static const char *const words[][2] = { { "auto", "auto" }, { "tty", "tty" }, { "plain", "plain" }, { "quiet", "quiet" },
		{ "none", "quiet" }, { "rawjson", "json" } };

	for (size_t i = 0; i < ARRAY_LEN(words) && !g->progress; i++)
		if (str_eq(v, words[i][0]))
			g->progress = words[i][1];
}

int globals_environment(struct globals *g, struct err *e)
{
	const struct project_opts o = { .files = list(&g->files), .env_files = list(&g->env_files), .project_dir = g->project_dir };
	const char *limit;

	project_settings(&o, adopt);
	if (check_flags(e) < 0 || word("COMPOSE_PROGRESS", "progress", &g->progress, e) < 0 ||
	    word("COMPOSE_ANSI", "ansi", &g->ansi, e) < 0)
		return -1;
	buildkit_progress(g);
	g->compatibility = g->compatibility || globals_flag("COMPOSE_COMPATIBILITY", false);
	limit = getenv("COMPOSE_PARALLEL_LIMIT");
	if (g->parallel < 0 && limit && *limit && !str_to_i64(limit, &g->parallel)) {
		err_set(e, ERR_USAGE, 0, "COMPOSE_PARALLEL_LIMIT: \"%s\" is not a number", limit);
		return err_hint(e, "set it to the number of operations at once, or -1");
	}
	return 0;
}

int globals_settle(struct globals *g, struct err *e)
{
	if (g->no_ansi)
		g->ansi = "never";
	if (!g->insecure.n)
		return 0;
	err_set(e, ERR_USAGE, 0,
		"--insecure-registry %s: registries are spoken to over TLS, without it only on this host (127.0.0.1)",
		g->insecure.v[0]);
	return err_hint(e,
			"give the registry a certificate; one of your own counts from /etc/docker/certs.d/HOST/ca.crt");
}

/* now: the command's name today, and an option that makes it what it was; NULL: why not */
static const struct old { const char *group, *name; const char *now, *why, *with; } old[] = {
	{ "alpha", "viz", "graph", NULL, "--format=dot" }, { "alpha", "watch", "watch", NULL, NULL }, { "alpha", "scale", "scale", NULL, NULL },
	{ "alpha", "publish", "publish", NULL, NULL },
	{ "alpha", "generate", NULL, "a compose file from containers that no compose file made: here there are none", NULL },
	{ "bridge", NULL, NULL, "it hands the model to images of Docker's that write files for Kubernetes", NULL },
};

static char **renamed(const struct old *o, char **rest, struct err *e)
{
	if (!o->now) {
		err_set(e, ERR_USAGE, 0, "`compose %s%s%s` is not carried out: %s", o->group, o->name ? " " : "",
			o->name ? o->name : "", o->why);
		(void)err_hint(e, "`compose config` prints the model for other tools");
		return NULL;
	}
	rest += !o->with;
	rest[0] = (char *)(uintptr_t)o->now;
	if (o->with)                              /* first, so that what is typed wins */
		rest[1] = (char *)(uintptr_t)o->with;
	return rest;
}

char **globals_command(struct globals *g, char **rest, struct err *e)
{
	if (!*rest)
		return rest;
	if (str_eq(rest[0], "alpha") && str_eq(rest[1], "dry-run")) {
		g->dry_run = true;
		return rest + (str_eq(rest[2], "--") ? 3 : 2);
	}
	for (size_t i = 0; i < ARRAY_LEN(old); i++)
		if (str_eq(rest[0], old[i].group) && (!old[i].name || str_eq(rest[1], old[i].name)))
			return renamed(&old[i], rest, e);
	if (!str_eq(rest[0], "alpha"))
		return rest;
	err_set(e, ERR_USAGE, 0, "`compose alpha`: there is no such experiment%s%s", rest[1] ? ": " : "",
		rest[1] ? rest[1] : "");
	(void)err_hint(e, "there are dry-run, viz, watch, scale and publish");
	return NULL;
}
