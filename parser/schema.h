/* SPDX-License-Identifier: Apache-2.0 */
/* schema.h - one table of every key of the Compose model: the forms it takes, how it is checked, what becomes of it here.
 * runs in: client.   owns: nothing; the table is constant.   layer: parser, pure.
 * spec: compose-spec; each row names its chapter.
 * The table is a tree of struct keys: schema_root -> services -> * -> ports -> [] -> target. The phases walk a document along
 * it: schema_check() compares, canon_apply() runs `canon` of each row, canon_defaults() runs `settle`. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "parser/diag.h"
#include "parser/node.h"

/* What a value may be. FORM_NUM takes whole numbers too. */
enum form { FORM_NULL = 1, FORM_BOOL = 2, FORM_INT = 4, FORM_NUM = 8, FORM_STR = 16, FORM_LIST = 32, FORM_MAP = 64 };
enum key_status {
	KEY_DONE,              /* carried out (or read by the loader itself) */
	KEY_REFUSED,           /* valid, but `up` stops with "not supported yet" */
	KEY_WARNED,            /* valid, without effect here: one warning */
	KEY_SILENT,            /* valid, and cannot make a difference on one host; `note` says why */
};
enum key_flags {
	KEY_NEED   = 1,        /* the mapping must have it */
	KEY_UNIQUE = 2,        /* a list whose items must differ */
	KEY_RANGE  = 4,        /* numbers must lie within lo..hi */
	KEY_SIZED  = 8,        /* at least one item */
	KEY_APART  = 16,       /* of a service, and not of its containers: changing it makes none anew */
};

/* Where the walk is: a chain on the stack, made into text only for a message. */
struct where { const struct where *up; const char *key; size_t index; };
/* What the hooks of a row work with. */
struct walk { struct arena *arena; struct errs *errs; size_t *ports; };      /* ports: entries made out of ranges so far */
/* Change *n (may be replaced). ret: 0, or -1 when a mistake was added */
typedef int key_hook(const struct walk *w, struct node **n, const struct where *at);

struct key;
/* The keys of one kind of mapping. Sorted by name; any: the row of names that the user chooses (services, networks, labels). */
struct keys {
	const struct key *v; size_t n;
	const struct key *any;
	const char       *what;                        /* "a network": whose keys these are; with any: what a name stands for */
	bool            (*name_ok)(const char *name);  /* any: NULL = every name will do */
	const char       *name_wanted;
};
struct key {
	const char        *name;
	const struct keys *keys;       /* FORM_MAP: NULL = anything goes */
	const struct key  *item;       /* FORM_LIST: NULL = anything goes */
	const char        *words;      /* the accepted words, space separated; NULL = any text */
	bool             (*valid)(const char *text);
	const char        *wanted;     /* what valid() accepts, for the message: "a name made of ..." */
	key_hook          *canon;      /* short form to long, before the children */
	key_hook          *settle;     /* typed values, defaults, checks within the element; after the children */
	const char        *spec;       /* chapter of the compose specification; NULL: that of the row above */
	const char        *note;       /* why it is refused, or why leaving it out cannot matter */
	int64_t            lo, hi;
	uint8_t            forms, status, flags;
};

/* The document itself. */
extern const struct key schema_root;
extern const struct keys schema_service, schema_build, schema_network, schema_volume, schema_config, schema_secret;
/* ret: the row of a key in a mapping, or NULL when it is not known there */
const struct key *schema_child(const struct keys *k, const char *name);
/* An extension: ignored wherever it stands, but where names are the user's. */
bool schema_is_extension(const struct keys *k, const char *name);
/* Whether a value has one of the forms that its row takes. */
bool schema_fits(const struct key *k, const struct node *n);
/* "services.web.ports[0].target". owns: caller frees */
char *where_text(const struct where *at);

/* Report the keys of one service, network, volume ... that are not carried out: KEY_REFUSED ones to errs, KEY_WARNED ones to w.
 * in: path such as "services.web"; a canonical tree. ret: 0, or -1 when errs grew */
int schema_unsupported(const struct keys *k, const struct node *map, const char *path, struct errs *errs, struct warns *w)
	__attribute__((warn_unused_result));

/* Call fn for every row below schema_root with its path ("services.*.ports[].target"), for tests and documentation. */
void schema_each(void (*fn)(void *ctx, const char *path, const struct key *k), void *ctx);
