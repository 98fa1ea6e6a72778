/* SPDX-License-Identifier: Apache-2.0 */
/* level.h - one model: the project, or an included one, with its own directory and environment; its files, documents
 * and extends.
 * runs in: client.   owns: level_done() frees the lists of a level; all else is the arena's.   layer: parser,
 * private to load. */
#pragma once
#include "parser/interp.h"
#include "parser/load.h"
#include "parser/reset.h"

/* One load_project_tree(). */
struct loading {
	const struct load_opts *o;
	struct load_result     *ret;
	struct errs            *errs;
	const char             *home;          /* or NULL */
	size_t                  files, bytes;  /* read so far */
	size_t                  expanded;      /* bytes of texts that variables made so far */
	size_t                  copied;        /* nodes that extends copied so far */
	struct strv             tops;          /* directories of fetched projects: what lies there does not look outside */
};

/* The files on the way to the one that is read, innermost first. */
struct chain { const struct chain *up; const char *path; };

struct level {
	struct loading *l;
	const char     *dir;                   /* absolute project directory */
	const char     *base;                  /* the same as its parent sees it: what relative paths are put onto */
	struct map     *env;
	const struct chain *chain;             /* of the including files */
	unsigned        depth;
	struct map      bases;                 /* extends: absolute path -> struct base_file */
	bool            broken;                /* a document was refused: the rest is only looked at for mistakes */
};
void level_done(struct level *lv);

/* A parsed file. docs live in the arena, the list too. tagged: !reset or !override is used in it */
struct compose_file { const char *path, *shown; struct node **doc; size_t n; bool tagged; };
/* Read and parse one file. path: absolute or "-". shown: the name for messages, or NULL: derived. at: what names it,
 * for errors
 * ret: 0, or -1 when errs grew */
int file_read(struct loading *l, const char *path, struct srcpos at, struct compose_file *ret)
	__attribute__((warn_unused_result));

/* Load files one over the other into one tree: defaults filled in, relative paths on lv->base. *ret: NULL on failure */
int level_load(struct level *lv, const struct compose_file *files, size_t n, struct node **ret)
	__attribute__((warn_unused_result));
/* Variables in doc replaced with lv's environment. */
int level_interp(struct level *lv, struct node *doc) __attribute__((warn_unused_result));

/* include.c: bring what doc includes into doc, and drop the key. */
int include_apply(struct level *lv, const struct compose_file *f, struct node *doc, const struct resets *resets)
	__attribute__((warn_unused_result));
/* extends.c: put each service of doc over the one it extends. */
int extends_apply(struct level *lv, const struct compose_file *f, struct node *doc, const struct resets *resets)
	__attribute__((warn_unused_result));

/* Forget the base files of lv. */
void extends_done(struct level *lv);

/* fetch.c: a local path for what the user wrote: absolute, relative to dir, or fetched. A relative path of a fetched
 * project stays inside it. ret: 0 and *ret in the arena, or -1 (reported) */
int local_path(struct loading *l, const char *dir, const char *path, struct srcpos at, const char **ret)
	__attribute__((warn_unused_result));
/* An absolute path as messages show it: relative when it is below the current directory. */
const char *shown_path(struct loading *l, const char *path);
