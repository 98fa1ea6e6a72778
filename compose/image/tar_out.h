/* SPDX-License-Identifier: Apache-2.0 */
/* tar_out.h - write trees of files as a tar, through descriptors only.
 * runs in: client.   owns: struct tar_out.   layer: image.   spec: POSIX pax, only where ustar will not do.
 * The tree may be hostile and changing: links are stored, never followed; a file is as long as it was when it was
 * opened. */
#pragma once
#include <stdbool.h>
#include "compose/base/copy.h"
#include "compose/base/err.h"

struct tar_out;
struct tar_out_opts {
	bool whiteouts;             /* an overlay's layer: its marks of what is gone become ".wh." names, as in an image */
	bool one_mount;             /* what is mounted below appears empty: a directory, or a file of no length */
	enum copy_want (*filter)(void *arg, const char *path, bool is_dir);   /* as in struct copy_opts */
	void *arg;
};

/* in: fd: stays the caller's, need not be seekable */
int  tar_out_new(struct tar_out **ret, int fd, struct err *e) __attribute__((warn_unused_result));
/* The same into a function. ret of write: 0; -1 with errno or nothing known */
typedef int tar_out_write_fn(void *arg, const void *buf, size_t len);
int  tar_out_new_fn(struct tar_out **ret, tar_out_write_fn *write, void *arg, struct err *e)
	__attribute__((warn_unused_result));
/* Add name below dirfd (a single component, or "" for dirfd itself) with everything in it, as "as" ("" : its contents
 * only, at the top). Sockets are left out. err: ERR_SYS with the entry's path; ERR_INTR */
int tar_out_tree(struct tar_out *t, int dirfd, const char *name, const char *as, const struct tar_out_opts *o,
		 struct err *e) __attribute__((warn_unused_result));
/* Write the end of the archive. */
int  tar_out_end(struct tar_out *t, struct err *e) __attribute__((warn_unused_result));
void tar_out_free(struct tar_out *t);
static inline void tar_out_freep(struct tar_out **t) { tar_out_free(*t); }
#define auto_tar_out __attribute__((cleanup(tar_out_freep)))
