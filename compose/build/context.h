/* SPDX-License-Identifier: Apache-2.0 */
/* context.h - where COPY takes files from: the build context, another stage or an image, read in place.
 * runs in: client, any thread.   owns: nothing.   layer: build.
 * Nothing outside the root is ever reached: links are resolved within it, and files are opened without following any.
 * spec: Dockerfile reference "COPY", ".dockerignore file".   kernel: openat2 5.6. */
#pragma once
#include <stdbool.h>
#include "compose/base/coll.h"
#include "compose/base/copy.h"
#include "compose/base/err.h"
#include "compose/base/sha256.h"
#include "compose/build/statcache.h"
#include "parser/dockerignore.h"
#include "parser/glob.h"

struct source {
	int                  root;        /* O_DIRECTORY */
	const struct ignore *ignore;      /* NULL: everything is there */
	struct statcache    *stats;       /* NULL: files are read each time */
	bool                 keep;        /* owners and attributes are kept (a stage or image); else 0:0 */
};

/* What a COPY wrote becomes paths below the root without links in them: a wildcard's matches, sorted, or one path;
 * "" is the root. in: mode: with GLOB_DEEP a segment ** stands for any number of directories
 * ret: 0; 1 when a plain path is not there (*ret_ignored: only because .dockerignore leaves it out) */
int context_find(const struct source *s, const char *pattern, enum glob_mode mode, struct strv *ret, bool *ret_ignored, struct err *e)
	__attribute__((warn_unused_result));

/* One thing to copy: rel as context_find gave it, and patterns relative to it that are left out (may be NULL). */
struct pick { const struct source *s; const char *rel; const struct ignore *exclude; };
/* The same question for digest and copy; fits struct copy_opts.filter. in: arg is a struct pick */
enum copy_want pick_filter(void *arg, const char *path, bool is_dir);
/* Add to h everything about p that the copy will have: names, types, modes, owners where kept, contents, link targets.
 * Times are left out, as is where the context lies. */
int pick_digest(const struct pick *p, struct sha256 *h, struct err *e) __attribute__((warn_unused_result));
/* Open it, or the directory that holds it, without following links.
 * ret: descriptor, or -1 with errno; *ret_name (caller frees) for pick_open_parent, "" for the root */
int pick_open(const struct pick *p, int flags);
int pick_open_parent(const struct pick *p, char **ret_name);

/* ret: path as seen from "/", ".." resolved textually and clamped, no leading slash; caller frees */
char *path_clean(const char *path);
