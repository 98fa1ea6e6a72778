/* SPDX-License-Identifier: Apache-2.0 */
/* merge.h - one tree over another, attribute by attribute; lists that hold each key once.
 * runs in: client.   owns: nothing; new nodes go to the arena given.   layer: parser, pure.
 * spec: compose-spec 13-merge; the table of rules is rules.c. */
#pragma once
#include "compose/base/err.h"
#include "compose/base/mem.h"
#include "parser/node.h"

struct merge { struct arena *arena; struct errs *errs; };

/* Merge over into base, in place; both may be used up. Values that differ get an origin that names what they replaced.
 * ret: 0, or -1 when a mistake was added (kinds that cannot be merged) */
int merge_project(const struct merge *m, struct node *base, struct node *over) __attribute__((warn_unused_result));
/* The same for one entry of a top-level section, section "services", "volumes" ... *base is replaced where needed. */
int merge_entry(const struct merge *m, const char *section, const char *name, struct node **base, struct node *over)
	__attribute__((warn_unused_result));
/* Keep the last of each key in lists that are unique by key, at the place of the first. */
void merge_unique(struct arena *a, struct node *root);
