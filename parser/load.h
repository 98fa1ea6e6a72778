/* SPDX-License-Identifier: Apache-2.0 */
/* load.h - from the command line's files and variables to one merged, canonical tree.
 * runs in: client.   owns: load_result_done() frees all of a result.   layer: parser, pure: files come through
 * struct load_io.
 * spec: compose-spec loader order; file lookup, environment and project name rules as docker compose has them. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "compose/base/coll.h"
#include "compose/base/err.h"
#include "compose/base/mem.h"
#include "parser/diag.h"
#include "parser/interp.h"
#include "parser/io.h"
#include "parser/node.h"

enum {
	LOAD_FILES_MAX = 1000,             /* files of one run */
	LOAD_BYTES_MAX = 256 << 20,        /* all of them together; also all texts that variables made */
	LOAD_DEPTH_MAX = 64,               /* nested include or extends */
	LOAD_COPY_MAX  = 4 * 1000 * 1000,  /* nodes that extends copies */
};

struct load_opts {
	const struct load_io *io;
	const char *const *environ_kv;     /* process environment, "K=V", NULL-terminated */
	const char *cwd;                   /* absolute */
	const char *const *files;          /* -f, NULL-terminated or NULL; "-" is standard input */
	const char *project_dir;           /* --project-directory, or NULL */
	const char *project_name;          /* -p, or NULL */
	const char *const *env_files;      /* --env-file, NULL-terminated or NULL */
	bool no_interpolate, no_path_resolution;
	bool name_only;                    /* stop when files, environment and name are known: root stays NULL */
	bool explain;                      /* mark what is written, so that defaults can be told apart */
	bool allow_no_file;                /* no compose file at all is no error: root stays NULL */
};

struct load_result {
	struct arena   arena;
	struct node   *root;               /* merged, canonical, paths resolved; without `version` and `include` */
	const char    *name;               /* project name, valid */
	const char    *dir;                /* absolute project directory */
	struct strv    files;              /* absolute, in order; "-" for standard input */
	struct strv    env_files;          /* absolute; the ones given or found */
	struct map     env;                /* variable -> const char *: process, env files, COMPOSE_PROJECT_NAME */
	struct map     source_env;         /* see load_source_env() */
	struct warns   warns;
	struct vars    vars;
	struct sources src;                /* for diag_report */
};
#define auto_load __attribute__((cleanup(load_result_done)))

/* Load a project's tree. in: *ret zeroed; it is filled as far as the load came, so diag_report can show lines after
 * a failure
 * err: each mistake in errs: ERR_MODEL (also: no file), ERR_MISSING, ERR_USAGE for a bad -p. ret: 0 or -1 */
int load_project_tree(const struct load_opts *o, struct load_result *ret, struct errs *errs)
	__attribute__((warn_unused_result));
void load_result_done(struct load_result *r);
/* ret: the value of a variable in r's environment, or NULL */
const char *load_env(const struct load_result *r, const char *name);
/* ret: the value of `environment` of secrets.KEY or configs.KEY (included files have variables of their own), or
 * NULL when unset */
const char *load_source_env(const struct load_result *r, const char *section, const char *key);

/* Lower-case, drop what a project name cannot hold, trim leading _ and -. ret: caller frees; may be "" */
char *project_name_normal(const char *s);
bool  project_name_valid(const char *s);
