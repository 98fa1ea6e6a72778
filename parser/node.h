/* SPDX-License-Identifier: Apache-2.0 */
/* node.h - a YAML document as a tree in which every node knows where it was written.
 * runs in: client.   owns: nothing; nodes live in the arena of the document set (never freed singly).   layer:
 * parser, pure.
 * spec: YAML 1.2 core schema as compose files use it; tags !reset and !override (compose-spec 13-merge). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "compose/base/err.h"
#include "compose/base/mem.h"

enum node_kind { NODE_NULL, NODE_BOOL, NODE_INT, NODE_FLOAT, NODE_STR, NODE_LIST, NODE_MAP };
enum node_tag  { NODE_TAG_NONE, NODE_TAG_RESET, NODE_TAG_OVERRIDE };

/* Small on purpose: every phase walks all nodes of the project, and a page of memory costs more than the work on it. */
struct node {
	enum node_kind kind : 8;
	enum node_tag  tag : 8;
	bool           quoted : 1;        /* written with quotes or as a block: never a number, bool or null */
	bool           interpolated : 1;  /* a variable took part: the key's type may still make a number of it */
	bool           written : 1;       /* explain_mark(): in a file, no default */
	bool           deferred : 1;      /* holds variables left as written: fits every type, parse nothing */
	uint32_t       n;                 /* pairs or items; 0 for scalars */
	struct srcpos  pos;               /* of the value */
	union {
		const char       *text;   /* scalars: as written (without quotes, later interpolated); NULL for null */
		struct node_pair *pairs;  /* NODE_MAP: as written; behind them, in a large map, an index (node.c) */
		struct node     **items;  /* NODE_LIST */
	};
	union {
		bool     b;               /* NODE_BOOL, NODE_INT, NODE_FLOAT: the value of text */
		int64_t  i;
		double   f;
		uint32_t cap;             /* NODE_MAP, NODE_LIST: room for so many (node.c) */
	};
	const struct node_origin *origin; /* where the value came from (`config --explain`); NULL: as written at pos */
};
struct node_pair { const char *key; struct srcpos key_pos; struct node *val; };
/* what: "variable X", "default of X" ..., or NULL for as written; replaced: the value that this one took the place
 * of, or NULL */
struct node_origin { const char *what; struct srcpos pos; const struct node *replaced; };

/* Constructors: the node is zeroed but for kind and pos. */
struct node *node_new(struct arena *a, enum node_kind k, struct srcpos pos);
struct node *node_str(struct arena *a, const char *text, struct srcpos pos);       /* NODE_STR, text copied */
struct node *node_int(struct arena *a, int64_t v, struct srcpos pos);
struct node *node_bool(struct arena *a, bool v, struct srcpos pos);
struct node *node_copy(struct arena *a, const struct node *n);                     /* deep */
size_t node_count(const struct node *n);           /* nodes of the tree */
/* n takes the place of old: its origin tells so from now on. */
void node_replaces(struct arena *a, struct node *n, const struct node *old);

/* Maps. ret: NULL when m is NULL, no map, or has no such key */
struct node *node_get(const struct node *m, const char *key);
struct node_pair *node_pair(const struct node *m, const char *key);
/* Set or replace (a replaced pair keeps its place). key is copied. */
void node_set(struct arena *a, struct node *m, const char *key, struct srcpos key_pos, struct node *val);
/* The same, with a key that lives as long as the arena and is not copied. */
void node_put(struct arena *a, struct node *m, const char *key, struct srcpos key_pos, struct node *val);
/* Add a pair whose key the map does not have. ret: NULL, or the pair that has it already: nothing was added */
const struct node_pair *node_add(struct arena *a, struct node *m, const struct node_pair *pair);
/* Room for so many pairs, so that adding them moves nothing. */
void node_reserve(struct arena *a, struct node *m, size_t pairs);
bool node_del(struct node *m, const char *key);                                    /* ret: was there */
void node_push(struct arena *a, struct node *list, struct node *item);
/* Path such as "services.web.ports" below n. ret: NULL when absent */
struct node *node_path(const struct node *n, const char *dotted);
const char *node_kind_name(enum node_kind k);      /* "mapping", "list", "string" ... for messages */
/* Text of a scalar, NULL for null, maps and lists. */
const char *node_text(const struct node *n);
/* Text of a scalar as its value reads where text is wanted (environment, labels): 0x1F is "31", 1.50 is "1.5", True
 * is "true".
 * ret: arena's or the node's; NULL for null, maps and lists */
const char *node_value_text(struct arena *a, const struct node *n);
/* Resolve an unquoted text as YAML 1.2 does (null, bool, int, float, else string) and set kind, text and value. text
 * is borrowed. */
void node_resolve(struct node *n, const char *text);
bool node_equal(const struct node *a, const struct node *b);   /* same data, wherever written */
