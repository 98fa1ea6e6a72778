/* SPDX-License-Identifier: Apache-2.0 */
/* scope.h - the variables that an instruction sees: ENV over ARG.
 * runs in: client, the builder's threads.   owns: its texts (scope_done).   layer: build.
 * spec: Dockerfile reference "Environment replacement", "ARG" */
#pragma once
#include <stdbool.h>
#include "compose/base/coll.h"
#include "parser/dockerfile_expand.h"

struct scope_arg { char *name, *val; };     /* val NULL: declared, not set */
/* Zero-initialise. */
struct scope {
	VEC(struct scope_arg) args;         /* in the order of declaration */
	const struct strv *env;             /* "K=V", borrowed; may be NULL */
	struct strv undefined;              /* names that were used and are not known, each once */
};
/* Declare or set. val may be NULL. */
void scope_arg(struct scope *s, const char *name, const char *val);
/* ret: the variable's value, NULL when it is not set; borrowed */
const char *scope_get(const struct scope *s, const char *name);
bool scope_declared(const struct scope *s, const char *name);
void scope_copy(struct scope *dst, const struct scope *src);        /* args only; dst is zeroed */
void scope_done(struct scope *s);

/* The scope as the expander wants it. */
struct df_scope scope_view(struct scope *s, char escape);
/* Value of key in a list of "K=V". ret: borrowed, NULL when absent */
const char *env_value(const struct strv *env, const char *key);
