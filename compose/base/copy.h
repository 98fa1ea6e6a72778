/* SPDX-License-Identifier: Apache-2.0 */
/* copy.h - copy a tree through descriptors: no link is ever followed, no path is resolved twice.
 * runs in: client, supervisor.   owns: nothing.   layer: base.
 * kernel: copy_file_range 5.3 (shares blocks where the file system can); read and write where it cannot. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "compose/base/err.h"

/* COPY_DESCEND: enter the directory, make it only if something inside is taken */
enum copy_want { COPY_TAKE, COPY_SKIP, COPY_DESCEND };

struct copy_opts {                    /* all zero: a faithful copy */
	bool   set_owner; uid_t uid; gid_t gid;      /* instead of the source's */
	/* The mode (07777) of everything but links, directories too, from the source's; NULL: the source's. */
	mode_t (*mode)(const void *arg, mode_t old, bool is_dir); const void *mode_arg;
	bool   now;                                  /* times of the copy instead of the source's */
	bool   set_mtime; int64_t mtime_s;           /* every mtime */
	bool   no_xattrs;                            /* leave xattrs out; otherwise overlay's own are left out */
	bool   opaque;                               /* the source is an overlay's upper: but for its marks of opaque directories */
	bool   split_links;                          /* hard-linked names become separate files */
	bool   no_special;                           /* refuse devices, FIFOs and sockets (sockets are never copied) */
	bool   keep_dirs;                            /* a directory that exists keeps its owner, mode and times */
	/* Asked for each entry; path is relative to the source, "" for itself. NULL: take all. */
	enum copy_want (*filter)(void *arg, const char *path, bool is_dir);
	void  *arg;
};

/* Copy src_name below src_dirfd to dst_name below dst_dirfd. A directory is merged into an existing one; a file
 * replaces a file or link; a directory and a non-directory do not replace each other.
 * in: the names are single components, or "" for the directory itself (both)
 * err: ERR_SYS with the path of the entry; ERR_CONFLICT directory against file; ERR_INTR; a partial copy stays */
int fs_copy_tree(int src_dirfd, const char *src_name, int dst_dirfd, const char *dst_name, const struct copy_opts *o,
		 struct err *e) __attribute__((warn_unused_result));
/* Copy the content of one open file to another from offset 0, holes kept. ret: 0, or -1 with errno */
int fs_copy_data(int src, int dst);
