/* SPDX-License-Identifier: Apache-2.0 */
/* dockerignore.h - which files of a context are left out.
 * runs in: client.   owns: struct ignore (ignore_free).   layer: parser, pure.   spec: Dockerfile reference ".dockerignore file"
 * Patterns match whole paths from the context's root; a directory's match counts for everything below; the last line
 * that matches decides; "!" takes back in. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "compose/base/err.h"

struct ignore;
enum { IGNORE_TEXT_MAX = 1 << 20 };
/* For a directory: descend means that it is left out itself, but a later "!" may match below it. */
enum ignore_verdict { IGNORE_TAKE, IGNORE_SKIP, IGNORE_DESCEND };

/* in:  file: name for positions. err: ERR_MODEL with the line of a broken pattern */
int  ignore_parse(struct ignore **ret, const char *file, const char *text, size_t len, struct err *e)
	__attribute__((warn_unused_result));
/* Patterns one by one (COPY --exclude). */
int  ignore_add(struct ignore **ig, const char *pattern, struct err *e) __attribute__((warn_unused_result));
/* in:  path: relative, without leading or trailing slash; "" is the root, which is always taken. ig NULL: take all */
enum ignore_verdict ignore_check(const struct ignore *ig, const char *path, bool is_dir);
void ignore_free(struct ignore *ig);
