/* SPDX-License-Identifier: Apache-2.0 */
/* archive.h - the functions of libarchive that we use, loaded at first use.
 * runs in: client (threads of a pull, import or build).   owns: nothing.   layer: image.
 * Only in-process filters and the tar format are ever enabled: libarchive falls back to running programs by PATH for
 * filters it was built without, and that must not happen on behalf of an image. */
#pragma once
#include <archive.h>
#include <archive_entry.h>
#include "compose/base/err.h"

struct libarchive {
	struct archive *(*read_new)(void);
	int (*read_free)(struct archive *);
	int (*filter_gzip)(struct archive *), (*filter_bzip2)(struct archive *), (*filter_xz)(struct archive *),
	    (*filter_zstd)(struct archive *), (*filter_none)(struct archive *);
	int (*format_raw)(struct archive *), (*format_empty)(struct archive *), (*format_tar)(struct archive *);
	int (*read_open)(struct archive *, void *, archive_open_callback *, archive_read_callback *,
			 archive_close_callback *);
	int (*next_header)(struct archive *, struct archive_entry **);
	int (*data_block)(struct archive *, const void **, size_t *, la_int64_t *);
	const char *(*error_string)(struct archive *);
	const char *(*pathname)(struct archive_entry *), *(*hardlink)(struct archive_entry *),
		   *(*symlink)(struct archive_entry *);
	__LA_MODE_T (*filetype)(struct archive_entry *), (*perm)(struct archive_entry *);
	la_int64_t (*uid)(struct archive_entry *), (*gid)(struct archive_entry *), (*size)(struct archive_entry *);
	time_t (*mtime)(struct archive_entry *);
	long (*mtime_nsec)(struct archive_entry *);
	dev_t (*rdevmajor)(struct archive_entry *), (*rdevminor)(struct archive_entry *);
	int (*xattr_reset)(struct archive_entry *);
	int (*xattr_next)(struct archive_entry *, const char **, const void **, size_t *);
};

/* ret: the table, or NULL with e */
const struct libarchive *libarchive_load(struct err *e);

/* Let a (may be NULL) take plain, gzip, bzip2, xz and zstd input. */
int archive_filters(const struct libarchive *l, struct archive *a, struct err *e) __attribute__((warn_unused_result));

/* libarchive turns names of pax headers into the thread's locale: make that UTF-8 for the calling thread.
 * ret: what archive_names_end() puts back */
void *archive_names_begin(void);
void archive_names_end(void *old);
