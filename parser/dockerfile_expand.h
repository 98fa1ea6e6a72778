/* SPDX-License-Identifier: Apache-2.0 */
/* dockerfile_expand.h - variables and quotes in the words of a Dockerfile.
 * runs in: client.   owns: nothing.   layer: parser, pure.   spec: Dockerfile reference "Environment replacement"
 * Values are never expanded again. A result is capped, so that ENV A=$A$A cannot fill the memory. */
#pragma once
#include <stdbool.h>
#include "compose/base/coll.h"
#include "compose/base/err.h"

enum { DF_VALUE_MAX = 1 << 20, DF_NEST_MAX = 64 };

struct df_scope {
	/* ret: the value of a variable (borrowed until the next call), NULL when it is not set */
	const char *(*get)(void *arg, const char *name);
	/* Told of names that are not set and have no default; NULL: nobody asks. */
	void (*undefined)(void *arg, const char *name);
	void *arg;
	char  escape;
};

/* Expand s; quotes are taken away. ret: 0 with *ret (caller frees). err: ERR_MODEL */
int df_expand(const struct df_scope *sc, const char *s, char **ret, struct err *e) __attribute__((warn_unused_result));
/* As df_expand, but blanks that stand outside quotes, also in values, separate words. */
int df_expand_words(const struct df_scope *sc, const char *s, struct strv *ret, struct err *e)
	__attribute__((warn_unused_result));
/* Expand the body of a heredoc: quotes stay as they are. */
int df_expand_body(const struct df_scope *sc, const char *s, char **ret, struct err *e)
	__attribute__((warn_unused_result));
