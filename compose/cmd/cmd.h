/* SPDX-License-Identifier: Apache-2.0 */
/* cmd.h - a command is one row: name, words for the user, option table, what it needs, what it does.
 * runs in: client.   layer: cmd. */
#pragma once
#include <stdbool.h>
#include "compose/base/coll.h"
#include "compose/cli/opt.h"
#include "compose/state/paths.h"
#include "graph/observed.h"
#include "parser/project.h"

struct ui;
struct store;

/* The options that stand before the command. */
struct globals {
	struct strv files, profiles, env_files;
	const char *project_dir, *project_name, *root;
	char      **rest;                      /* the command and what follows */
	const char *ansi, *progress;           /* "" = auto */
	int64_t     parallel;                  /* -1 = default */
	bool        dry_run, all_resources, compatibility, verbose, version, strict, no_ansi;
	struct strv insecure;                  /* --insecure-registry */
};
/* globals.c. Resolve what stands for something else, and refuse what cannot be. err: ERR_USAGE */
extern const struct opt global_opts[];
int globals_settle(struct globals *g, struct err *e) __attribute__((warn_unused_result));
/* Settings that may come from the environment, or the env files, where no option is given. err: ERR_USAGE for one that is
 * neither of what it may be */
int globals_environment(struct globals *g, struct err *e) __attribute__((warn_unused_result));
/* A yes-or-no variable; in: globals_environment() was called. ret: dflt where it is not set */
bool globals_flag(const char *name, bool dflt);
/* The command behind an old name: "alpha viz" is "graph", and so on. in: rest: the command and what follows
 * ret: rest from the command on; NULL with e when it is known and cannot be here */
char **globals_command(struct globals *g, char **rest, struct err *e);

struct ctx {
	const struct globals *g;
	const struct cmd *cmd;
	struct paths    paths;                 /* NEED_PATHS */
	struct project *project;               /* NEED_PROJECT; with MAY_LACK_FILE NULL when only -p NAME is known */
	const char     *name;                  /* project name; NEED_PROJECT */
	struct observed *observed;             /* NEED_STATE */
	struct ui      *ui;
	int             lock_fd;               /* NEED_LOCK; -1 otherwise */
	struct store   *store;                 /* NEED_STORE */
	struct errs     errs;                  /* failures beside the one that run() returns */
	int64_t         wait_deadline_ns;      /* --wait-timeout, monotonic clock; 0 = none */
	int             status;                /* exit status of a command that ran well but reports another's (run, exec) */
};

enum cmd_needs {
	NEED_PROJECT  = 1 << 0,                /* load and check the compose files */
	MAY_LACK_FILE = 1 << 1,                /* -p NAME alone will do */
	NEED_PATHS    = 1 << 2,                /* open (and make) the directories */
	NEED_STATE    = 1 << 3,                /* observe what exists */
	NEED_LOCK     = 1 << 4,                /* hold the project's lock */
	OPTS_STOP     = 1 << 5,                /* options end at the first positional argument */
	NEED_STORE    = 1 << 6,                /* open the image store */
	ALL_PROFILES  = 1 << 7,                /* services of any profile count (down, ps, logs ...) */
	CMD_HIDDEN    = 1 << 8,
	ONLY_LOOKS    = 1 << 9,                /* changes nothing: --dry-run makes no difference */
};
struct cmd {
	const char       *name, *usage, *summary;
	const struct opt *opts;
	size_t            args_size;
	unsigned          needs;               /* enum cmd_needs: main() loads and locks before run() */
	void            (*defaults)(void *args);               /* or NULL: all zero */
	/* Offset of the char ** of services to select (activates their profiles); 0 = none. */
	size_t            services_off;
	size_t            one_service_off;     /* the same for a command with a single const char * service */
	int             (*run)(struct ctx *c, const void *args, struct err *e);
	const char       *alias;
};

#define COMMANDS(X) \
	X(attach) X(build) X(commit) X(completion) X(config) X(cp) X(create) X(down) X(events) X(exec) X(export) X(graph) X(image) \
	X(images) X(kill) X(logs) X(ls) X(pause) X(port) X(ps) X(publish) X(pull) X(push) X(restart) X(rm) X(run) X(scale) X(start) X(stats) X(stop) \
	X(top) X(unpause) X(up) X(version) X(volumes) X(wait) X(watch) X(why)
#define CMD_EXTERN(n) extern const struct cmd cmd_##n;
COMMANDS(CMD_EXTERN)
