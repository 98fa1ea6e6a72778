/* SPDX-License-Identifier: Apache-2.0 */
/* merge.h - one tree over another, attribute by attribute; !reset and !override; lists that hold each key once.
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
/* Keep the last of each key in lists that are unique by key, at the place of the first. ret: as above */
int merge_unique(const struct merge *m, struct node *root) __attribute__((warn_unused_result));

/* Paths that carried !reset or !override in a document. */
struct reset  { const char **key; size_t n; };
struct resets { struct reset *v; size_t n, cap; };
/* Note the tagged paths of doc, and take the !reset values out of it (the tags are cleared). */
void resets_collect(struct resets *r, struct arena *a, struct node *doc);
/* Remove the noted paths from a tree. prefix: NULL, or two keys (section, name) that root stands for. */
void resets_apply(const struct resets *r, struct node *root, const char *const *prefix);
void resets_done(struct resets *r);
