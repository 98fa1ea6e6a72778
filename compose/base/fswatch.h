/* SPDX-License-Identifier: Apache-2.0 */
/* fswatch.h - what changes below a path: directories of any depth, new ones too, renames, removals.
 * runs in: client.   owns: struct fswatch.   layer: base.
 * inotify only says where to look; what has changed is told by comparing with what was seen last. So a queue that ran over, a
 * directory moved in whole, or a file that was written, renamed and written again come out right.
 * kernel: inotify; the number of directories is limited by fs.inotify.max_user_watches. */
#pragma once
#include <stdbool.h>
#include "compose/base/coll.h"
#include "compose/base/copy.h"
#include "compose/base/err.h"

struct fswatch;
struct fsw_change { char *path; bool removed, is_dir; };     /* path: relative, "" is the top itself */
struct fsw_changes { struct fsw_change *v; size_t n, cap; };
#define auto_fsw_changes __attribute__((cleanup(fsw_changes_done)))
void fsw_changes_done(struct fsw_changes *c);

/* Asked for everything but the top; as in struct copy_opts: COPY_SKIP leaves out a directory with all in it, COPY_DESCEND
 * only itself. */
typedef enum copy_want fsw_filter(void *arg, const char *path, bool is_dir);
/* in: path: a file or directory, which may come later (its parent is there), outlives *ret; links below it are not followed.
 * filter may be NULL
 * err: ERR_MISSING: no parent; ERR_SYS with a hint when the kernel allows no more watches */
int  fswatch_new(struct fswatch **ret, const char *path, fsw_filter *filter, void *arg, struct err *e)
	__attribute__((warn_unused_result));
void fswatch_free(struct fswatch *w);
int  fswatch_fd(const struct fswatch *w);       /* readable when something may have changed */
/* Take what the kernel has to say. ret: whether there is reason to ask for the changes */
bool fswatch_read(struct fswatch *w);
/* Add what has changed since the last call, directories before what is in them; a removed directory stands for all of it. */
int  fswatch_changes(struct fswatch *w, struct fsw_changes *out, struct err *e) __attribute__((warn_unused_result));
/* Add everything there is. */
void fswatch_all(const struct fswatch *w, struct fsw_changes *out);
