/* SPDX-License-Identifier: Apache-2.0 */
/* interp.h - variables in texts: $V ${V} ${V:-d} ${V-d} ${V:?e} ${V?e} ${V:+r} ${V+r}, nested, and $$.
 * runs in: client.   owns: nothing.   layer: parser, pure.
 * spec: compose-spec 12-interpolation. Values only, never keys. A $ before anything else stays as it is. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "compose/base/coll.h"
#include "compose/base/err.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "parser/diag.h"
#include "parser/node.h"

enum { INTERP_DEPTH_MAX = 64, INTERP_TEXT_MAX = 16 << 20 };

/* Variables that were met, for `config --variables`: each name once. Texts live in the arena. */
struct var { const char *name, *dflt, *alternate; bool required; struct srcpos pos; };  /* dflt, alternate: "" = none */
struct vars { struct var *v; size_t n, cap; struct map by_name; };
void vars_done(struct vars *v);

/* Where values come from. ret of fn: the value, or NULL when the variable is not set */
struct lookup { const char *(*fn)(void *ctx, const char *name); void *ctx; };
/* Lookup in a map of texts; ctx is the struct map. */
const char *lookup_map(void *map, const char *name);

/* One variable as it is met. off: byte offset of its '$' in the text; unused: inside a default or alternative that
 * is not taken */
struct interp_use { const char *name, *dflt, *alternate; bool required, set, used_default, unused; size_t off; };
struct interp_scope {
	struct lookup look;
	void (*met)(void *ctx, const struct interp_use *use);      /* or NULL; texts are valid during the call */
	void *met_ctx;
	size_t err_off;                    /* on failure: offset of the '$' that is to blame */
};
/* Append text with its variables replaced to out. err: ERR_MODEL: a required variable, a broken ${, too deep, too
 * long */
int interp_text(struct str *out, const char *text, struct interp_scope *s, struct err *e)
	__attribute__((warn_unused_result));

struct interp_ctx {
	struct arena   *arena;
	struct lookup   look;
	struct sources *src;               /* for exact positions; may be NULL */
	struct warns   *warns;             /* one per unset variable */
	struct vars    *vars;              /* or NULL */
	struct errs    *errs;
	bool            skip;              /* --no-interpolate: only record variables and mark the nodes deferred */
	size_t         *spent, max;        /* bytes that all results together have, and may have; NULL: no limit */
};
/* Replace variables in every text value below root, in place. root_path: the path in messages, "" for a document.
 * ret: 0, or -1 when mistakes were added */
int interp_tree(const struct interp_ctx *c, struct node *root, const char *root_path)
	__attribute__((warn_unused_result));
