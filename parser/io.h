/* SPDX-License-Identifier: Apache-2.0 */
/* io.h - the only way the parser reaches files: a table of calls, so that tests and fuzzers need no disk.
 * runs in: client.   owns: nothing.   layer: parser. */
#pragma once
#include <stddef.h>
#include "compose/base/err.h"

enum io_kind { IO_ABSENT, IO_FILE, IO_DIR };

struct load_io {
	void *ctx;
	/* Whole file of at most max bytes, NUL-terminated; path is absolute, or "-" for standard input. owns: caller
	 * frees *ret
	 * err: ERR_MISSING when absent */
	int (*read)(void *ctx, const char *path, size_t max, char **ret, size_t *ret_len, struct err *e);
	enum io_kind (*kind)(void *ctx, const char *path);         /* follows links */
	char *(*realpath)(void *ctx, const char *path);            /* NULL when it cannot be told; caller frees */
	/* Local copy of a remote file (git URL, oci://), and the directory of all that came with it; NULL member: remote
	 * files are refused. owns: caller frees *ret_path and *ret_top */
	int (*remote)(void *ctx, const char *url, char **ret_path, char **ret_top, struct err *e);
};

/* The host's files, without remote. */
extern const struct load_io load_io_host;
/* The current directory under the name the user came by: $PWD where that leads here, so that a project in a linked
 * directory keeps the link's name. ret: caller frees; NULL with errno */
char *load_cwd_host(void);
