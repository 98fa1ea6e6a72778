/* SPDX-License-Identifier: Apache-2.0 */
/* profiles.h - which services take part: profiles, services named by the user, and what those depend on.
 * runs in: client.   owns: nothing; nodes go to the arena given.   layer: parser, inside only.   spec: compose-spec 15-profiles */
#pragma once
#include <stdbool.h>
#include "compose/base/err.h"
#include "compose/base/mem.h"
#include "parser/node.h"

struct profiles {
	struct arena *arena;
	const char *const *enabled;    /* NULL-terminated; "*" = all */
	const char *const *services;   /* named on the command line (may be globs), or NULL: their own profiles are enabled, too */
	bool all;                      /* every service takes part */
	bool select;                   /* keep only the named services and what they depend on */
};

/* Move the services that take no part out of root's services. in: a canonical tree
 * out: *ret_off the mapping of the ones moved out (never NULL)
 * err: ERR_USAGE "no such service" (select); ret: 0 or -1 */
int profiles_apply(const struct profiles *p, struct node *root, struct node **ret_off, struct errs *errs)
	__attribute__((warn_unused_result));
/* Narrow root's services to the named ones and what they depend on (no-op without select); dependencies on others go. */
int profiles_select(const struct profiles *p, struct node *root, struct node *off, struct errs *errs)
	__attribute__((warn_unused_result));
